"""What a pack holds: images, masks, questions and states of sentences, as arrays."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from lexseg.errors import DataError
from lexseg.files import replace_file

FORMAT = 1
INDEX, ARRAYS, CODE = "pack.json", "arrays.safetensors", "code.zip"
TRUNK = "trunk-{}.safetensors"


@dataclass(frozen=True, slots=True)
class Pack:
    """Arrays; I images of side S, of which the gray ones come first, Q questions, M masks, T sentences.

    Attributes:
        gray, colour: uint8[I_gray, 1, S, S] and uint8[I_colour, 3, S, S].
        times: float32[I], how often an image is shown, against the others; 0 in validation.
        masks: uint8[M, S * S / 8], bits, as `bits` makes them.
        image, text, mask, others: int32[Q], what each question is about, its sentence, its target's mask and that of
            the image's other targets; ``others`` is -1 where it is unknown.
        present: float32[Q], 1, 0, or NaN where it is unknown whether the target is there.
        located: bool[Q], whether the mask is the truth.
        weight: float32[Q], how much the question counts.
        tokens: float16[N, D], the states of all sentences, one after the other; ``starts``: int64[T + 1], where each
            begins. Sentence 0 is the null sentence, and has none.
        caption: int64[T], equal for sentences of the same phrases (:mod:`lexseg.language.same_meaning`).
        mirrored: int32[T], the sentence that is true of the mirrored image; -1 where that was not packed.
        swapped: int32[T, 2], the sentence with left and right, and with upper and lower swapped; -1 where there is
            none.
        about: plain values: ``method``, ``arguments``, ``text_encoder``, ``laterality``, ``cases``, ...
    """

    gray: Tensor
    colour: Tensor
    times: Tensor
    masks: Tensor
    image: Tensor
    text: Tensor
    mask: Tensor
    others: Tensor
    present: Tensor
    located: Tensor
    weight: Tensor
    tokens: Tensor
    starts: Tensor
    caption: Tensor
    mirrored: Tensor
    swapped: Tensor
    about: dict[str, Any]

    @property
    def size(self) -> int:
        """The side of an image in pixels."""
        return int((self.gray if len(self.gray) else self.colour).shape[-1])

    def questions(self, *, training: bool) -> Tensor:
        """int64[n], the questions about training images, or about those of validation."""
        return torch.nonzero((self.times[self.image.long()] > 0) == training).flatten()

    def arrays(self) -> dict[str, Tensor]:
        """All but ``about``, by their names."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "about"}


def bits(mask: Tensor) -> Tensor:
    """bool[N, S, S] as uint8[N, S * S / 8]."""
    places = (mask.flatten(1).view(len(mask), -1, 8).to(torch.uint8) << torch.arange(8, dtype=torch.uint8)).sum(-1)
    return places.to(torch.uint8)


def unpacked(packed: Tensor, size: int) -> Tensor:
    """uint8[N, S * S / 8] as float[N, 1, S, S], 0 or 1."""
    places = torch.arange(8, dtype=torch.uint8, device=packed.device)
    return (packed[..., None] >> places & 1).view(len(packed), 1, size, size).float()


def write_pack(folder: Path, pack: Pack) -> None:
    """Write the arrays, and what they are about."""
    content = save(pack.arrays())
    replace_file(folder / ARRAYS, content)
    index = {"format": FORMAT, "sha256": hashlib.sha256(content).hexdigest(), "about": pack.about}
    replace_file(folder / INDEX, json.dumps(index, indent=2).encode())


def read_pack(folder: Path) -> Pack:
    """Read what `write_pack` has written.

    Raises:
        DataError: a file is missing, damaged, or of another version; or the states of sentences are missing.
    """
    try:
        index, content = json.loads((folder / INDEX).read_bytes()), (folder / ARRAYS).read_bytes()
    except OSError as error:
        raise DataError(
            f"{folder}: no pack ({error.strerror}: {error.filename}); `lexseg teacher pack` makes one"
        ) from error
    except ValueError as error:
        raise DataError(f"{folder / INDEX}: damaged, it is no JSON; copy it again") from error
    if not isinstance(index, dict) or index.get("format") != FORMAT:
        raise DataError(f"{folder / INDEX}: of another version; make the pack anew with this one")
    if hashlib.sha256(content).hexdigest() != index.get("sha256"):
        raise DataError(f"{folder / ARRAYS}: damaged (its SHA-256 is not the one in {INDEX}); copy it again")
    try:
        arrays = load(content)
        pack = Pack(**arrays, about=index["about"])
    except (SafetensorError, TypeError, KeyError) as error:
        missing = sorted(set(Pack.__dataclass_fields__) - {"about"} - set(arrays))
        why = f"without {', '.join(missing)}" if missing else str(error)
        raise DataError(f"{folder / ARRAYS}: no whole pack, {why}; make it anew") from error
    return pack


def read_trunk(folder: Path, name: str) -> dict[str, Tensor] | None:
    """The packed weights of an image encoder, float32; ``None`` where there are none."""
    path = folder / TRUNK.format(name)
    if not path.is_file():
        return None
    try:
        weights = load(path.read_bytes())
    except SafetensorError as error:
        raise DataError(f"{path}: damaged; copy it again") from error
    return {key: value.float() if value.is_floating_point() else value for key, value in weights.items()}
