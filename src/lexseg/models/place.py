"""How an image comes to a network's size, and where in the network's input it then lies. Imports no torch.

An image is stretched, whatever its shape (``stretch``), or keeps its shape and gets a black margin at two sides
(``pad``), alike at both, so that a mirrored image lies as before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

Fit = Literal["stretch", "pad"]
"""How an image comes to the network's size."""
FITS: Sequence[Fit] = get_args(Fit)


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a network's input an image lies. Attributes: top, left: its first pixel; height, width: in pixels."""

    top: int
    left: int
    height: int
    width: int

    @classmethod
    def of(cls, image: tuple[int, int], size: tuple[int, int], fit: Fit) -> "Place":
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
