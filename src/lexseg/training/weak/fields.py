"""The field where a finding can lie, as masks say or a model does, and the parts of it that are named."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from lexseg.cases.case import Case
from lexseg.encoders.text.batch import no_words
from lexseg.errors import DataError, ModelError
from lexseg.language.parts import Parts
from lexseg.models.config import CONFIG, find_model
from lexseg.models.device import device_of
from lexseg.models.inputs import fit_image, to_image
from lexseg.models.io import load_model
from lexseg.scans.masks import read_mask
from lexseg.scans.open import SUFFIXES

COLUMN = "column:"
"""Before the name of a manifest's column that holds masks of fields."""
GIVEN = 0.9
"""Probability that a mask that was given is right."""
_SECOND = 0.15  # of the larger one's area, that the other of two sides has at least
_OF_SIDE = 0.25  # of a side's largest component, that another one has at least to belong to it

_Found = Callable[[Case, Tensor], Tensor]


class Fields:
    """Says for each case where in its image a finding can lie.

    Args:
        named: a folder of masks named as the images are; ``column:NAME`` of the manifest, whose paths are relative to
            it; or a MODEL that reads no words, such as ``lexseg pretrain field`` makes.
        device: where a model runs; ``None`` is a GPU where there is one.

    Attributes:
        name: as it was named.
        sha256: of the model's weights; of masks, which are files of their own, that of the name.
        column: the manifest's column; empty where it is none.

    Raises:
        ModelError: there is no such folder and no such model, or the model reads words.
        DataError: two masks of the folder have one name.
    """

    def __init__(self, named: str, *, device: str | None = None) -> None:
        self.name = named
        self.column = named.removeprefix(COLUMN) if named.startswith(COLUMN) else ""
        self.sha256 = hashlib.sha256(b"given masks").hexdigest()
        self._files: dict[str, Path] | None = None
        self._found: _Found | None = None
        folder = Path(named).expanduser()
        if self.column:
            return
        if folder.is_dir() and not any((inside / CONFIG).is_file() for inside in (folder, folder / "model")):
            self._files = _by_stem(folder)
        else:
            self._found, self.sha256 = _model(named, device)

    def check(self, cases: Sequence[Case]) -> None:
        """Refuse cases whose mask is missing, before anything is made.

        Raises:
            DataError: naming the first of them.
        """
        if self._found is None:
            for case in cases:
                self._file(case)

    def __call__(self, case: Case, image: Tensor) -> NDArray[np.float32]:
        """Probability that a pixel is of the field.

        Args:
            case: whose image it is.
            image: float[1 or 3, H, W] in 0..1.

        Returns:
            float32[H, W].

        Raises:
            DataError: the mask is missing, cannot be read, or has another size than the image.
        """
        size = (int(image.shape[-2]), int(image.shape[-1]))
        if self._found is not None:
            found: NDArray[np.float32] = self._found(case, image).numpy()
            return found
        path = self._file(case)
        mask = read_mask(path)
        if mask.shape != size:
            raise DataError(
                f"{path}: the field has {mask.shape[0]} x {mask.shape[1]} pixels and its image ({case.where}) "
                f"{size[0]} x {size[1]}; masks of fields at their images' own sizes were expected"
            )
        return np.where(mask, np.float32(GIVEN), np.float32(0))

    def _file(self, case: Case) -> Path:
        if self._files is not None:
            path = self._files.get(case.image.stem)
            if path is None:
                raise DataError(
                    f"{case.where}: {self.name} holds no mask of the field of {case.image.name}; a file "
                    f"{case.image.stem}.png was expected"
                )
            return path
        told = case.extra.get(self.column, "").strip()
        if not told:
            raise DataError(f"{case.where}: no mask of the field stands in the column {self.column!r}")
        folder = (Path() if case.source is None else case.source.parent).resolve()
        path = (folder / told).resolve()
        if not path.is_relative_to(folder):
            raise DataError(f"{case.where}, column {self.column}: {told} leads out of the manifest's folder")
        if not path.is_file():
            raise DataError(f"{case.where}, column {self.column}: {told}, the mask of the field, is not there")
        return path


def part_of(field: NDArray[np.float32], parts: Parts | None) -> NDArray[np.bool_]:
    """Where in a field a caption places what it speaks of.

    Args:
        field: float32[H, W], the probability that a pixel is of the field.
        parts: by height from above, then by side from the left of the picture: thirds of each side's own height;
            ``None`` is all of the field.

    Returns:
        bool[H, W]; nothing where the side that is named has no field.
    """
    inside = np.zeros(field.shape, np.bool_)
    for number, side in enumerate(sides(field >= 0.5)):
        rows = np.flatnonzero(side.any(1))
        if not len(rows):
            continue
        top, high = int(rows[0]), int(rows[-1]) + 1 - int(rows[0])
        named = [True] if parts is None else [row[number] for row in parts]
        for i, wanted in enumerate(named):
            lines = slice(top + i * high // len(named), top + (i + 1) * high // len(named))
            inside[lines] |= side[lines] & wanted
    return inside


def sides(field: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The left and the right side of a field, as the picture shows them.

    Its two largest components are one side each, and what lies nearer to one of them, and is not much smaller, belongs
    to it. One component alone is cut in the middle where it lies on both halves of the picture, and else is the side
    of its half.
    """
    labels, count = ndimage.label(field, structure=np.ones((3, 3), np.bool_))
    none = np.zeros_like(field)
    if not count:
        return none, none
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    middles = [ndimage.center_of_mass(labels == i + 1)[1] + 0.5 for i in range(count)]
    order = np.argsort(-sizes, kind="stable")
    if count == 1 or sizes[order[1]] < _SECOND * sizes[order[0]]:
        return _alone(labels == order[0] + 1)
    middle = (middles[order[0]] + middles[order[1]]) / 2
    found = []
    for left in (True, False):
        own = [i for i in range(count) if (middles[i] < middle) == left]
        large = [i + 1 for i in own if sizes[i] >= _OF_SIDE * max(sizes[j] for j in own)]
        found.append(np.isin(labels, large))
    return found[0], found[1]


def _alone(mask: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    columns = np.flatnonzero(mask.any(0))
    first, last, width = int(columns[0]), int(columns[-1]) + 1, mask.shape[1]
    if last <= width / 2 + width / 20:
        return mask, np.zeros_like(mask)
    if first >= width / 2 - width / 20:
        return np.zeros_like(mask), mask
    left = np.arange(width) < (first + last) / 2
    return mask & left, mask & ~left


def _by_stem(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
            continue
        if path.stem in found:
            raise DataError(f"{folder}: {found[path.stem].name} and {path.name} are both masks of {path.stem}")
        found[path.stem] = path
    if not found:
        raise DataError(
            f"{folder}: holds neither masks of fields ({', '.join(SUFFIXES)}) nor a model ({CONFIG}); name a folder "
            f"with one of them, or {COLUMN}NAME of the manifest"
        )
    return found


def _model(named: str, device: str | None) -> tuple[_Found, str]:
    loaded = load_model(find_model(named))
    network, config = loaded.model.eval().requires_grad_(False), loaded.config
    if network.uses_text:
        raise ModelError(
            f"{named} is a {config.method}, which finds what words name: a field is found by a model that reads none, "
            "such as `lexseg pretrain field` makes, or unet-lite trained on masks of it"
        )
    place = device_of(device)
    network.to(place)

    def found(case: Case, image: Tensor) -> Tensor:
        given: Any = fit_image(image, config.size, config.fit).expand(3, -1, -1)[None].to(place)
        logits = network(given, no_words([None])).logits.float().cpu()
        size = (int(image.shape[-2]), int(image.shape[-1]))
        return to_image(logits, size, config.fit)[0, 0].sigmoid()

    return found, config.weights_sha256
