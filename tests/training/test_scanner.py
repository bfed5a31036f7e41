"""Another scanner's image: other grey values, the same anatomy."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lexseg.models.inputs import image_tensor
from lexseg.scans.images import read_image
from lexseg.training.scanner import rescan

EXAMPLES = Path(__file__).parents[2] / "src" / "lexseg" / "assets" / "examples" / "images"
FILMS = sorted(EXAMPLES.glob("*.png"))[:4]


def film(path: Path) -> torch.Tensor:
    return image_tensor(read_image(path))


@pytest.mark.parametrize("path", FILMS, ids=lambda p: p.stem)
def test_the_anatomy_stays(path: Path) -> None:
    image = film(path)
    inside = (slice(None), *(slice(s // 8, -s // 8) for s in image.shape[-2:]))
    likeness = []
    for seed in range(12):
        out = rescan(image, np.random.default_rng(seed))
        ranks = [np.argsort(np.argsort(x[inside].mean(0).numpy().ravel())) for x in (image, out)]
        likeness.append(np.corrcoef(*ranks)[0, 1])
    assert np.median(likeness) > 0.95 and min(likeness) > 0.8


def test_grey_values_change_and_stay_in_range() -> None:
    image = film(FILMS[0])
    before = image.clone()
    changed = [rescan(image, np.random.default_rng(seed)) for seed in range(12)]
    assert all(out.shape == image.shape and float(out.min()) >= 0 and float(out.max()) <= 1 for out in changed)
    assert sum(float((out - image).abs().mean()) > 0.01 for out in changed) >= 9
    assert torch.equal(image, before)


def test_equal_seeds_give_equal_images() -> None:
    image = film(FILMS[0])
    one, two, other = (rescan(image, np.random.default_rng(seed)) for seed in (4, 4, 5))
    assert torch.equal(one, two) and not torch.equal(one, other)


@pytest.mark.parametrize("shape", [(1, 9, 9), (3, 64, 32), (1, 1, 40)])
def test_any_size_and_blank_images(shape: tuple[int, int, int]) -> None:
    for seed in range(8):
        out = rescan(torch.full(shape, 0.5), np.random.default_rng(seed))
        assert out.shape == shape and bool(out.isfinite().all())


def test_two_sources_are_harder_to_tell_by_their_grey_values() -> None:
    """What a histogram tells of two films' sources, it tells less once both were drawn anew."""
    one, two = film(FILMS[0]).mean(0, keepdim=True), film(FILMS[1]).mean(0, keepdim=True) * 0.6

    def histograms(image: torch.Tensor) -> np.ndarray:
        drawn = [rescan(image, np.random.default_rng(seed)).numpy() for seed in range(30)]
        return np.stack([np.histogram(x, 16, (0, 1), density=True)[0] for x in drawn])

    within = np.mean([np.abs(h - h.mean(0)).sum(1).mean() for h in (histograms(one), histograms(two))])
    between = np.abs(histograms(one).mean(0) - histograms(two).mean(0)).sum()
    plain = np.abs(np.subtract(*(np.histogram(x.numpy(), 16, (0, 1), density=True)[0] for x in (one, two)))).sum()
    assert between / within < 1.5 < plain / within
