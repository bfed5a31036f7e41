"""From values to what is looked at: window and level, black and white."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexseg.errors import ConfigError

# Widths and levels as radiology departments commonly set them, in Hounsfield units.
PRESETS: dict[str, tuple[float, float]] = {
    "abdomen": (400, 40),
    "liver": (400, 40),
    "liver-narrow": (150, 60),
    "soft": (350, 50),
    "mediastinum": (350, 50),
    "lung": (1500, -600),
    "bone": (1800, 400),
    "brain": (80, 40),
}
PERCENTILES = (0.5, 99.5)
"""What is black and what white of values that are no Hounsfield units, as those of MR."""
AIR = 0.002
"""Of a CT's voxels, padding left out, at least this share is air or lung, and at least this share soft tissue."""
BELOW = 0.001
"""Of a CT's voxels, at most this share lies below air and is no padding: streaks beside metal."""
THINNEST = 1e-37
"""The least from black to white: below, a width is no more than a step, and one divided by it no float32."""


@dataclass(frozen=True, slots=True)
class Window:
    """Values shown from black to white.

    Attributes:
        low: and all below are black.
        high: and all above are white.
        name: what people call it.
    """

    low: float
    high: float
    name: str = field(default="", compare=False)

    @classmethod
    def of(cls, width: float, level: float, name: str = "") -> "Window":
        """A window by its width and level, as scanners name it."""
        return cls(level - width / 2, level + width / 2, name)

    @property
    def width(self) -> float:
        """How far white lies above black, in the modality's units."""
        return self.high - self.low

    @property
    def level(self) -> float:
        """What is in the middle between black and white."""
        return (self.low + self.high) / 2

    def show(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        """The values as grays, 0..255; what is no number is black."""
        with np.errstate(over="ignore", invalid="ignore"):
            shown = (values.astype(np.float64) - self.low) * (255 / max(self.high - self.low, THINNEST))
        shown = np.nan_to_num(shown, nan=0.0, posinf=255.0, neginf=0.0)
        return np.asarray(np.clip(np.rint(shown), 0, 255), dtype=np.uint8)

    def shade(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """The values from black 0 to white 1, float32; what is no number is black."""
        with np.errstate(over="ignore", invalid="ignore"):  # of windows far from all values
            slope = np.float32(1 / max(self.high - self.low, THINNEST))
            shown = (values.astype(np.float32) - np.float32(self.low)) * slope
        np.nan_to_num(shown, copy=False, nan=0.0, posinf=1.0, neginf=0.0)
        return np.asarray(np.clip(shown, 0, 1, out=shown))


def parse_window(text: str) -> Window | None:
    """``400,40`` (width, level), a preset's name, or ``auto``: then ``None``, see `automatic`.

    Raises:
        ConfigError: for anything else.
    """
    name = text.strip().lower()
    if name == "auto":
        return None
    if name in PRESETS:
        return Window.of(*PRESETS[name])
    try:
        width, level = (float(part) for part in name.split(","))
    except ValueError:
        width, level = math.nan, math.nan
    if not (math.isfinite(width) and math.isfinite(level) and width > 0):
        raise ConfigError(
            f"{text!r} is no window; expected a width above 0 and a level, such as '400,40', 'auto', or one of "
            f"{', '.join(PRESETS)}"
        )
    return Window.of(width, level)


def automatic(values: NDArray[Any]) -> Window:
    """The window that suits a volume of which only the values are known.

    Hounsfield units get the window of the abdomen, see `looks_like_ct`. Whole numbers of 0 to 255 have been windowed
    before and stay as they are. All others, as of MR, run between two percentiles.
    """
    if values.dtype == np.uint8:
        return Window(0, 255)
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    if finite.size == 0:
        return Window(0, 1)
    if looks_like_ct(finite):
        return Window.of(*PRESETS["abdomen"])
    low, high = float(finite.min()), float(finite.max())
    if low >= 0 and 1 < high <= 255 and bool(np.all(finite == np.rint(finite))):
        return Window(0, 255)
    return spread(values)


def looks_like_ct(values: NDArray[Any]) -> bool:
    """Whether values are Hounsfield units, told by shares of them: no single one, damaged or padded, decides.

    Air is -1000 and soft tissue about 0. Below air there is only padding, which is one value; signed values of
    another kind, as phases of MR, are spread over what no tissue has.

    Args:
        values: any finite numbers.
    """
    air = np.count_nonzero((values >= -1100) & (values < -500))
    tissue = np.count_nonzero((values >= -200) & (values <= 300))
    below = values[values < -1100]
    padding = 0 if below.size == 0 else int(np.unique(below, return_counts=True)[1].max())
    least = AIR * (values.size - padding)
    return bool(air > least and tissue > least and below.size - padding <= BELOW * values.size)


def spread(values: NDArray[Any]) -> Window:
    """From one percentile of the values to the other; what is no number does not count."""
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    if finite.size == 0:
        return Window(0, 1)
    low, high = (float(value) for value in np.percentile(finite, PERCENTILES))
    return Window(low, high) if high > low else Window(low, low + 1)
