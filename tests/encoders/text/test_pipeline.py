import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lexseg.encoders.text.base import TextEncoder
from lexseg.encoders.text.bert import BertTextEncoder
from lexseg.encoders.text.pipeline import TextPipeline
from lexseg.encoders.text.word import WordEncoder
from lexseg.errors import TextError

LEFT, RIGHT = "left lung.", "lower right lung."


class Counting(TextEncoder):
    """A frozen encoder of one number a letter that counts how often it is run."""

    name, width, max_length, trainable = "counting", 2, 30, False

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.factor = torch.nn.Parameter(torch.tensor([factor, 0.0]), requires_grad=False)
        self.runs = 0

    def token_ids(self, text: str) -> list[int]:
        return [ord(c) for c in text]

    def unknown_share(self, text: str) -> float:
        return 0.0

    def vocabulary(self) -> Mapping[str, int]:
        return {"a": 97}

    def config(self) -> dict[str, Any]:
        return {}

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        self.runs += len(input_ids)
        return input_ids[..., None] * self.factor


def test_a_frozen_encoder_gives_padded_states(minilm: BertTextEncoder) -> None:
    batch = TextPipeline(minilm)([LEFT, RIGHT])
    assert batch.input_ids is None and batch.states is not None
    assert batch.states.shape == (2, 6, 384) and batch.states.dtype == torch.float32
    assert batch.attention_mask.tolist() == [[True] * 5 + [False], [True] * 6]
    with torch.no_grad():
        expected = minilm(*minilm.tokenize([LEFT]))[0]
    torch.testing.assert_close(batch.states[0, :5], expected)
    assert batch.states[0, 5].abs().sum() == 0


def test_a_trained_encoder_gives_ids() -> None:
    encoder = WordEncoder(["left", "lung", "lower", "right", "."], width=8, heads=2)
    batch = TextPipeline(encoder, cache="never/made")([None, LEFT, RIGHT])
    assert batch.states is None and batch.input_ids is not None
    assert batch.input_ids.tolist() == [[0, 0, 0, 0], [2, 3, 6, 0], [4, 5, 3, 6]]
    assert batch.attention_mask.sum(1).tolist() == [0, 3, 4]
    assert not Path("never").exists()


def test_missing_and_blank_sentences_are_null() -> None:
    for encoder in (Counting(), WordEncoder(["left"], width=8, heads=2)):
        batch = TextPipeline(encoder)([None, "", "  \n", "left"])
        assert batch.is_null.tolist() == [True, True, True, False]
        assert batch.attention_mask.any(1).tolist() == [False, False, False, True]
        alone = TextPipeline(encoder)([None])
        assert alone.attention_mask.tolist() == [[False]]


def test_equal_sentences_have_equal_ids_and_null_ones_their_own() -> None:
    pipeline = TextPipeline(Counting())
    ids = pipeline([LEFT, RIGHT, " left  lung. ", None, None]).caption_id.tolist()
    assert ids[0] == ids[2]
    assert len({ids[0], ids[1], ids[3], ids[4]}) == 4
    assert TextPipeline(Counting(2.0))([RIGHT]).caption_id.tolist() == [ids[1]]  # the same in every process


def test_sentences_that_list_the_same_in_another_order_are_equal() -> None:
    one, other, third = TextPipeline(Counting())(
        ["Left lung and right.", "right, left lung", "left, right lung"]
    ).caption_id
    assert one == other != third


def test_states_can_take_part_in_a_backward_pass(minilm: BertTextEncoder) -> None:
    states = TextPipeline(minilm)([LEFT]).states
    assert states is not None
    weight = torch.ones(384, requires_grad=True)
    (states * weight).sum().backward()
    assert weight.grad is not None and weight.grad.abs().sum() > 0


def test_the_encoder_runs_once_for_each_distinct_sentence() -> None:
    encoder = Counting()
    pipeline = TextPipeline(encoder)
    first = pipeline([LEFT, RIGHT, LEFT, None]).states
    assert encoder.runs == 2
    second = pipeline([LEFT, RIGHT, LEFT, None]).states
    assert encoder.runs == 2
    assert first is not None and second is not None and torch.equal(first, second)


def test_a_state_does_not_depend_on_its_company(minilm: BertTextEncoder) -> None:
    alone = TextPipeline(minilm)([LEFT]).states
    beside = TextPipeline(minilm)([RIGHT + " " + RIGHT, LEFT]).states
    assert alone is not None and beside is not None
    assert torch.equal(alone[0], beside[1, :5])  # to the bit, or a resumed run would drift


def test_a_second_process_reads_the_cache(tmp_path: Path) -> None:
    first, second = Counting(), Counting()
    expected = TextPipeline(first, tmp_path)([LEFT, RIGHT]).states
    again = TextPipeline(second, tmp_path)
    found = again([LEFT, RIGHT, None]).states
    assert (first.runs, second.runs) == (2, 0)
    assert expected is not None and found is not None and torch.equal(found[:2], expected)
    again(["upper lung"])
    assert TextPipeline(third := Counting(), tmp_path)([LEFT, "upper lung"]) and third.runs == 0


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="maps of a process are read in Linux's way")
def test_many_sentences_of_a_cache_are_few_maps_of_it(tmp_path: Path) -> None:
    """A process may have 65,530: a map for each of a hundred thousand sentences ended a run as it began."""
    sentences = ["".join(chr(97 + n // 26**i % 26) for i in range(3)) for n in range(400)]
    TextPipeline(Counting(), tmp_path).precompute(sentences)
    again, encoder = None, Counting()
    before = len(Path("/proc/self/maps").read_text().splitlines())
    again = TextPipeline(encoder, tmp_path)
    again.precompute(sentences)
    assert encoder.runs == 0
    assert len(Path("/proc/self/maps").read_text().splitlines()) - before < 100
    assert pickle.loads(pickle.dumps(again))([sentences[7]]).states is not None


def test_precompute_writes_one_shard(tmp_path: Path) -> None:
    encoder = Counting()
    pipeline = TextPipeline(encoder, tmp_path)
    pipeline.precompute([LEFT, RIGHT, LEFT, "", None], progress=True)
    assert encoder.runs == 2
    pipeline([LEFT, RIGHT])
    pipeline.precompute([RIGHT])
    assert encoder.runs == 2
    assert len(list(tmp_path.rglob("*.safetensors"))) == 1


def test_the_cache_of_another_encoder_is_ignored(tmp_path: Path) -> None:
    TextPipeline(Counting(1.0), tmp_path)([LEFT])
    other = Counting(2.0)
    states = TextPipeline(other, tmp_path)([LEFT]).states
    assert other.runs == 1
    assert states is not None and states[0, 0, 0] == 2 * ord("l")
    # even where it lies under this one's name
    own, foreign = other.fingerprint(), Counting(1.0).fingerprint()
    for file in (tmp_path / foreign[:16]).iterdir():
        file.replace(tmp_path / own[:16] / file.name)
    states = TextPipeline(third := Counting(2.0), tmp_path)([LEFT]).states
    assert third.runs == 1 and states is not None and states[0, 0, 0] == 2 * ord("l")


def test_no_sentence_is_written(tmp_path: Path) -> None:
    TextPipeline(Counting(), tmp_path)(["Jane Roe left lung"])
    files = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert {p.suffix for p in files} == {".json", ".safetensors"}
    for file in files:
        assert "Roe" not in str(file)
        assert b"Roe" not in file.read_bytes()


@pytest.mark.parametrize("damage", ["shard cut", "shard gone", "index cut", "index foreign"])
def test_a_damaged_cache_is_computed_again(tmp_path: Path, damage: str) -> None:
    TextPipeline(Counting(), tmp_path)([LEFT])
    shard, index = next(tmp_path.rglob("*.safetensors")), next(tmp_path.rglob("index.json"))
    if damage == "shard cut":
        shard.write_bytes(shard.read_bytes()[:-8])
    elif damage == "shard gone":
        shard.unlink()
    elif damage == "index cut":
        index.write_text(index.read_text()[:20])
    else:
        index.write_text(json.dumps([1, 2]))
    encoder = Counting()
    states = TextPipeline(encoder, tmp_path)([LEFT]).states
    assert encoder.runs == 1 and states is not None and states[0, 0, 0] == ord("l")
    TextPipeline(mended := Counting(), tmp_path)([LEFT])
    assert mended.runs == 0


def test_a_full_disk_is_a_warning_and_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lexseg.encoders.text.state_cache.os.replace", full)
    pipeline = TextPipeline(Counting(), tmp_path)
    with pytest.warns(UserWarning, match="No space left"):
        states = pipeline([LEFT]).states
    assert states is not None and states[0, 0, 0] == ord("l")
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []
    pipeline([RIGHT])  # warned once


def test_without_a_folder_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    TextPipeline(Counting())([LEFT])
    assert list(tmp_path.iterdir()) == []


def test_memory_is_bounded_and_forgets_the_least_recently_used() -> None:
    encoder = Counting()
    pipeline = TextPipeline(encoder, memory_limit=3 * 4 * 2 * 4)  # three sentences of four letters, two floats each
    pipeline(["aaaa", "bbbb", "cccc"])
    pipeline(["aaaa"])
    pipeline(["dddd"])  # b goes
    assert encoder.runs == 4
    pipeline(["aaaa", "cccc", "dddd"])
    assert encoder.runs == 4
    pipeline(["bbbb"])
    assert encoder.runs == 5
    batch = pipeline([c * 4 for c in "efghij"])  # more than fits at once
    assert batch.states is not None and batch.states[:, 0, 0].tolist() == [ord(c) for c in "efghij"]


def test_too_long_a_sentence_is_refused_by_both_ways() -> None:
    for encoder in (Counting(), WordEncoder(["left"], width=8, heads=2, max_length=3)):
        with pytest.raises(TextError, match="tokens"):
            TextPipeline(encoder)(["left " * 10])


def test_it_can_be_sent_to_another_process(tmp_path: Path) -> None:
    pipeline = TextPipeline(Counting(), tmp_path)
    pipeline([LEFT])
    sent = pickle.loads(pickle.dumps(pipeline))
    sent([LEFT])
    assert sent.encoder.runs == 1


def test_what_is_met_by_chance_is_written_nowhere_and_displaces_nothing(tmp_path):
    """A misspelt sentence is met once in a thousand steps: thousands of them must not fill disk and memory."""
    encoder = Counting()
    pipeline = TextPipeline(encoder, tmp_path, memory_limit=8 * 3 * 4 * 2 * 4)  # eight times three sentences
    pipeline.precompute(["left", "abcd"])
    pipeline.close()
    written = {path: path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()}
    assert written
    for k in range(100):
        pipeline([f"{k:04d}"])
    assert {path: path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()} == written
    runs = encoder.runs
    pipeline(["left", "abcd", "0099", "0098", "0097"])  # those known before, and the last three met
    assert encoder.runs == runs
    pipeline(["0096"])
    assert encoder.runs == runs + 1
    assert torch.equal(pipeline(["0096"]).states[0], TextPipeline(Counting())(["0096"]).states[0])


def test_what_is_met_by_chance_is_encoded_alone(monkeypatch):
    """After a resumption other sentences are met beside it; its last bits must not depend on them."""
    encoder = Counting()
    pipeline, sizes = TextPipeline(encoder), []
    forward = encoder.forward
    monkeypatch.setattr(encoder, "forward", lambda ids, mask: sizes.append(len(ids)) or forward(ids, mask))
    pipeline(["aaaa", "bbbb", "cccc"])
    pipeline.close()
    pipeline(["dddd", "eeee", "aaaa", "ffff"])
    assert sizes == [3, 1, 1, 1]
