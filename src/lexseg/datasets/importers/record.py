"""What an importer finds in another project's folders, before it becomes a case."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lexseg.cases.case import ExpressionKind, Presence, Split
from lexseg.cases.problem import Problem, Severity
from lexseg.errors import DataError
from lexseg.files import plain_name
from lexseg.language.sides import Laterality
from lexseg.scans.open import SUFFIXES

_NO_DATA = ("thumbs.db", "desktop.ini", "readme", "readme.txt", "readme.md", "license", "license.txt")


@dataclass(frozen=True, slots=True)
class Record:
    """One image with its sentence and mask, where they lie now.

    Attributes:
        name: what to call it; made unique later.
        image: the image's file.
        mask: the mask's file, or ``None``.
        text: the sentence; empty is the null sentence.
        split: as the layout states it.
        columns: further columns of the manifest.
        wordings: the sentence in other words.
        patient: who was imaged, where the layout says so; ``laterality`` and ``spacing`` (row, column; millimetres)
            likewise.
        target_ids: the numbers that the sentence means, where the mask holds instances.
        kind: how many targets a referring expression names.
        present: whether the target is in the image, where the layout says so.
        language, weight, label: as of a case.
        files: further files of the case, by the column that shall name them.
        parts: further masks of the same target; what any of them shows is foreground.
        source: the table, JSON or folder that told of it, for messages.
        row: its line or number therein.
    """

    name: str
    image: Path
    mask: Path | None
    text: str = ""
    split: Split | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    source: Path | None = None
    row: int | None = None
    wordings: tuple[str, ...] = ()
    patient: str | None = None
    laterality: Laterality | None = None
    spacing: tuple[float, float] | None = None
    target_ids: tuple[int, ...] | None = None
    kind: ExpressionKind | None = None
    present: Presence | None = None
    language: str | None = None
    weight: float = 1.0
    label: int | None = None
    files: Mapping[str, Path] = field(default_factory=dict)
    parts: tuple[Path, ...] = ()


@dataclass(slots=True)
class Findings:
    """What an importer found. Attributes: records: to be imported; problems: what could not be, or looks odd."""

    records: list[Record] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def note(self, severity: Severity, message: str, source: Path | None = None, row: int | None = None) -> None:
        """Note what was passed over, or is doubtful, in a file or a row of it."""
        self.problems.append(Problem(severity, row, None, message, source))


class Files:
    """The images of a folder, found by name.

    Data sets name a file now with, now without its ending, or with another one (a sheet says ``.png``, the image is a
    ``.tif``); masks carry ``mask_`` before or ``_mask`` after the image's name.
    """

    def __init__(self, folder: Path, findings: "Findings | None" = None) -> None:
        self.folder = folder
        self._index(list_images(folder))
        if findings is not None:
            tell_passed_over(folder, findings)

    def keep(self, wanted: Callable[[Path], bool]) -> None:
        """Forget all but the wanted files."""
        self._index([path for path in self.paths if wanted(path)])

    def _index(self, paths: list[Path]) -> None:
        self.paths = paths
        self._names = {plain_name(path.name): path for path in paths}
        self._stems: dict[str, list[Path]] = {}
        for path in paths:
            self._stems.setdefault(plain_name(path.stem), []).append(path)

    def find(self, name: str) -> Path | None:
        """The file of this name, else of this stem whatever its ending.

        Raises:
            DataError: if several files have the stem.
        """
        name = plain_name(name)
        if name in self._names:
            return self._names[name]
        found = self._stems.get(stem_of(name), [])
        if len(found) > 1:
            raise DataError(f"{name!r} may be any of {', '.join(path.name for path in found)} in {self.folder}")
        return found[0] if found else None

    def find_any(self, names: Iterable[str]) -> Path | None:
        """The first of these that is there."""
        return next((path for path in map(self.find, names) if path is not None), None)


def list_images(folder: Path) -> list[Path]:
    """The images in a folder, by name; hidden files and other kinds are left out."""
    paths = (path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and not path.name.startswith("."))
    return sorted(path for path in paths if path.is_file())


def tell_passed_over(folder: Path, findings: Findings) -> None:
    """Note what lies in a folder of images and is not read: files of other kinds, and images in folders within it."""
    kinds: Counter[str] = Counter()
    within: dict[str, int] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name.lower() in _NO_DATA:
            continue
        if path.is_dir():
            if count := sum(each.suffix.lower() in SUFFIXES for each in path.rglob("*")):
                within[path.name] = count
        elif path.suffix.lower() not in SUFFIXES:
            kinds[path.suffix.lower() or "no ending"] += 1
    if kinds:
        listed = ", ".join(f"{count} of {kind}" for kind, count in kinds.most_common(5))
        message = f"{kinds.total()} files are no images that are read here ({listed}); expected PNG, JPEG, TIFF or BMP"
        findings.note("warning", f"passed over: {message}", folder)
    if within:
        listed = ", ".join(f"{name} ({count})" for name, count in list(within.items())[:5])
        message = (
            f"{sum(within.values())} images in folders within this one are not read: {listed}; import each by itself"
        )
        findings.note("warning", f"passed over: {message}", folder)


def find_folder(parent: Path, names: Iterable[str]) -> Path | None:
    """The folder in ``parent`` that has one of these names, upper and lower case being the same."""
    if not parent.is_dir():
        return None
    folders = {path.name.lower(): path for path in sorted(parent.iterdir()) if path.is_dir()}
    return next((folders[name.lower()] for name in names if name.lower() in folders), None)


def stem_of(name: str) -> str:
    """The name without the ending of an image; other dots stay (``TCGA-18.v2`` has no ending)."""
    path = Path(name)
    return path.stem if path.suffix.lower() in SUFFIXES else path.name


_BEFORE = ("mask_", "Mask_", "gt_", "GT_")
_AFTER = (
    *("_mask", "_Mask", "-mask", "_segmentation", "_Segmentation", "_seg", "_label", "_lesion", "_gt", "_GT"),
    *("_groundtruth", "_GroundTruth", "_annotation"),
)
"""What data sets write before or after an image's name to name its mask; ``_segmentation`` is ISIC's."""


def image_names(mask: str) -> list[str]:
    """What the image of a mask may be called, the mask's own name first."""
    stem = stem_of(mask)
    names = [mask, stem]
    for affix in _BEFORE:
        names += [stem.removeprefix(affix)] if stem.startswith(affix) else []
    for affix in _AFTER:
        names += [stem.removesuffix(affix)] if stem.endswith(affix) else []
    return names


def mask_names(image: str) -> list[str]:
    """What the mask of an image may be called, the image's own name first."""
    stem = stem_of(image)
    return [image, stem, *(f"{before}{stem}" for before in _BEFORE), *(f"{stem}{after}" for after in _AFTER)]


def is_mask_name(stem: str) -> bool:
    """Whether a name says that the file is a mask, maybe one of several of an image (``a_mask_1``)."""
    name = part_of(stem).lower()
    return name.startswith(tuple(map(str.lower, _BEFORE))) or name.endswith(tuple(map(str.lower, _AFTER)))


def part_of(stem: str) -> str:
    """The name of the mask that a file is a further part of: ``a_mask`` of ``a_mask_1``; other names as they are."""
    match = re.fullmatch(r"(?P<mask>.+)_\d+", stem)
    return match["mask"] if match is not None and match["mask"].endswith(_AFTER) else stem
