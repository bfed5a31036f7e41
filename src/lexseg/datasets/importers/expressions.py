"""What the importers of referring data sets share: reading JSON, finding images, and from expressions to records."""

import json
import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from lexseg.cases.case import ExpressionKind, Split
from lexseg.datasets.importers.instances import Bool, InstanceSheets
from lexseg.datasets.importers.record import Files, Findings, Record, find_folder
from lexseg.errors import DataError
from lexseg.files import same_name
from lexseg.language.sides import Laterality

IMAGE_FOLDERS = ("images", "image", "imgs", "img", "slices")
PICKLES = (".p", ".pkl", ".pickle")

_SPLITS: dict[str, Split] = {
    "train": "train", "training": "train", "trn": "train",
    "val": "val", "valid": "val", "validation": "val", "dev": "val",
    "test": "test", "testing": "test", "testa": "test", "testb": "test", "testc": "test",
}  # fmt: skip


@dataclass(slots=True)
class StatedExpression:
    """An expression as a data set states it.

    Attributes:
        name: what to call it.
        texts: its wordings, one or more.
        targets: what it names in the image, by keys; empty where it names nothing.
        split, patient, laterality, spacing, columns: as in `Record`.
        source, row: where it stands.
    """

    name: str
    texts: tuple[str, ...]
    targets: Sequence[Hashable]
    split: Split | None = None
    patient: str | None = None
    laterality: Laterality | None = None
    spacing: tuple[float, float] | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    source: Path | None = None
    row: int | None = None


class ImageFinder:
    """Finds images by the names that a JSON gives them: with or without folders before, with or without ending."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._folders = [folder for folder in dict.fromkeys(folders) if folder.is_dir()]
        self._files = [Files(folder) for folder in self._folders]

    @classmethod
    def beside(cls, source: Path, images: str | Path | None, findings: Findings) -> "ImageFinder":
        """For a JSON in ``source``: in the folder ``images`` if one is given, else in its ``images/`` or itself."""
        if images is not None:
            if not Path(images).is_dir():
                findings.note("error", "there is no such folder of images", Path(images))
            return cls([Path(images)])
        found = find_folder(source, IMAGE_FOLDERS)
        return cls([*filter(None, [found]), source])

    def find(self, name: str) -> Path | None:
        """The image, or ``None``.

        Raises:
            DataError: if several files may be meant.
        """
        for folder in self._folders:
            stated = same_name(folder / name)
            try:
                if stated.resolve().is_relative_to(folder.resolve()) and stated.is_file():
                    return stated
            except (OSError, ValueError):  # too long a name, a NUL in it
                return None
        return next((path for files in self._files if (path := files.find(Path(name).name)) is not None), None)


def read_json(path: Path) -> Any:
    """What a JSON file holds.

    Raises:
        DataError: if it is pickled (opening a pickle runs code that is in it) or no JSON.
    """
    if path.suffix.lower() in PICKLES:
        raise DataError(
            "a pickle, which is never opened here as that would run code in it; if you trust it, turn it into JSON: "
            'python -c "import json, pickle; '
            f"json.dump(pickle.load(open('{path.name}', 'rb')), open('refs.json', 'w'))\""
        )
    try:
        return json.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise DataError(f"the file cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"not a JSON file: {error}") from error


def parse_flag(value: Any, name: str) -> bool:
    """A truth that may be written as a word; ``None`` and an empty word are false.

    Args:
        value: as it stands in the JSON.
        name: of the key, for the message.

    Raises:
        DataError: it is neither true nor false.
    """
    said = "" if value is None else str(value).strip().lower()
    if said in ("true", "yes", "1"):
        return True
    if said in ("", "false", "no", "0"):
        return False
    raise DataError(f"{name!r} is {said[:40]!r}; true or false was expected")


def parse_split(value: Any) -> Split | None:
    """The split that a data set calls so; ``None`` if it says nothing.

    Raises:
        DataError: for a name that is no split's.
    """
    if value is None or not str(value).strip():
        return None
    name = re.sub(r"[\W_]", "", str(value)).lower()
    if name not in _SPLITS:
        raise DataError(f"the split {str(value)[:40]!r} is none of train, val, test")
    return _SPLITS[name]


def sentences_of(
    value: Any, keys: Sequence[str] = ("sent", "raw", "sentence", "text", "expression")
) -> tuple[str, ...]:
    """Sentences: a string, a list of strings, or a list of objects that hold one each under one of the keys.

    Equal ones count once.

    Raises:
        DataError: if there is none, or one of them is empty or no text.
    """
    items = value if isinstance(value, list) else [value]
    found: dict[str, None] = {}
    for item in items:
        text = next((item[key] for key in keys if item.get(key)), None) if isinstance(item, Mapping) else item
        if not isinstance(text, str) or not text.strip():
            raise DataError("a sentence is missing" if len(items) > 1 else "the sentence is missing")
        found[" ".join(text.split())] = None
    if not found:
        raise DataError("the sentence is missing")
    return tuple(found)


def to_records(
    image: Path,
    size: tuple[int, int],
    expressions: Sequence[StatedExpression],
    mask_of: Callable[[Hashable], NDArray[Any]],
    stem: Path,
    findings: Findings,
    numbers: Mapping[Hashable, int] | None = None,
) -> Iterator[Record]:
    """Records of one image's expressions, their instance masks drawn.

    Args:
        image: the image.
        size: its height and width.
        expressions: all that there are about it.
        mask_of: gives the mask of a target, bool[H, W]; raises `DataError` where it cannot.
        stem: where masks are drawn, without ending.
        findings: where problems are noted.
        numbers: pixel values that targets should have.
    """
    masks: dict[Hashable, Bool] = {}
    sound = []
    for expression in expressions:
        try:
            for key in expression.targets:
                if key not in masks:
                    masks[key] = mask_of(key)
                    if not masks[key].any():
                        raise DataError("the mask of the target is empty; an expression that means nothing has none")
        except DataError as error:
            findings.note("error", str(error), expression.source, expression.row)
            continue
        sound.append(expression)
    sheets = InstanceSheets({key: mask for key, mask in masks.items() if mask.any()}, size, stem, numbers)
    for expression in sound:
        path, ids = sheets.sheet(expression.targets)
        if len(ids) < len(set(expression.targets)):
            message = f"{len(set(expression.targets))} targets cover one another; {len(ids)} of them can be told apart"
            findings.note("warning", message, expression.source, expression.row)
        kind: ExpressionKind = "none" if not ids else "one" if len(ids) == 1 else "several"
        record = Record(expression.name, image, path, expression.texts[0], expression.split, expression.columns)
        yield replace(
            record,
            source=expression.source,
            row=expression.row,
            wordings=expression.texts[1:],
            patient=expression.patient,
            laterality=expression.laterality,
            spacing=expression.spacing,
            target_ids=ids,
            kind=kind,
        )
