"""Which mask belongs to which volume, told by folders and names.

Known are the Medical Segmentation Decathlon and nnU-Net (``imagesTr/a.nii.gz`` or ``a_0000.nii.gz`` with
``labelsTr/a.nii.gz``), LiTS (``volume-0.nii`` with ``segmentation-0.nii``, in one folder or in two), folders ``images``
and ``masks`` or ``labels``, and pairs in one folder: ``a.nii.gz`` or ``a_image.nii.gz`` with ``a_mask.nii.gz``,
``a_lesion.nii.gz``, ``a_seg.nii.gz``, ...
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lexseg.scans.nifti_volume import is_volume, stem_of

_MASK_FOLDER = re.compile(
    r"(labels|label|masks|mask|segmentations|segmentation|segs|seg|gts|gt|ground[-_]?truths?)(tr|ts)?"
)
_VOLUME_FOLDER = re.compile(r"(images|image|imgs|img|volumes|volume|scans|scan|cts|ct)(tr|ts)?")
_MASK_WORDS = "segmentation|seg|mask|label|labels|lesion|lesions|tumou?r|tumou?rs|gt"
_MASK_NAME = re.compile(rf"^(?:{_MASK_WORDS})[-_.](?P<after>.+)$|^(?P<before>.+)[-_.](?:{_MASK_WORDS})$", re.IGNORECASE)
_VOLUME_WORDS = "volume|image|img|scan|orig"
_VOLUME_NAME = re.compile(
    rf"^(?:{_VOLUME_WORDS})[-_.](?P<after>.+)$|^(?P<before>.+)[-_.](?:{_VOLUME_WORDS})$", re.IGNORECASE
)
_CHANNEL = re.compile(r"^(?P<core>.+)_(?P<channel>\d{4})$")


@dataclass(frozen=True, slots=True)
class VolumePair:
    """A volume and its mask. Attributes: name: what to call them; volume, mask: the files."""

    name: str
    volume: Path
    mask: Path


@dataclass(slots=True)
class VolumePairs:
    """Volumes and their masks by name, and the files that found no partner.

    Attributes:
        pairs: by name.
        volumes: those without a mask.
        masks: those without a volume.
        clashes: files of which several could be meant.
    """

    pairs: list[VolumePair] = field(default_factory=list)
    volumes: list[Path] = field(default_factory=list)
    masks: list[Path] = field(default_factory=list)
    clashes: list[tuple[Path, ...]] = field(default_factory=list)


Key = tuple[Path, str]


def find_pairs(source: Path, channel: int | None = None) -> VolumePairs:
    """Find volumes and masks.

    Args:
        source: a folder, searched with all folders in it; or one volume, whose mask is looked for beside it.
        channel: which of the files ``a_0000``, ``a_0001``, ... of nnU-Net is the volume; by default the first.
    """
    folder = source if source.is_dir() else source.parent
    files = sorted(path for path in folder.rglob("*") if is_volume(path) and _seen(path, folder) and path.is_file())
    volumes: dict[Key, list[Path]] = {}
    masks: dict[Key, list[Path]] = {}
    for path in files:
        kind, key = _kind(path, folder)
        (masks if kind == "mask" else volumes).setdefault(key, []).append(path)
    volumes = {key: _one_channel(found, channel) for key, found in _by_channel(volumes, masks).items()}
    result = VolumePairs()
    for key in sorted({*volumes, *masks}, key=lambda key: (_natural(str(key[0])), _natural(key[1]))):
        mine, theirs = volumes.get(key, []), masks.get(key, [])
        if not source.is_dir() and source not in mine:
            continue
        if len(mine) > 1 or (mine and len(theirs) > 1):
            result.clashes.append(tuple(mine) if len(mine) > 1 else tuple(theirs))
        elif mine and theirs:
            result.pairs.append(VolumePair(key[1], mine[0], theirs[0]))
        else:
            result.volumes += mine
            result.masks += theirs
    return result


def _kind(path: Path, root: Path) -> tuple[str, Key]:
    """``mask`` or ``volume``, and what both have in common: the folder (without its part in it) and the name."""
    stem, folder = stem_of(path), path.parent
    name = folder.name.lower() if folder != root else ""
    in_masks, in_volumes = _MASK_FOLDER.fullmatch(name), _VOLUME_FOLDER.fullmatch(name)
    as_mask, as_volume = _MASK_NAME.match(stem), _VOLUME_NAME.match(stem)
    if in_masks or (as_mask and not in_volumes):
        core = (as_mask["after"] or as_mask["before"]) if as_mask else stem
        return "mask", (_shared(folder, in_masks), core)
    core = (as_volume["after"] or as_volume["before"]) if as_volume else stem
    return "volume", (_shared(folder, in_volumes), core)


def _shared(folder: Path, match: re.Match[str] | None) -> Path:
    return folder if match is None else folder.parent / (match.group(2) or "")


def _by_channel(volumes: dict[Key, list[Path]], masks: dict[Key, list[Path]]) -> dict[Key, list[Path]]:
    """``a_0000`` and ``a_0001`` under ``a``, where there is a mask ``a``."""
    joined: dict[Key, list[Path]] = {}
    for (folder, core), found in volumes.items():
        match = _CHANNEL.match(core)
        key = (folder, core)
        if match is not None and key not in masks and (folder, match["core"]) in masks:
            key = (folder, match["core"])
        joined.setdefault(key, []).extend(found)
    return joined


def _one_channel(found: Sequence[Path], channel: int | None) -> list[Path]:
    numbered = {stem_of(path): path for path in found if _CHANNEL.match(stem_of(path))}
    if len(found) < 2 or len(numbered) < len(found):
        return list(found)
    wanted = [path for stem, path in numbered.items() if int(stem[-4:]) == (channel or 0)]
    return wanted or list(found)


def _seen(path: Path, root: Path) -> bool:
    return not any(part.startswith(".") for part in path.relative_to(root).parts)


def _natural(text: str) -> list[tuple[int, str]]:
    """``volume-2`` before ``volume-10``."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text)]
