"""An image as a network's input, as it is or as chance and another scanner would have it."""

from pathlib import Path

from torch import Tensor

from lexseg.models.inputs import fit_image, image_tensor
from lexseg.models.place import Fit
from lexseg.scans.images import read_image
from lexseg.seeds import case_generator
from lexseg.training.augment import AugmentConfig, augment_image, draw


def view_of(
    path: Path, size: tuple[int, int], config: AugmentConfig, *, seed: int, view: int = 0, fit: Fit = "stretch"
) -> Tensor:
    """A view of an image, for what is fitted to a trained encoder.

    Args:
        path: the image.
        size: (height, width) of the network's input.
        config: what may happen to it.
        seed: what decides, with the view and the file's name.
        view: 0 is the image as it is, each other number another view.
        fit: how the image comes to that size.

    Returns:
        float[3, height, width] in 0..1.

    Raises:
        DataError: the image cannot be read.
    """
    image = image_tensor(read_image(path))
    if view == 0:
        return fit_image(image, size, fit).expand(3, -1, -1)
    return augment_image(image, draw(config, case_generator(seed, view, path.name)), size, fit).expand(3, -1, -1)
