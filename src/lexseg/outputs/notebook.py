"""An answer that shows and saves itself, as one wants it in a notebook."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lexseg.errors import ConfigError, check_flags
from lexseg.files import write_files
from lexseg.outputs.overlay import draw_overlay, mask_png, png, preview
from lexseg.predict.answered import (
    NUMBERS_JSON,
    OVERLAY_PNG,
    PNG_MASK,
    AnsweredImage,
    caption_of,
    describe,
    in_words,
    json_bytes,
    judged,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def overlay(result: AnsweredImage, *, include_text: bool = False) -> Image.Image:
    """As :meth:`lexseg.predict.segmentation.Segmentation.overlay`; on black where the image was not kept."""
    check_flags(include_text=include_text)
    mask = result.mask
    caption = caption_of(result, judged(result), include_text)
    return draw_overlay(_image(result, mask), mask, caption=caption)


def overlay_png(result: AnsweredImage) -> bytes:
    """The overlay, without the sentence, as the bytes of a PNG file."""
    return png(overlay(result))


def plot(result: AnsweredImage, ax: "Axes | None" = None, *, probability: bool = False) -> "Axes":
    """As :meth:`lexseg.predict.segmentation.Segmentation.plot`."""
    check_flags(probability=probability)
    if ax is None:
        from matplotlib import pyplot

        _, ax = pyplot.subplots()
    mask = result.mask
    extent = (-0.5, mask.shape[1] - 0.5, mask.shape[0] - 0.5, -0.5)  # the image's own pixels, however it is shown
    if probability:
        drawn = ax.imshow(result.probability, cmap="magma", vmin=0, vmax=1, extent=extent)
        ax.figure.colorbar(drawn, ax=ax, label="probability")
    else:
        ax.imshow(np.asarray(draw_overlay(_image(result, mask), mask)), extent=extent)
    ax.set_title("\n".join(filter(None, [result.text, in_words(judged(result))])), wrap=True)
    ax.set_axis_off()
    return ax


def save(result: AnsweredImage, path: Path, *, include_text: bool = False) -> list[Path]:
    """As :meth:`lexseg.predict.segmentation.Segmentation.save`."""
    check_flags(include_text=include_text)
    mask = result.mask
    if path.suffix.lower() == ".png":
        contents = {path: mask_png(mask)}
    elif path.suffix.lower() in _OTHERS or path.name in ("", ".", ".."):
        raise ConfigError(
            f"{path}: the mask of an image is saved as .png, or, by a name without an ending, with its overlay and "
            "numbers; of DICOM, NIfTI and NRRD `lexseg segment` writes DICOM SEG and NIfTI"
        )
    else:
        contents = {
            path.with_name(f"{path.name}{PNG_MASK}"): mask_png(mask),
            path.with_name(f"{path.name}{OVERLAY_PNG}"): png(overlay(result, include_text=include_text)),
            path.with_name(f"{path.name}{NUMBERS_JSON}"): json_bytes(describe(result, include_text=include_text)),
        }
    write_files(contents)
    return list(contents)


# what people would expect to be written, and is not; any other dot belongs to the name
_OTHERS = (".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".npy", ".npz", ".nii", ".gz", ".nrrd", ".dcm", ".json")


def _image(result: AnsweredImage, mask: NDArray[np.bool_]) -> NDArray[Any]:
    return np.zeros(preview(mask).shape, np.uint8) if result.shown is None else result.shown
