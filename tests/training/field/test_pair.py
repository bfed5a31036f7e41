"""Two dark regions, one on each side: which are a pair, and which are none."""

from pathlib import Path

import numpy as np
import pytest

from field_films import LEFT, RIGHT, Place, ellipse, film
from lexseg.models.inputs import image_tensor, resize_image
from lexseg.scans.images import read_image
from lexseg.training.field.fit import GOOD, LARGE
from lexseg.training.field.pair import SIDE, DarkPair, dark_pair

EXAMPLES = Path(__file__).parents[3] / "src/lexseg/assets/examples/images"


def test_both_regions_of_a_body_are_found_and_nothing_else() -> None:
    pair = dark_pair(film(LEFT, RIGHT))
    truth = ellipse(*LEFT) | ellipse(*RIGHT)
    assert pair is not None and 2 * (pair.mask & truth).sum() / (pair.mask.sum() + truth.sum()) > 0.9


def test_the_scale_of_grays_does_not_matter() -> None:
    one, other = dark_pair(film(LEFT, RIGHT)), dark_pair(film(LEFT, RIGHT) * 1000 - 77)
    assert one is not None and other is not None and np.array_equal(one.mask, other.mask)


def test_what_does_not_match_is_less_of_a_pair() -> None:
    even, lower = dark_pair(film(LEFT, RIGHT)), dark_pair(film(LEFT, (72, 88, 34, 16)))
    assert even is not None and (lower is None or lower.quality < 0.5 * even.quality)


@pytest.mark.parametrize("dark", [(), (LEFT,), (LEFT, (60, 88, 6, 16))], ids=["none", "one", "a flat one"])
def test_no_pair(dark: tuple[Place, ...]) -> None:
    assert dark_pair(film(*dark)) is None


def test_an_image_of_one_gray() -> None:
    assert dark_pair(np.full((SIDE, SIDE), 0.5, np.float32)) is None


def pair_of(path: Path) -> DarkPair | None:
    image = image_tensor(read_image(path)).mean(0, keepdim=True)
    return dark_pair(resize_image(image, (SIDE, SIDE))[0].numpy())


def looks_like_lungs(pair: DarkPair) -> bool:
    """A fair share of each half, and neither the neck nor much of the spine."""
    halves = pair.mask[:, : SIDE // 2].mean(), pair.mask[:, SIDE // 2 :].mean()
    spine = pair.mask[:, SIDE // 2 - 4 : SIDE // 2 + 4].mean()
    return bool(min(halves) > 0.1 and max(halves) < 0.6 and not pair.mask[:3].any() and spine < 0.3)


def test_the_lungs_of_a_healthy_film() -> None:
    pair = pair_of(EXAMPLES / "cxr_00001452.png")
    assert pair is not None and pair.quality > GOOD and looks_like_lungs(pair)


def test_the_lungs_of_most_healthy_films(data_root: Path) -> None:
    """What is learnt from is lungs, and half of the films or more can be learnt from."""
    films = sorted((data_root / "healthy_cxr/images").iterdir())[:2000:100]
    found = [pair for film in films if (pair := pair_of(film)) is not None]
    good = [pair for pair in found if pair.quality > GOOD and LARGE[0] <= pair.mask.mean() <= LARGE[1]]
    assert len(good) >= len(films) / 2
    assert sum(map(looks_like_lungs, good)) >= 0.95 * len(good)
