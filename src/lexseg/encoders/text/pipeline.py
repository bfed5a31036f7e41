"""From sentences to a ``TextBatch``: ids for a trained encoder, remembered states for a frozen one."""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lexseg.encoders.text.base import TextEncoder
from lexseg.encoders.text.batch import TextBatch
from lexseg.encoders.text.state_cache import StateCache
from lexseg.language.same_meaning import meaning_id, phrases

_TOGETHER = 32  # sentences of equal length that go through the encoder at once
_PORTION = 1024  # sentences after which the cache is written


class TextPipeline:
    """Turns sentences into a ``TextBatch``.

    ``None`` and blank sentences are the null sentence. A trainable encoder's sentences become ``input_ids``. A frozen
    encoder is run once for each distinct sentence; sentences of equal length go through it together, never padded, so
    that a sentence's states do not depend on the company it was met in.

    Args:
        encoder: the text encoder.
        cache: a folder in which a frozen encoder's states outlive the process: the run's own. Sentences are patient
            data, so it is ``None`` when serving.
        memory_limit: the most bytes of states to keep in memory; the least recently used go first.

    Once it is closed, sentences that it does not know are met by chance (misspelt, in other words): they are kept in
    memory only, in an eighth of the limit and apart, so that they displace none that will surely be met again.
    """

    def __init__(self, encoder: TextEncoder, cache: Path | str | None = None, *, memory_limit: int = 256 << 20) -> None:
        self.encoder = encoder
        self.memory_limit = memory_limit
        self._known: OrderedDict[str, Tensor] = OrderedDict()
        self._bytes = 0
        self._lock = threading.RLock()
        self._chance: TextPipeline | None = None
        self._disk: StateCache | None = None
        if cache is not None and not encoder.trainable:
            self._disk = StateCache(Path(cache), encoder.fingerprint(), encoder.width)

    def __call__(self, texts: Sequence[str | None]) -> TextBatch:
        """Make a batch.

        Raises:
            TextError: if a sentence is longer than the encoder reads.
        """
        sentences = [_tidy(text) for text in texts]
        is_null = torch.tensor([not s for s in sentences], dtype=torch.bool)
        caption_id = torch.tensor([_caption_id(s, row) for row, s in enumerate(sentences)], dtype=torch.int64)
        if self.encoder.trainable:
            ids, mask = self._ids(sentences)
            return TextBatch(attention_mask=mask, caption_id=caption_id, is_null=is_null, input_ids=ids)
        states, mask = self._states(sentences)
        return TextBatch(attention_mask=mask, caption_id=caption_id, is_null=is_null, states=states)

    def precompute(self, texts: Iterable[str | None], progress: bool = False) -> None:
        """Encode all these sentences now, and write them to the cache. A trainable encoder has none."""
        if self.encoder.trainable:
            return
        sentences = list(dict.fromkeys(s for s in map(_tidy, texts) if s))
        with self._lock:
            missing = [s for s in sentences if self._recall(s) is None]
            portions = [missing[i : i + _PORTION] for i in range(0, len(missing), _PORTION)]
            if progress and missing:
                from rich.progress import Progress

                with Progress(transient=True) as bar:
                    task = bar.add_task("Encoding sentences", total=len(missing))
                    for portion in portions:
                        self._remember(self._encode(portion))
                        bar.advance(task, len(portion))
            else:
                for portion in portions:
                    self._remember(self._encode(portion))

    def close(self) -> None:
        """From now on write nothing: what is not known by now is met by chance."""
        with self._lock:
            self._chance = TextPipeline(self.encoder, memory_limit=self.memory_limit // 8)

    def _ids(self, sentences: list[str]) -> tuple[Tensor, Tensor]:
        given = [i for i, s in enumerate(sentences) if s]
        some_ids, some_mask = self.encoder.tokenize([sentences[i] for i in given])
        ids = torch.full((len(sentences), some_ids.shape[1]), self.encoder.pad_id, dtype=torch.int64)
        mask = torch.zeros_like(ids, dtype=torch.bool)
        ids[given], mask[given] = some_ids, some_mask
        return ids, mask

    def _states(self, sentences: list[str]) -> tuple[Tensor, Tensor]:
        rows: dict[str, Tensor] = {}
        with self._lock:
            distinct = list(dict.fromkeys(s for s in sentences if s))
            for sentence in distinct:
                found = self._recall(sentence)
                if found is not None:
                    rows[sentence] = found
            unknown = [s for s in distinct if s not in rows]
            # of a run, one by one: who is met together by chance is not the same after a resumption, and on several
            # threads the last bits depend on it
            portions = [[s] for s in unknown] if self._chance is not None else [unknown]
            fresh = {s: states for portion in portions for s, states in self._encode(portion).items()}
            rows |= fresh
            self._remember(fresh)
        length = max((len(row) for row in rows.values()), default=1)
        states = torch.zeros(len(sentences), length, self.encoder.width)
        mask = torch.zeros(len(sentences), length, dtype=torch.bool)
        for i, sentence in enumerate(sentences):
            if sentence:
                row = rows[sentence]
                states[i, : len(row)] = row
                mask[i, : len(row)] = True
        return states, mask

    def _encode(self, sentences: Sequence[str]) -> dict[str, Tensor]:
        """float32[L, D] each, on the CPU. Not in inference mode: a loss must be able to keep it for its backward."""
        device = next(self.encoder.parameters()).device
        by_length: dict[int, list[tuple[str, Tensor, Tensor]]] = {}
        for sentence in sentences:
            ids, mask = self.encoder.tokenize([sentence])
            by_length.setdefault(ids.shape[1], []).append((sentence, ids, mask))
        states: dict[str, Tensor] = {}
        for same in by_length.values():
            for start in range(0, len(same), _TOGETHER):
                names, tokens, masks = zip(*same[start : start + _TOGETHER], strict=True)
                with torch.no_grad(), torch.autocast(device.type, enabled=False):
                    out = self.encoder(torch.cat(tokens).to(device), torch.cat(masks).to(device)).float().cpu()
                states |= {name: row.clone() for name, row in zip(names, out, strict=True)}
        return states

    def _recall(self, sentence: str) -> Tensor | None:
        if sentence in self._known:
            self._known.move_to_end(sentence)
            return self._known[sentence]
        found = self._disk.get(sentence) if self._disk is not None else None
        if found is not None:
            self._keep(sentence, found)
        elif self._chance is not None:
            return self._chance._recall(sentence)
        return found

    def _remember(self, fresh: dict[str, Tensor]) -> None:
        if self._chance is not None:
            self._chance._remember(fresh)
            return
        for sentence, states in fresh.items():
            self._keep(sentence, states)
        if self._disk is not None and fresh:
            self._disk.add(fresh)

    def _keep(self, sentence: str, states: Tensor) -> None:
        self._known[sentence] = states
        self._bytes += states.nbytes
        while self._bytes > self.memory_limit and self._known:
            _, dropped = self._known.popitem(last=False)
            self._bytes -= dropped.nbytes

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.RLock()


def _tidy(text: str | None) -> str:
    """One form for sentences that differ in white space only."""
    return " ".join(text.split()) if text else ""


def _caption_id(sentence: str, row: int) -> int:
    """Equal for equal phrases, in every batch and process; a null sentence is equal to none, and negative."""
    return meaning_id(phrases(sentence) or sentence) if sentence else -1 - row
