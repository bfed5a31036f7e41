"""A session as a file: what was said and done, sealed entry by entry, to be played again and audited."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

from lexseg._version import __version__
from lexseg.errors import DataError
from lexseg.files import replace_file
from lexseg.interaction.apply import Refine
from lexseg.interaction.operations import Control, Operation, from_json, to_json
from lexseg.interaction.session import CorrectionSession, Event, digest
from lexseg.predict.segmenter import ImageSession

FORMAT = 1
_DO = get_args(get_type_hints(Control)["do"])
_KEYS = {"said", "done", "echo", "mask_sha256", "seal"}


@dataclass(frozen=True, slots=True)
class CorrectionRecord:
    """A session that was written down.

    Attributes:
        head: what it was about: sentence, laterality, threshold, model, hashes of the image and of the first mask.
        steps: all that was said and drawn.
    """

    head: Mapping[str, Any]
    steps: tuple[Event, ...]


def record_of(session: CorrectionSession, *, image_sha256: str | None = None) -> dict[str, Any]:
    """A session as plain JSON values. They hold the user's sentences, which may tell of a patient.

    Each entry's seal is the SHA-256 of the seal before it and of the entry: none can be changed, dropped or moved
    without all later ones telling. It is no signature: who can write the file can seal it anew.

    Args:
        session: that is written down.
        image_sha256: of the image's file; ``None`` where there is none.
    """
    answer = session.first.answer
    head = {
        "lexseg_corrections": FORMAT,
        "lexseg": __version__,
        "image_sha256": image_sha256,
        "model": answer.model.name,
        "model_sha256": answer.model.sha256,
        "sentence": answer.text,
        "laterality": answer.laterality,
        "left_is": session.first.left,
        "threshold": answer.threshold,
        "size": list(session.first.shape),
        "spacing": None if answer.spacing is None else list(answer.spacing),
        "first_mask_sha256": digest(session.first.mask),
    }
    seal, entries = _seal("", head), []
    for event in session.log:
        values = {"said": event.said, "done": _act(event.act), "echo": event.echo, "mask_sha256": event.mask}
        seal = _seal(seal, values)
        entries.append(values | {"seal": seal})
    tail = {"held": session.at, "accepted": session.accepted}
    return {**head, "entries": entries, **tail, "seal": _seal(seal, tail)}


def write_record(path: Path, session: CorrectionSession, *, image_sha256: str | None = None) -> None:
    """Write :func:`record_of` as JSON, whole or not at all.

    Raises:
        DataError, OSError: as :func:`lexseg.files.replace_file`.
    """
    values = record_of(session, image_sha256=image_sha256)
    replace_file(path, (json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode())


def read_record(path: Path) -> CorrectionRecord:
    """Read a record, and see that nothing of it was changed.

    Raises:
        DataError: if it is none, or an entry is not as it was written; the message says which.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path}: cannot be read as a JSON file of corrections: {reason}") from None
    try:
        return _checked(values)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def replay(record: CorrectionRecord, image: ImageSession, refine: Refine | None = None) -> CorrectionSession:
    """Do all corrections of a record once more, and see that each gives the mask that it gave.

    Args:
        record: that was read.
        image: the same image, looked at by the same model.
        refine: the refiner that answered clicks, where there was one.

    Raises:
        DataError: where the first mask, or the one after an entry, is another one; the message says which.
    """
    head = record.head
    session = CorrectionSession.start(
        image, head["sentence"], threshold=head["threshold"], laterality=head["laterality"], refine=refine
    )
    if digest(session.first.mask) != head["first_mask_sha256"]:
        own, theirs = session.first.answer.model.sha256, head["model_sha256"]
        why = "the model is another one" if own != theirs else "the image, or the version of LexSeg, is another one"
        raise DataError(f"the first mask is not the one that was corrected: {why}")
    for number, step in enumerate(record.steps, start=1):
        if isinstance(step.act, Control):
            session.control(step.act, step.said)
        elif step.act is not None:
            session.do(step.act, step.said)
        else:
            session.log.append(step)
        if digest(session.mask) != step.mask:
            raise DataError(
                f"entry {number} gives another mask than it gave: the version of LexSeg, or the refiner, is another one"
            )
    return session


def _checked(values: object) -> CorrectionRecord:
    if not isinstance(values, dict) or values.get("lexseg_corrections") != FORMAT:
        raise DataError(f"no record of corrections: 'lexseg_corrections' must be {FORMAT}")
    entries = values.get("entries")
    if not isinstance(entries, list):
        raise DataError("no record of corrections: there are no 'entries'")
    head = {key: value for key, value in values.items() if key not in ("entries", "held", "accepted", "seal")}
    seal, steps = _seal("", head), []
    for number, entry in enumerate(entries, start=1):
        if not isinstance(entry, dict) or set(entry) != _KEYS or not isinstance(entry["said"], str):
            raise DataError(f"entry {number} is no correction; it must hold {', '.join(sorted(_KEYS))}")
        body = {key: value for key, value in entry.items() if key != "seal"}
        seal = _seal(seal, body)
        if entry["seal"] != seal:
            before = "it, or what the record is about," if number == 1 else "it"
            raise DataError(f"entry {number}: {before} was changed after it was written; nothing is played")
        steps.append(
            Event(entry["said"], _read_act(entry["done"], number), str(entry["echo"]), str(entry["mask_sha256"]))
        )
    if values.get("seal") != _seal(seal, {"held": values.get("held"), "accepted": values.get("accepted")}):
        raise DataError("entries are missing at the end, or its head was changed; nothing is played")
    return CorrectionRecord(head, tuple(steps))


def _act(act: tuple[Operation, ...] | Control | None) -> Any:
    if isinstance(act, Control):
        return {"control": asdict(act)}
    return None if act is None else [to_json(operation) for operation in act]


def _read_act(values: object, number: int) -> tuple[Operation, ...] | Control | None:
    if values is None:
        return None
    try:
        if isinstance(values, list):
            return tuple(from_json(each) for each in values)
        control = values["control"] if isinstance(values, dict) else None
        if isinstance(control, dict) and control.get("do") in _DO and isinstance(control.get("times"), int):
            return Control(control["do"], control["times"])
    except DataError as error:
        raise DataError(f"entry {number}: {error}") from None
    raise DataError(f"entry {number}: 'done' is neither operations nor a control")


def _seal(before: str, values: Mapping[str, Any]) -> str:
    written = json.dumps(values, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(f"{before}\n{written}".encode()).hexdigest()
