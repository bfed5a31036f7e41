"""What is asked of a series, and the identifier of its answer: the same question, the same identifier, for ever."""

import hashlib
import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from lexseg.errors import ConfigError, check_flags
from lexseg.language.sides import Laterality
from lexseg.predict.segmenter import Segmenter

_NAMESPACE = uuid.UUID("5f1d3f6e-6b0a-4d1e-9a53-0a8c1f0c7c11")
_VERSION = 1  # to be raised where the same question gets another answer than from an older LexSeg


@dataclass(frozen=True, slots=True)
class PacsQuestion:
    """What is asked of each scan of a series.

    Attributes:
        texts: the sentences; each is answered by a segmentation of its own.
        laterality: whose left their "left" is; ``None`` takes the patient's where the header knows it.
        threshold: probability from which on a pixel is found; ``None`` takes the model's.
        frames: the first slice that is asked, counted from 0, and the one after the last, ``None`` at the end of the
            volume; ``None`` takes all.
        channel: which image is meant where there are several at each place (echoes, phases), from 0.
        include_text: whether the sentence may be written into what is stored.
        anyway: whether it is looked for also where it is not in the model's scope.
        language: of the sentences, as ISO 639-1 code; ``None`` is English.
        bare: whether segmentations of films get no plane, rather than a made-up one.
    """

    texts: tuple[str, ...]
    laterality: Laterality | None = None
    threshold: float | None = None
    frames: tuple[int, int | None] | None = None
    channel: int | None = None
    include_text: bool = False
    anyway: bool = False
    bare: bool = False
    language: str | None = None

    def __post_init__(self) -> None:
        check_flags(include_text=self.include_text, anyway=self.anyway, bare=self.bare)


def answer_uid(
    sources: Iterable[str], segmenter: Segmenter, question: PacsQuestion, text: str, *, made_up: bool = False
) -> str:
    """The SOPInstanceUID of the answer: a digest of all that the answer depends on.

    Nothing can be read from it, but who guesses a sentence can test the guess, as one can who reads the mask itself.

    Args:
        sources: SOPInstanceUIDs of the images, in any order.
        segmenter: what answers; known by the SHA-256 of its weights.
        question: how it is asked.
        text: the one of the question's sentences that is answered.
        made_up: whether the answer lies in a plane that is made up, as the images have none.

    Returns:
        a UID made from a name-based UUID (PS3.5, B.2; RFC 9562, version 5).

    Raises:
        ConfigError: if the model's weights have no known SHA-256.
    """
    if not segmenter.sha256:
        raise ConfigError("a model that was never saved has no fingerprint, which a stored result needs; save it first")
    asked = {
        "version": _VERSION,
        "sources": sorted(sources),
        "weights": segmenter.sha256,
        "presence": dict(segmenter.calibration),
        "text": text,
        "threshold": segmenter.threshold if question.threshold is None else question.threshold,
        "laterality": question.laterality,
        "frames": question.frames and list(question.frames),
        "channel": question.channel,
        "include_text": question.include_text,
        # left out where they change nothing, so that what was stored before there were any is still known
        **({"scope": segmenter.scope.sha256} if segmenter.scope is not None else {}),
        **({"anyway": True} if question.anyway else {}),
        **({} if question.language in (None, "en") else {"language": question.language}),
        **({"plane": "made up"} if made_up else {}),
    }
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
    return f"2.25.{uuid.uuid5(_NAMESPACE, digest).int}"
