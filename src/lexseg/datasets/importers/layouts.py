"""The layouts that can be imported, and what each of them takes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lexseg.datasets.importers import (
    coco,
    folder,
    languide,
    lvit,
    manifest,
    medsam,
    medvlsm,
    nifti,
    nnunet,
    refcoco,
    referring,
    slicer,
    totalsegmentator,
)
from lexseg.datasets.importers.classes import ClassOptions
from lexseg.datasets.importers.record import Findings
from lexseg.errors import ConfigError, DataError
from lexseg.extensions import from_outside, outside


@dataclass(frozen=True, slots=True)
class Layout:
    """Another project's way to lay out a data set: how it is read, and which options that takes.

    Attributes:
        read: finds what there is; called with the source and the options.
        options: the options it takes.
        leaks_mask: whether its sentences were written from the true masks; ``None`` where that is not known.
        draws: whether images or masks have to be made; ``read`` is then also given a folder to make them in.
        file: whether the source may be a file.
        of_classes: whether it reads volumes of named classes; ``read`` is then given `ClassOptions` of what they are
            made of.
    """

    read: Callable[..., Findings]
    options: tuple[str, ...] = ()
    leaks_mask: bool | None = None
    draws: bool = False
    file: bool = False
    of_classes: bool = False

    def find(self, source: Path, options: Mapping[str, Any]) -> Findings:
        """Read the source as this layout lays data out.

        Args:
            source: where.
            options: those that were given.

        Raises:
            ConfigError: for a window or numbers that cannot be.
        """
        given = dict(options)
        if self.of_classes:
            given["options"] = ClassOptions.of(
                **{name: given.pop(name) for name in (*_OF_CLASSES, "names") if name in given}
            )
        return self.read(source, **given)


_OF_CLASSES = ("text", "window", "classes", "min_area", "every")

# The sentences published in the first three were written from the true masks.
LAYOUTS: dict[str, Layout] = {
    "lvit": Layout(lvit.read, leaks_mask=True),
    "languide": Layout(languide.read, leaks_mask=True),
    "medvlsm": Layout(medvlsm.read, ("prompt",), leaks_mask=True),
    "folder": Layout(folder.read, ("text", "several", "recursive")),
    "coco": Layout(coco.read, ("images", "text", "classes"), draws=True, file=True),
    "refcoco": Layout(refcoco.read, ("images",), draws=True, file=True),
    "referring": Layout(referring.read, ("images",), draws=True, file=True),
    "nifti": Layout(
        nifti.read,
        ("text", "window", "lesion", "organ", "min_area", "every", "channel"),
        leaks_mask=True,
        draws=True,
        file=True,
    ),
    "totalsegmentator": Layout(totalsegmentator.read, _OF_CLASSES, leaks_mask=True, draws=True, of_classes=True),
    "nnunet": Layout(nnunet.read, (*_OF_CLASSES, "names", "channel"), leaks_mask=True, draws=True, of_classes=True),
    "slicer": Layout(slicer.read, (*_OF_CLASSES, "names", "channel"), leaks_mask=True, draws=True, of_classes=True),
    "medsam": Layout(
        medsam.read,
        ("text", "classes", "min_area", "every", "names"),
        leaks_mask=True,
        draws=True,
        file=True,
        of_classes=True,
    ),
    "manifest": Layout(manifest.read, ("text", "links"), file=True),
}

_WHAT = {
    "text": "a sentence for all images",
    "prompt": "a choice of the prompt",
    "images": "a folder of images",
    "window": "a window",
    "lesion": "a label of lesions",
    "organ": "a label of the organ",
    "min_area": "a smallest area",
    "every": "taking only some slices",
    "channel": "a channel",
    "several": "what several masks of an image are",
    "recursive": "reading folders within",
    "classes": "a choice of classes",
    "names": "names of classes",
    "links": "reading files outside of the manifest's folder",
}


def find_layout(name: str, source: Path, options: Mapping[str, Any]) -> Layout:
    """The layout of this name, its source and options checked.

    Raises:
        ConfigError: if there is none, or an option is not the layout's.
        DataError: if there is no such source.
    """
    layout = LAYOUTS.get(name) or _of_a_user(name)
    for option, value in options.items():
        if option not in _WHAT:
            raise TypeError(f"import_layout has no option {option!r}")
        if option not in layout.options:
            takers = " or ".join(repr(other) for other, each in LAYOUTS.items() if option in each.options)
            raise ConfigError(f"{_WHAT[option]} goes with the layout {takers}, not with {name!r}")
        if option == "text" and not str(value).strip():
            raise ConfigError("the sentence is blank; leave it out to import without sentences")
    if not (source.is_dir() or (layout.file and source.is_file())):
        raise DataError(f"{source}: there is no such {'file or folder' if layout.file else 'folder'}")
    return layout


def _of_a_user(name: str) -> Layout:
    """A layout that a user's file or another package registers: a `Layout`, or its reader alone."""
    if (found := from_outside("layouts", name)) is None:
        raise ConfigError(f"layout {name!r} is none of {', '.join([*LAYOUTS, *outside('layouts')])}")
    return found if isinstance(found, Layout) else Layout(found)
