"""Two towers: likeness of images and sentences, and the map that comes with it."""

import pytest
import torch

from lexseg.encoders.text.batch import TextBatch
from lexseg.models.towers import Pooling, Towers, TowerView


def towers(**arguments: object) -> Towers:
    torch.manual_seed(0)
    return Towers(encoder_args={"pretrained": False}, text_width=16, dim=32, **arguments).eval()  # type: ignore[arg-type]


def sentences(n: int = 3) -> TextBatch:
    states = torch.randn(n, 4, 16, generator=torch.Generator().manual_seed(1))
    mask = torch.ones(n, 4, dtype=torch.bool)
    return TextBatch(mask, torch.arange(n), torch.zeros(n, dtype=torch.bool), states=states)


def images(n: int = 3) -> torch.Tensor:
    return torch.rand(n, 3, 64, 96, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("pooling", ["map+words", "map", "words", "image"])
def test_own_likeness_is_the_diagonal(pooling: Pooling) -> None:
    model = towers(pooling=pooling)
    seen, said = model.see(images()), model.sentence(sentences())
    all_ = model.likeness(seen, said)
    torch.testing.assert_close(model(images(), sentences()), all_.diagonal())
    assert all_.shape == (3, 3) and float(all_.detach().abs().max()) <= 1 + 1e-5


def test_cells_most_like_the_words_speak_for_the_image() -> None:
    """Between the mean of all cosines and the largest, and nearer to the largest the sharper it is."""
    model = towers(pooling="words")
    seen, said = model.see(images()), model.sentence(sentences())
    cosine = model.relevance(seen, said).flatten(1)
    likeness = model.own_likeness(seen, said)
    assert bool((likeness > cosine.mean(1)).all()) and bool((likeness < cosine.amax(1)).all())
    with torch.no_grad():
        model.log_sharpness.fill_(-10)
    assert bool((model.own_likeness(seen, said) > likeness).all())


def test_the_map_is_of_the_first_stride() -> None:
    model = towers(strides=(8, 16, 32))
    assert model.relevance(model.see(images()), model.sentence(sentences())).shape == (3, 1, 8, 12)


def test_positions_tell_equal_cells_apart() -> None:
    flat = torch.full((1, 3, 64, 64), 0.5)
    with torch.no_grad():
        spread = [float(towers(positions=told).see(flat).cells.std((2, 3)).mean()) for told in (False, True)]
    assert spread[1] > 2 * spread[0]


def test_a_map_speaks_by_nothing_but_where_and_how_much() -> None:
    """Two images whose attention is the same say the same, whatever else they show; moved attention says otherwise."""
    model = towers(pooling="map")
    attention = torch.full((1, 1, 12, 12), -4.0)
    attention[..., 2:5, 2:5] = 4.0
    said = model.sentence(sentences(1))

    def likeness(seed: int, shown: torch.Tensor) -> float:
        cells = torch.randn(1, 32, 12, 12, generator=torch.Generator().manual_seed(seed))
        return model.own_likeness(TowerView(cells, shown), said).item()

    assert likeness(0, attention) == likeness(1, attention)
    assert likeness(0, attention) != pytest.approx(likeness(0, attention.flip(-1)), abs=1e-4)


def test_cells_that_attend_for_a_map_are_not_told_where_they_lie() -> None:
    """The same weights with and without positions: the cells' vectors differ, what attends does not."""
    told, untold = (towers(pooling="map+words", positions=positions).see(images(1)) for positions in (True, False))
    assert torch.equal(told.attention, untold.attention) and not torch.allclose(told.cells, untold.cells)
    told, untold = (towers(pooling="image", positions=positions).see(images(1)) for positions in (True, False))
    assert not torch.allclose(told.attention, untold.attention)


def test_words_decide_where_a_map_is_looked_at() -> None:
    model = towers()
    seen, said = model.see(images(2)), model.sentence(sentences(2))
    one, other = model.relevance(seen, said), model.relevance(seen, said.flip(0))
    assert one.shape == (2, 1, 8, 12) and not torch.allclose(one, other, atol=1e-3)
    assert bool((one <= 1.2 * seen.attention.sigmoid() + 1e-6).all())


def test_an_unknown_pooling() -> None:
    with pytest.raises(ValueError, match="pooling"):
        towers(pooling="max")
