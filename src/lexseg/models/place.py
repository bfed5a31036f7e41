"""How an image comes to a network's size, where in the network's input it then lies, and how the answer comes back.

Imports no torch; :mod:`lexseg.models.inputs` does the same with torch, as training needs it.

An image is stretched, whatever its shape (``stretch``), or keeps its shape and gets a black margin at two sides
(``pad``), alike at both, so that a mirrored image lies as before.

What is not of the image is told, too (OURS): bad exposure (`exposed`), and a frame or a tint (`tidied`). A white page
around a film, the bars of a wide screen, a bluish scan of a grey film: each makes a network say that it has never met
such an image. So what is unknown as it is is looked at once more without them; what is known never is. Black
around an image is left where it does no harm: scans have it, and networks have learnt it. A grey image that lies far
from all that is known is also looked at with black and white exchanged: some are negatives.

And whether an image is several put together (`has_panels`), a prior film beside the present one, the panels of a
figure: left and right are then read of the whole, which is none that a network has learnt.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

Fit = Literal["stretch", "pad"]
"""How an image comes to the network's size."""
FITS: Sequence[Fit] = get_args(Fit)
NARROW = 0.3
"""The share of the grey range that an image must span from its 1st to its 99th percentile to be taken as it is."""

DOUBTFUL, CLEARLY_NEARER = 0.8, 0.85
"""From which distance on (:class:`lexseg.models.scope.ImageScorer`) an image may be a negative, or turned; and at most
how far, of its own distance, the exchanged or upright one then lies. Of 658 images of validation none is taken for a
negative; of their negatives 91 to 100 of a hundred are recognised in each set."""

_ALIKE = 0.03  # of the grey range: how far pixels of one shade lie apart in a JPEG
_BLACK = 0.06  # of the grey range
_LEAST = 32  # pixels that must be left
_WIDE = 1.5  # the longer side over the shorter one
_TINT = 0.03  # of the grey range: how far an image of one colour lies from its own shades
_COARSE = 128  # pixels of the shorter side that show whether there may be anything to take away
_LINES, _LONGEST = 32, 1024  # so many rows, and so many pixels of each, show whether there may be panels
_PANEL = 0.15  # of an image's length: what of a panel is not of one shade, at least
_SHADE, _JUMP = 0.25, 0.4  # of the spread of the grey values: within a band, and over a seam
_CROSSED = 0.6  # of the lines: so many jump at a seam, and at most half as many anywhere else


@dataclass(frozen=True, slots=True)
class ImagePlace:
    """Where in a network's input an image lies. Attributes: top, left: its first pixel; height, width: in pixels."""

    top: int
    left: int
    height: int
    width: int

    @classmethod
    def of(cls, image: tuple[int, int], size: tuple[int, int], fit: Fit) -> "ImagePlace":
        """The place of an image of (H, W) in an input: all of it, or as much as the image's shape fills."""
        if fit == "stretch":
            return cls(0, 0, *size)
        scale = min(size[0] / image[0], size[1] / image[1])
        height, width = (_even(length * scale, whole) for length, whole in zip(image, size, strict=True))
        return cls((size[0] - height) // 2, (size[1] - width) // 2, height, width)

    @property
    def inside(self) -> tuple[slice, slice]:
        """The image's rows and columns of the input."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)

    def margins(self, size: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
        """What lies (above, below) and (left, right) of the image in an input of that size, in pixels."""
        below, right = size[0] - self.top - self.height, size[1] - self.left - self.width
        return (self.top, below), (self.left, right)

    def scale(self, size: tuple[int, int]) -> tuple[float, float]:
        """By how much (rows, columns) of the input, each counted from -1 to 1, exceed those of the image."""
        return size[0] / self.height, size[1] / self.width


def _even(length: float, whole: int) -> int:
    """The nearest number of pixels that leaves an even rest: equal margins at both sides."""
    taken = whole - 2 * round((whole - length) / 2)
    return min(max(taken, whole % 2 or 2), whole)


def to_input(image: NDArray[np.float32], size: tuple[int, int], fit: Fit = "stretch") -> NDArray[np.float32]:
    """Bring an image to a model's input size, bilinear, with antialiasing where it shrinks; give it three channels.

    A film that spans little of the grey range is stretched over it (:func:`exposed`), as no training does.

    One channel at a time, so that a colour image of 10,000 x 10,000 pixels needs no second copy of itself. Pillow's
    filter is the one that training's (:func:`lexseg.models.inputs.resize_image`) was made after.

    Args:
        image: float32[H, W] or [H, W, 3] in 0..1.
        size: (height, width) of the input.
        fit: how the model's training did it.

    Returns:
        float32[3, height, width] in 0..1.
    """
    planes = [image] if image.ndim == 2 else [image[..., c] for c in range(3)]
    place = ImagePlace.of((image.shape[0], image.shape[1]), size, fit)
    inside = (place.height, place.width)
    resized = np.stack([_resized(plane, inside) if plane.shape != inside else plane for plane in planes]).clip(0, 1)
    resized = exposed(resized)
    if inside != tuple(size):
        resized = np.pad(resized, ((0, 0), *place.margins(size)))
    return np.broadcast_to(resized, (3, *size))


def exposed(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Stretch the grey values of what was exposed or exported badly over their range; other images stay as they are.

    A slice of MR spans little, too, but most of it is background: there the median lies near the darkest, and nothing
    is changed.

    Args:
        planes: float32[C, h, w] in 0..1.

    Returns:
        the same; where their mean's 1st and 99th percentiles lie closer than `NARROW` and the median at least a quarter
        of the way between, these are 0 and 1.
    """
    levels = np.bincount((planes.mean(0) * 255 + 0.5).astype(np.intp).ravel(), minlength=256).cumsum()
    low, middle, high = (int(np.searchsorted(levels, share * levels[-1])) for share in (0.01, 0.5, 0.99))
    if not 0 < high - low < NARROW * 255 or 4 * (middle - low) < high - low:
        return planes
    return ((planes * 255 - low) / (high - low)).clip(0, 1).astype(np.float32)


def to_native(logits: NDArray[np.float32], size: tuple[int, int], fit: Fit = "stretch") -> NDArray[np.float32]:
    """Bring logits to an image's own size, bilinear, and turn them into probabilities there.

    The mask is so drawn at the image's resolution, not at the network's and enlarged.

    Args:
        logits: float32[1, h, w].
        size: (H, W) of the image.
        fit: how the image came to the input.

    Returns:
        float32[H, W] in 0..1.
    """
    (plane,) = logits
    plane = plane[ImagePlace.of(size, (plane.shape[0], plane.shape[1]), fit).inside]
    if plane.shape[0] <= size[0] and plane.shape[1] <= size[1]:
        native = _resized(plane, size)
    else:  # an image smaller than the network's: between the nearest two, where Pillow would take a mean of more
        native = np.ascontiguousarray(_between(_between(plane, size[0]).T, size[1]).T)
    with np.errstate(over="ignore"):
        np.exp(np.negative(native, out=native), out=native)
    native += 1
    return np.reciprocal(native, out=native)


def _resized(plane: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    from PIL import Image  # which a bare GPU machine has not, where this module's places are needed alone

    picture = Image.fromarray(np.ascontiguousarray(plane, np.float32))
    return np.array(picture.resize((size[1], size[0]), Image.Resampling.BILINEAR), np.float32)


def _between(plane: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """float32[h, w] -> float32[length, w], each row between the two nearest ones."""
    rows = len(plane)
    at = np.clip((np.arange(length) + 0.5) * rows / length - 0.5, 0, rows - 1).astype(np.float32)
    first = np.minimum(at.astype(np.int64), max(rows - 2, 0))
    share = (at - first)[:, None]
    second = np.minimum(first + 1, rows - 1)
    return np.ascontiguousarray(plane[first] * (1 - share) + plane[second] * share, np.float32)


class Tidied(NamedTuple):
    """Attributes: image: float32[h, w] or [h, w, 3]; inside: the rows and columns of the whole image that it is."""

    image: NDArray[np.float32]
    inside: tuple[slice, slice]


def may_be_tidied(image: NDArray[np.float32]) -> bool:
    """Whether it may have a frame or a tint, as far as every few pixels tell; cheap.

    Args:
        image: float32[H, W] or [H, W, 3] in 0..1.
    """
    step = max(min(image.shape[:2]) // _COARSE, 1)
    return tidied(np.ascontiguousarray(image[::step, ::step])) is not None


def tidied(image: NDArray[np.float32]) -> Tidied | None:
    """An image without its frame and its tint; ``None`` where it has neither.

    Args:
        image: float32[H, W] or [H, W, 3] in 0..1.
    """
    inside = _inside(_grey(image))
    inner = image[inside]
    tinted = _is_tinted(inner)
    if inner.shape == image.shape and not tinted:
        return None
    return Tidied(_grey(inner) if tinted else np.ascontiguousarray(inner), inside)


def _grey(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean of its channels, float32[H, W]; numpy's own is slow over an axis of three."""
    return image if image.ndim == 2 else (image[..., 0] + image[..., 1] + image[..., 2]) / np.float32(3)


def is_grey(planes: NDArray[np.float32]) -> bool:
    """Whether the channels of float32[3, h, w] are alike."""
    return bool((planes[1:] == planes[:1]).all())


def _inside(grey: NDArray[np.float32]) -> tuple[slice, slice]:
    """The rows and columns of an image [H, W] without its frame."""
    (top, bottom), (left, right) = (0, grey.shape[0]), (0, grey.shape[1])
    while min(bottom - top, right - left) >= _LEAST:
        above, below = _uniform(grey[top:bottom, left:right], _BLACK)
        before, after = _uniform(grey[top + above : bottom - below, left:right].T, _BLACK)
        if not (above or below or before or after):
            break
        top, bottom, left, right = top + above, bottom - below, left + before, right - after
    if min(bottom - top, right - left) < _LEAST:
        return slice(0, grey.shape[0]), slice(0, grey.shape[1])
    # the bars of a wide or tall one, of any shade, until it is square
    if right - left >= _WIDE * (bottom - top):
        before, after = _bars(grey[top:bottom, left:right].T)
        left, right = left + before, right - after
    elif bottom - top >= _WIDE * (right - left):
        above, below = _bars(grey[top:bottom, left:right])
        top, bottom = top + above, bottom - below
    return slice(top, bottom), slice(left, right)


def _bars(grey: NDArray[np.float32]) -> tuple[int, int]:
    """How many of the first and the last rows of a tall image [h, w] to cut."""
    first, last = _uniform(grey, 0.0)
    surplus = grey.shape[0] - grey.shape[1]
    if first + last <= surplus:
        return first, last
    cut = min(max(surplus // 2, surplus - last), first)
    return cut, surplus - cut


def _uniform(grey: NDArray[np.float32], least: float) -> tuple[int, int]:
    """How many rows from the first and from the last on are of one shade, which is at least so bright.

    None are where all of it is.
    """
    if not grey.size:
        return 0, 0
    low, high = grey.min(1), grey.max(1)

    def count(order: slice) -> int:
        alike = np.maximum.accumulate(high[order]) - np.minimum.accumulate(low[order]) <= _ALIKE
        if high[order][0] < least:
            return 0
        return 0 if alike.all() else int(alike.argmin())

    return count(slice(None)), count(slice(None, None, -1))


def _is_tinted(image: NDArray[np.float32]) -> bool:
    """Whether an image has three channels, not all alike, each of which is a straight line of their mean."""
    if image.ndim == 2 or all((image[..., 0] == image[..., c]).all() for c in (1, 2)):
        return False
    grey = _grey(image)
    grey -= grey.mean()
    spread = float((grey**2).mean())
    if spread < 1e-8:  # one colour
        return False
    for channel in np.moveaxis(image, 2, 0):
        own = channel - channel.mean()
        rest = own - grey * (float((own * grey).mean()) / spread)
        if float((rest**2).mean()) > _TINT**2:
            return False
    return True


class Parting(NamedTuple):
    """Between two pictures in one.

    Attributes:
        axis: 0 where one lies above the other, 1 where they lie beside one another.
        before: where on that axis the first ends.
        after: where the second begins.
    """

    axis: int
    before: int
    after: int


def has_panels(image: NDArray[np.float32]) -> bool:
    """Whether an image looks like several, put beside or above one another: :func:`parting` finds where.

    Args:
        image: float32[H, W] or [H, W, 3] in 0..1.
    """
    return parting(image) is not None


def parting(image: NDArray[np.float32]) -> Parting | None:
    """Where an image that looks like several, put beside or above one another, may be cut in two.

    Told by a band of one shade from edge to edge between two parts that are not, or by a seam where most lines jump as
    they do nowhere else (OURS). `tests/panels.py` measures how often it is right.

    Args:
        image: float32[H, W] or [H, W, 3] in 0..1.
    """
    if min(image.shape[:2]) < _LEAST:
        return None
    both = [_some_rows(turned) for turned in (image, image.swapaxes(0, 1))]
    spread = float(both[0].std())
    if spread < 1e-4:  # one shade
        return None
    for axis, along in ((1, image), (0, image.swapaxes(0, 1))):
        found = _parted(along, both[1 - axis], spread)
        if found is not None:
            return Parting(axis, *found)
    return None


def _some_rows(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Grey values of some rows, and of these of every few pixels: float32[rows, length]."""
    rows = min(_LINES, image.shape[0])
    at = (2 * np.arange(rows) + 1) * image.shape[0] // (2 * rows)
    return np.ascontiguousarray(_grey(image[at, :: _every(image.shape[1])]))


def _every(length: int) -> int:
    return -(-length // _LONGEST)


def _is_filled(rows: NDArray[np.float32], spread: float) -> bool:
    """Whether a part shows something from top to bottom, and is not a small thing on an empty ground."""
    return 2 * int(np.count_nonzero(rows.max(1) - rows.min(1) > _SHADE * spread)) > len(rows)


def _parted(image: NDArray[np.float32], rows: NDArray[np.float32], spread: float) -> tuple[int, int] | None:
    """The first column and the one after the last of a band across all rows of an image, of which some are given.

    The two are one where it is a seam, which lies before that column; ``None`` where there is neither.
    """
    drawn = np.flatnonzero(rows.max(0) - rows.min(0) > _SHADE * spread)  # columns of more than one shade
    least = max(math.ceil(_PANEL * rows.shape[1]), 2)
    if len(drawn) < 2 * least:
        return None
    first, last = int(drawn[least - 1]), int(drawn[-least])
    within = drawn[least - 1 : len(drawn) - least + 1]
    every = _every(image.shape[1])
    for i in np.flatnonzero(np.diff(within) > 2):
        before, after = int(within[i]) + 1, int(within[i + 1])
        band = _grey(image[:, before * every : after * every])
        one_shade = np.flatnonzero(band.max(0) - band.min(0) <= _SHADE * spread)
        if len(one_shade) and _is_filled(rows[:, :before], spread) and _is_filled(rows[:, after:], spread):
            return before * every + int(one_shade[0]), before * every + int(one_shade[-1]) + 1
    jumps = np.count_nonzero(np.abs(np.diff(rows, axis=1)) > _JUMP * spread, axis=0)
    seam = first + int(jumps[first:last].argmax())
    elsewhere = max(jumps[: max(seam - 2, 0)].max(initial=0), jumps[seam + 3 :].max(initial=0))
    if jumps[seam] < _CROSSED * len(rows) or 2 * elsewhere > jumps[seam]:
        return None
    near = _grey(image[:, seam * every : (seam + 1) * every + 1])
    at = seam * every + 1 + int(np.abs(np.diff(near, axis=1)).mean(0).argmax())
    return at, at
