"""Images and masks in folders, and one sentence for all.

Either ``images/`` and ``masks/``, matched by name (``a.jpg`` with ``a.png``, ``mask_a.png``, ``a_mask.png``,
``a_segmentation.png``), or one folder in which the masks are told by such names, as BUSI's ``benign (1)_mask.png``;
folders of ISIC's (``..._Input`` or ``..._Data`` with ``..._GroundTruth``) count as the first. Further masks of an
image (``a_mask_1.png``) are parts of its target, or targets of their own. Images without a mask are imported without.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

from lexseg.datasets.importers.record import (
    Files,
    Findings,
    Record,
    find_folder,
    image_names,
    is_mask_name,
    list_images,
    mask_names,
    part_of,
    stem_of,
    tell_passed_over,
)
from lexseg.errors import ConfigError, DataError

Several = Literal["union", "cases"]

_IMAGES = ("images", "image", "imgs", "img")
_MASKS = ("masks", "mask", "labels", "label", "labelcol", "gts", "gt", "ground-truths")
_ISIC_IMAGES = re.compile(r"isic.*_(input|data)", re.IGNORECASE)
_ISIC_MASKS = re.compile(r"isic.*_groundtruth", re.IGNORECASE)
_NO_IMAGES = re.compile(r".*_superpixels", re.IGNORECASE)  # ISIC's, which lie among the images


def read(source: Path, text: str = "", *, several: str = "union", recursive: bool = False) -> Findings:
    """Read images and masks.

    Args:
        source: the folder of the folders, or of the files.
        text: the sentence of every image; empty is the null sentence.
        several: what several masks of one image are: ``union``, one target together; ``cases``, a case for each.
        recursive: read the folders within, too (BUSI's ``benign``, ``malignant``, ``normal``); their names become the
            column ``folder``.

    Raises:
        ConfigError: ``several`` is neither.
    """
    if several not in get_args(Several):
        raise ConfigError(f"several masks of an image are {several!r}; expected one of {', '.join(get_args(Several))}")
    findings = Findings()
    images_folder, masks_folder = _folders(source, findings)
    if images_folder is None and masks_folder is not None:
        findings.note("error", "there is a folder of masks, but none named 'images'", source)
        return findings
    sentence, found = " ".join(text.split()), 0
    for within in _within(images_folder or source, recursive):
        masks = None
        if images_folder is None:
            masks = within
        elif masks_folder is not None:
            beside = masks_folder / within.relative_to(images_folder)
            # masks of images in several folders may lie in one
            masks = beside if beside.is_dir() else masks_folder
        found += _folder(within, masks, sentence, several == "cases", recursive, findings, source)
    if not found:
        findings.note(
            "error",
            "there are no images (PNG, JPEG, TIFF or BMP) in it"
            + ("" if recursive else "; folders within it are not read, unless --recursive says so"),
            images_folder or source,
        )
    return findings


def _folders(source: Path, findings: Findings) -> tuple[Path | None, Path | None]:
    images, masks = find_folder(source, _IMAGES), find_folder(source, _MASKS)
    if images is not None or masks is not None:
        return images, masks
    within = [path for path in sorted(source.iterdir()) if path.is_dir()]
    theirs = [path for path in within if _ISIC_IMAGES.fullmatch(path.name)]
    ours = [path for path in within if _ISIC_MASKS.fullmatch(path.name)]
    if len(theirs) == len(ours) == 1:
        return theirs[0], ours[0]
    if theirs or ours:
        names = ", ".join(path.name for path in (*theirs, *ours))
        findings.note(
            "error",
            f"one folder of images and one of masks were expected, found {names}; import them one by one",
            source,
        )
    return None, None


def _within(folder: Path, recursive: bool) -> Iterator[Path]:
    yield folder
    if recursive:
        hidden = (path for path in sorted(folder.rglob("*")) if path.is_dir())
        yield from (p for p in hidden if not any(part.startswith(".") for part in p.relative_to(folder).parts))


def _folder(
    folder: Path,
    masks_folder: Path | None,
    text: str,
    apart: bool,
    recursive: bool,
    findings: Findings,
    root: Path,
) -> int:
    """One folder's images; how many there are."""
    if not recursive:
        for each in dict.fromkeys((masks_folder or folder, folder)):
            tell_passed_over(each, findings)
    images = [path for path in list_images(folder) if not _NO_IMAGES.fullmatch(path.stem)]
    masks = None if masks_folder is None else Files(masks_folder)
    if masks_folder == folder:
        images = [path for path in images if not is_mask_name(path.stem)]
    if masks is not None:
        masks.keep(lambda path: masks_folder != folder or is_mask_name(path.stem))
    used: set[Path] = set()
    column = {"folder": folder.relative_to(root).as_posix()} if recursive and folder != root else {}
    for image in images:
        try:
            mask = None if masks is None else masks.find_any(mask_names(image.name))
        except DataError as error:
            findings.note("error", str(error), image)
            continue
        parts = _parts(mask, masks)
        used |= {path for path in (mask, *parts) if path is not None}
        if mask is None:
            findings.note("info", "there is no mask of this image", image)
        record = Record(image.stem, image, mask, text, columns=column, source=image)
        if apart and parts:
            findings.records += [
                replace(record, name=f"{image.stem}_{number}", mask=path)
                for number, path in enumerate((mask, *parts), start=1)
            ]
        else:
            findings.records.append(replace(record, parts=tuple(parts)))
    left = [] if masks is None else [path for path in masks.paths if path not in used]
    for mask in left:
        if masks_folder != folder and recursive:  # they may be of the images of another folder
            continue
        names = ", ".join(map(repr, dict.fromkeys(image_names(part_of(mask.stem)))))
        findings.note("error", f"there is no image of this mask; expected one named {names}", mask)
    return len(images)


def _parts(mask: Path | None, masks: Files | None) -> list[Path]:
    """Further masks of an image: ``a_mask_1.png`` of ``a_mask.png``, in the order of their numbers."""
    if mask is None or masks is None:
        return []
    stem = stem_of(mask.name)
    parts = [path for path in masks.paths if path.stem != stem and part_of(path.stem) == stem]
    return sorted(parts, key=lambda path: int(path.stem.rpartition("_")[2]))
