"""Maps of what words mean, of a model whose maps can be worked out by hand."""

import pytest
import torch

from lexseg.errors import ConfigError, ModelError
from lexseg.training.weak.saliency import M2IBOptions, available, grad_cam, saliency, spread_of
from lexseg.training.weak.scored import load_scored
from weak_scored import by_colour, coloured


def peak(found: torch.Tensor) -> tuple[int, int]:
    place = int(found.flatten().argmax())
    return place // found.shape[1], place % found.shape[1]


def in_red(place: tuple[int, int]) -> bool:
    return all(1 <= at < 3 for at in place)  # of 8 cells a side


def in_blue(place: tuple[int, int]) -> bool:
    return all(5 <= at < 7 for at in place)


def test_grad_cam_is_its_formula() -> None:
    """The score is the mean of one channel, whose 64 cells have a gradient of 1/64 each."""
    scored, image = by_colour(), coloured()[None]
    found = grad_cam(scored, image, scored.texts(["red"]))
    torch.testing.assert_close(found[0], torch.nn.functional.avg_pool2d(image, 16)[0, 0] / 64)


@pytest.mark.parametrize("kind", ["own", "grad-cam", "m2ib"])
def test_words_decide_what_is_shown(kind) -> None:
    scored, images = by_colour(), torch.stack([coloured(), coloured()])
    options = M2IBOptions(beta=0.1, steps=10)
    red, blue = saliency(scored, images, ["the red square", "the blue square"], kind, m2ib=options)
    assert in_red(peak(red)) and in_blue(peak(blue))


def test_words_that_name_nothing_give_an_empty_grad_cam() -> None:
    found = saliency(by_colour(), coloured()[None], ["a purple elephant"], "grad-cam")
    assert not bool(found.any())


def test_m2ib_lets_less_through_with_a_larger_beta() -> None:
    scored, image = by_colour(), coloured()[None]
    totals = [
        float(saliency(scored, image, ["red"], "m2ib", m2ib=M2IBOptions(beta=beta)).sum()) for beta in (0.01, 10.0)
    ]
    assert totals[1] < totals[0]


def test_m2ib_is_the_same_again_and_runs_the_encoder_no_more_than_it_must() -> None:
    scored, image = by_colour(), coloured()[None]
    spread = spread_of(scored, [image], [scored.texts(["red"])])
    first = saliency(scored, image, ["red"], "m2ib", spread=spread)
    assert torch.equal(first, saliency(scored, image, ["red"], "m2ib", spread=spread))
    joined = saliency(by_colour(separate=False), image, ["red"], "m2ib", spread=spread)
    torch.testing.assert_close(first, joined)


def test_nothing_stays_in_the_encoder() -> None:
    scored, image = by_colour(), coloured()[None]
    before = scored.encoder(image)[2]
    saliency(scored, image, ["red"], "m2ib")
    assert all("forward" not in stage.__dict__ and not stage._forward_hooks for stage in scored.encoder.stages)
    assert torch.equal(scored.encoder(image)[2], before)


def test_spread_is_that_of_the_channels() -> None:
    scored, image = by_colour(), coloured()[None]
    spread = spread_of(scored, [image], [scored.texts(["red"])])
    cells = torch.nn.functional.avg_pool2d(image, 16)[0].flatten(1)
    torch.testing.assert_close(spread.mean.flatten(), cells.mean(1))
    assert float(spread.std[0, 1]) == pytest.approx(1e-6)  # nothing of it varies, and nothing is divided by zero


def test_a_map_that_a_model_does_not_have() -> None:
    scored = by_colour(own=None)
    assert available(scored) == ("m2ib", "grad-cam")
    with pytest.raises(ConfigError, match="makes no map 'own'; it makes m2ib, grad-cam"):
        saliency(scored, coloured()[None], ["red"], "own")


def test_image_only_models_are_refused_in_a_sentence(tmp_path) -> None:
    from lexseg.models import create_model
    from lexseg.models.io import ModelConfig, save_model

    arguments = {"encoder": "efficientnet-lite0", "encoder_args": {"pretrained": False}}
    folder = tmp_path / "unet"
    save_model(folder, create_model("unet", **arguments), ModelConfig("unet", arguments, (64, 64)), card="")
    with pytest.raises(ModelError, match="is a unet, which reads no words"):
        load_scored(folder)


def test_the_bundled_model_has_relevance_or_presence() -> None:
    scored = load_scored("default", device="cpu")
    image = torch.rand(1, 3, *scored.size, generator=torch.Generator().manual_seed(0))
    found = saliency(scored, image, ["lower left lung opacity"], "grad-cam")
    assert found.ndim == 3 and bool(found.isfinite().all())
