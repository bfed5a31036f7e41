"""What a model in a browser asks of LexSeg's own rules: run there by Pyodide, and here by the tests.

What a sentence denies, whose left it means, what is in scope, what state that comes to and what a report finds is
decided by the modules that decide it everywhere; the page's JavaScript has numbers alone. Everything goes in and out as
JSON. `lexseg.export.web` packs this module and all that it imports: it may import nothing that needs more than Python.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from types import SimpleNamespace
from typing import Any

from lexseg.encoders.text.reader import checked_ids
from lexseg.errors import ConfigError, LexSegError
from lexseg.language.lexicon import lexicon
from lexseg.language.sides import names_place
from lexseg.language.vocabulary import mended
from lexseg.models.config import ImageScope, WordsScope, World
from lexseg.outputs.wording import for_clients
from lexseg.predict.answered import (
    AS_NEGATIVE,
    SEVERAL,
    TURNED,
    WITHOUT_FRAME,
    Answerer,
    Outside,
    State,
    consistent,
    judged,
    outside,
    state_of,
    unfamiliar,
)
from lexseg.predict.panels import CUT, told_of
from lexseg.predict.report_findings import report_findings
from lexseg.predict.words import Sides, Spoken, asked_with, doubts_of, sides_of, told, understood

_LOOKS = (
    (WITHOUT_FRAME, "tidied"), (AS_NEGATIVE, "inverted"), (TURNED, "turned"), (SEVERAL, "several"), (CUT, "cut"),
)  # fmt: skip
"""What is doubtful of an image, by what the page calls it."""
TokenIds = Callable[[str, bool], Sequence[int]]
"""The ids of a sentence, with or without the special ones."""


@dataclass(frozen=True, slots=True)
class _Reader:
    """The page's tokenizer as :class:`lexseg.encoders.text.reader.Reader`."""

    ids: TokenIds
    name: str
    max_length: int
    unknown_id: int | None

    def token_ids(self, text: str) -> list[int]:
        return list(self.ids(text, True))

    def unknown_share(self, text: str) -> float:
        ids = list(self.ids(text, False))
        return sum(i == self.unknown_id for i in ids) / len(ids) if ids else 1.0

    def count_tokens(self, text: str) -> int:
        return len(self.token_ids(text))

    def check(self, text: str) -> None:
        checked_ids(self.token_ids(text), self.name, self.max_length)


@dataclass(frozen=True, slots=True)
class _Learnt:
    """The worlds of a scope, which the page measures; and whether it judges words, as far as the page has said."""

    worlds: tuple[World, ...]
    judges_words: bool = False


class Rules:
    """A model's rules.

    Args:
        about: `rules.json` of the folder: ``laterality``, ``threshold``, ``presence_threshold``, ``plain``, ``reader``
            (``name``, ``max_length``, ``unknown_id``; null for an image-only model), ``worlds`` (null where the scope
            is unknown), ``modalities``, ``name`` and ``sha256``.
        ids: the page's tokenizer.
    """

    def __init__(self, about: str, ids: TokenIds) -> None:
        self._about = json.loads(about)
        told = self._about["reader"]
        self._reader = told and _Reader(ids, told["name"], told["max_length"], told["unknown_id"])
        worlds = self._about["worlds"]
        self._learnt = None if worlds is None else _Learnt(tuple(_world(each) for each in worlds))

    def call(self, name: str, asked: str) -> str:
        """One of the methods below, by name: JSON in, JSON out; what a user can mend comes as ``{"error": ...}``."""
        own = (self.note, self.hear, self.decide, self.tell, self.join, self.read)
        does: Callable[[Mapping[str, Any]], Any] = {each.__name__: each for each in own}[name]
        try:
            return json.dumps(does(json.loads(asked)))
        except LexSegError as error:
            return json.dumps({"error": str(error)})

    def note(self, asked: Mapping[str, Any]) -> str | None:
        """What is to be said of an image of a ``modality`` that the model has never met."""
        return unfamiliar(asked["modality"], self._about["modalities"])

    def hear(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """What is heard of a sentence.

        Args:
            asked: ``sentence`` or null; ``denied``, whether a report says that it is not there; ``laterality``,
                ``language`` and ``threshold`` as the user gives them, or null; ``patient_left``, ``headed`` and
                ``world`` of the image, the last null where it is unknown; ``judges_words``, whether the page's scope
                does.

        Returns:
            ``words`` that are looked for, and ``plain``, the same in plain words by the image's world; ``taught`` and
            ``untaught``, the worlds whose findings they surely name, and surely do not; ``doubted``, those of which the
            network must be surer; ``settled``; ``judged`` and ``meant``, by which words scope is told else, as they
            stand and with slips mended; ``told``, what they would come to, where the words alone tell it, else null;
            ``judging``, whether it is told by words at all; ``laterality``, ``doubts``, ``untold`` and ``threshold``.

        Raises:
            ConfigError: the threshold does not lie between 0 and 1.
            TextError: the sentence is blank or too long, or there is no lexicon of its language.
        """
        own, reader = self._about["laterality"], self._reader
        threshold = self._about["threshold"] if asked["threshold"] is None else asked["threshold"]
        if not 0 < threshold < 1:
            raise ConfigError(f"a threshold of {threshold:g}: it must lie between 0 and 1")
        sides = Sides(asked["patient_left"], asked["headed"])
        if asked["denied"]:
            whose, _ = sides_of(sides.patient_left, asked["laterality"])
            said = Spoken(None, {}, frozenset(), frozenset(), frozenset(), "negated", None, whose or own, ())
        else:
            said = Spoken.of(
                asked["sentence"], reader=reader, own=own, given=asked["laterality"], language=asked["language"],
                sides=sides, nouns=self._about["plain"],
                learnt={} if self._learnt is None else {world.name: world.findings for world in self._learnt.worlds},
            )  # fmt: skip
        learnt = None if self._learnt is None else replace(self._learnt, judges_words=asked["judges_words"])
        sure = told(learnt, said, asked["world"])
        return {
            "words": said.words,
            "plain": said.plain,
            "taught": sorted(said.taught),
            "untaught": sorted(said.untaught),
            "doubted": sorted(said.doubted),
            "settled": said.settled,
            "told": None if sure is None else asdict(sure),
            "judging": not asked["denied"],
            "judged": said.judged,
            "meant": mended(said.judged, lexicon("en")) if said.judged else said.judged,
            "laterality": said.laterality,
            "doubts": [for_clients(doubt) for doubt in said.doubts],
            "untold": said.untold,
            "threshold": threshold,
        }

    def decide(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Whether a question is in scope, whether anything is looked for, and by which words.

        Args:
            asked: ``heard`` of :meth:`hear`; ``image`` (known, world, distance) and ``words`` (known, worlds,
                distance), or null; ``blank``; ``anyway``.
        """
        image, words, heard = asked["image"], asked["words"], asked["heard"]
        scope = None
        if words is not None:
            scope = understood(WordsScope(**words), heard["taught"], heard["untaught"], heard["doubted"])
        world = image["world"] if image is not None and image["known"] else None
        found = outside(
            self._learnt,
            None if image is None else ImageScope(**image),
            scope,
            blank=asked["blank"],
        )
        out = found is not None and not asked["anyway"]
        words = asked_with(heard["words"], heard["plain"], world)
        return {
            "outside": None if found is None else {"reason": found.reason, "why": found.why},
            "settled": "not in scope" if out else heard["settled"],
            "asked": words,
            "world": world,
            "names_place": names_place(words or ""),
        }

    def tell(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """The answer as it is told everywhere (:func:`lexseg.predict.answered.judged`).

        Args:
            asked: ``heard`` of :meth:`hear`, ``decided`` of :meth:`decide` and ``anyway``; ``presence``, calibrated,
                and ``highest``, the highest probability of a pixel; null and 0 where nothing was looked for;
                ``tidied`` and ``inverted``, whether the image was looked at without frame and tint, and as a negative;
                ``turned`` and ``several``, whether it looks so; ``cut``, whether its pictures were asked.
        """
        heard, told, anyway = asked["heard"], asked["decided"]["outside"], asked["anyway"]
        sure, presence, highest = self._about["presence_threshold"], asked["presence"], asked["highest"]
        if asked["decided"]["settled"] is not None:
            presence = 0.0 if asked["decided"]["settled"] == "not found" and sure is not None else None
        presence = consistent(presence, highest, threshold=heard["threshold"], presence_threshold=sure)
        state = state_of(
            outside=told is not None and not anyway,
            negated=heard["settled"] == "negated",
            absent=presence is not None and presence < (sure or 0.0),
            highest=highest,
            threshold=heard["threshold"],
        )
        said: Any = SimpleNamespace(
            state=state,
            found=state == "found",
            outside=None if told is None else Outside(told["reason"], told["why"]),
            anyway=told is not None and anyway,
            highest_presence=presence,
            presence_threshold=sure,
            threshold=heard["threshold"],
            model=Answerer(self._about["name"], self._about["sha256"]),
        )
        looked = [doubt for doubt, so in _LOOKS if asked[so]]
        untold = {} if asked["decided"]["settled"] else heard["untold"]
        doubts = [*doubts_of(heard["doubts"], untold, asked["decided"]["world"]), *map(for_clients, looked)]
        return judged(said) | {"laterality": heard["laterality"], "warnings": doubts}

    def join(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """The answers about the pictures of an image as one (:func:`lexseg.predict.panels.joined`).

        Args:
            asked: ``panels``, what :meth:`tell` says of each, null of those that were not asked; ``whole``, what it
                says of the image as if nothing had been found.
        """
        whole: dict[str, Any] = asked["whole"]
        told: list[dict[str, Any]] = [each for each in asked["panels"] if each is not None]
        states: list[State] = ["not in scope" if each is None else each["state"] for each in asked["panels"]]
        said = {key: max(told, key=lambda each: each["presence"] or 0)[key] for key in ("state", "found", "presence")}
        if any(each["found"] for each in told):
            said |= {"state": "found", "found": True}
        warnings = [warning for each in (*told, whole) for warning in each["warnings"]]
        return whole | said | {"warnings": list(dict.fromkeys((*warnings, *told_of(states))))}

    def read(self, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The findings of a ``report`` in a ``language``: text, start, end (in characters) and negated of each."""
        found = report_findings(asked["report"], self._reader, asked["language"])
        return [{"text": each.text, "start": each.start, "end": each.end, "negated": each.negated} for each in found]


def _world(values: Mapping[str, Any]) -> World:
    lists = {key: tuple(values.get(key) or ()) for key in ("modalities", "findings", "examples")}
    return World(values["name"], values["anatomy"], terms=values.get("terms") or "", **lists)


def digest(data: Any) -> str:
    """SHA-256, in hexadecimal, of bytes that JavaScript holds."""
    return hashlib.sha256(data.to_bytes()).hexdigest()
