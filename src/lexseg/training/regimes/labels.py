"""Who keeps a mask: drawn by patient, and written down. The masks of all others are never opened."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lexseg.cases.case import Case
from lexseg.cases.manifest import read_manifest
from lexseg.cases.row import no_file
from lexseg.cases.splits import dealing_order
from lexseg.errors import ConfigError, DataError
from lexseg.files import replace_file
from lexseg.training.config import DataConfig, RegimeConfig, as_list
from lexseg.training.id_list import read_ids
from lexseg.training.regimes import NONE, regime_class

LABELLED = "labelled.txt"
"""In the folder of a run: the ids of the training cases that kept their masks, one a line."""


def with_labels(cases: Sequence[Case], data: DataConfig) -> list[Case]:
    """The cases, of whose training ones only those keep their masks that ``data.labels`` says.

    Args:
        cases: with their splits; a mask may be named that is not there.
        data: the settings.

    Raises:
        ConfigError: ``data.labels`` is no number, share or file, or leaves no label, or asks for more than there are.
        DataError: a list names what is no training case with a mask, or a mask that is kept is not there.
    """
    kept = _kept(cases, data)
    result = [c if c.split != "train" or c.id in kept else without_label(c) for c in cases]
    missing = [
        f"{c.where}: mask: {no_file(str(c.mask))}"
        for c in result
        if c.split in ("train", "val") and c.mask is not None and not c.mask.is_file()
    ]
    if missing:
        raise DataError("the cases cannot be read:\n" + "\n".join(missing))
    return result


def without_label(case: Case) -> Case:
    """The case as one of which nobody has drawn anything; what stays is its image and its sentence."""
    return replace(case, mask=None, label=None, target_ids=None, expression_kind=None, present=None)


def labelled(cases: Sequence[Case]) -> list[Case]:
    """The training cases of which it is known whether, and mostly where, their target is."""
    return [c for c in cases if c.split == "train" and c.is_answered]


def unlabelled(cases: Sequence[Case]) -> list[Case]:
    """The training cases of which only the image and the sentence are known."""
    return [c for c in cases if c.split == "train" and not c.is_answered]


def write_labelled(folder: Path, cases: Sequence[Case]) -> None:
    """``labelled.txt``, which ``data.labels`` of another run can name."""
    replace_file(folder / LABELLED, "".join(f"{case.id}\n" for case in labelled(cases)).encode())


def further_unlabelled(data: DataConfig) -> list[Case]:
    """The training cases of ``data.unlabelled``, less whatever their manifests say of masks.

    Their ids begin with ``unlabelled/``. A patient is the same as in ``data.cases`` where the manifests lie in one
    folder, so that who validates is not trained on.
    """
    single = as_list(data.cases) if len(as_list(data.cases)) == 1 else []
    found = []
    for path in map(Path, as_list(data.unlabelled)):
        cases = read_manifest(path, text_columns=as_list(data.text_column), masks_may_miss=True)
        folder = path.resolve().parent
        own = any(Path(p).resolve().parent == folder for p in single)
        for case in cases:
            patient = case.patient if own or case.patient is None else f"{folder.name}/{case.patient}"
            if case.split in (None, "train"):
                name = f"unlabelled/{folder.name}/{case.id}"
                found.append(replace(without_label(case), id=name, patient=patient, split="train"))
    return found


def with_regime_words(cases: Sequence[Case], regime: RegimeConfig, *, reads_words: bool) -> list[Case]:
    """The cases with the sentences that ``regime.words`` wants; without unlabelled ones where they are of no use.

    Args:
        cases: of the run.
        regime: the settings.
        reads_words: whether the model does.

    Raises:
        ConfigError: the regime needs unlabelled cases and there are none, or their words are not to be had.
    """
    if regime.kind == NONE:
        return list(cases)
    blank = unlabelled(cases)
    if not regime_class(regime.kind).two_streams:
        return [c for c in cases if c.split != "train" or c.is_answered]
    if not blank:
        raise ConfigError(
            f"regime {regime.kind} learns from unlabelled images, and there are none: leave 'mask' blank in training "
            "rows, name their manifest by data.unlabelled, or let data.labels keep a part of the masks"
        )
    words = regime.words
    if words in ("own", "class") and not reads_words:
        raise ConfigError(f"regime.words is {words!r}, but the model reads no words; 'none' or 'auto' was expected")
    if words == "own" and not any(c.text for c in blank):
        raise ConfigError(
            f"regime.words is 'own', but none of {len(blank)} unlabelled cases has a sentence; give 'class' and "
            "regime.phrase, or 'none'"
        )
    if words == "class" and not regime.phrase.strip():
        raise ConfigError("regime.words is 'class', but regime.phrase is empty: the class phrase, such as 'polyp'")
    if words == "auto":
        words = "own" if reads_words else "none"
    if words == "own":
        return list(cases)
    said = (regime.phrase.strip() if words == "class" else "",)
    chosen = {c.id for c in blank}
    return [replace(c, texts=said) if c.id in chosen else c for c in cases]


def _kept(cases: Sequence[Case], data: DataConfig) -> set[str]:
    able = [c for c in cases if c.split == "train" and c.is_located]
    wanted = str(data.labels).strip()
    number = _number(wanted, len(able))
    if number is None:
        path = Path(wanted)
        named = read_ids(path, {c.id for c in able}, "training case with a mask")
        if not named:
            raise DataError(f"{path}: names no id; one a line was expected")
        return named
    if not 0 < number <= len(able):
        raise ConfigError(f"data.labels is {wanted}, which is {number} of {len(able)} training cases with a mask")
    kept: set[str] = set()
    groups = dealing_order(able, data.labels_seed)
    for group in groups:
        if len(kept) + len(group) <= number:
            kept.update(able[i].id for i in group)
    if not kept:
        least = min(map(len, groups))
        raise ConfigError(
            f"data.labels is {wanted}: {number} labels, but every patient has {least} cases or more, and labels are "
            "drawn by patient; ask for more, or name the cases in a text file"
        )
    return kept


def _number(wanted: str, able: int) -> int | None:
    """How many labels; ``None`` where it is no number, but a file."""
    if wanted.isascii() and wanted.isdigit():
        return int(wanted)
    try:
        share = float(wanted)
    except ValueError:
        if not Path(wanted).is_file():
            raise ConfigError(
                f"data.labels is {wanted!r}; a number of cases, a share such as 0.1, or a text file of ids was expected"
            ) from None
        return None
    if not 0 < share <= 1:
        raise ConfigError(f"data.labels is {wanted}; a whole number, or a share above 0 and up to 1, was expected")
    return max(1, round(share * able))
