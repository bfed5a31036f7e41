"""DD-CMD: what every model holds to, its cosine transform, and what the released code's faults do."""

from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from scipy.fft import dctn

from lexseg.encoders.text import create_text_encoder
from lexseg.encoders.text.batch import TextBatch
from lexseg.graphs.store import DECODER, LOGITS
from lexseg.graphs.trace import trace
from lexseg.models.ddcmd.model import DDCMD
from lexseg.models.ddcmd.spectrum import SpectralModulation, dct
from lexseg.models.ddcmd.words import WordAttention, resampled

from .base import WIDTH, WORDS, ModelTests, images, jitter, sentences, target
from .overfit import overfit

SMALL: dict[str, Any] = {
    "encoder": "efficientnet-lite0",
    "encoder_args": {"pretrained": False},
    "text_width": WIDTH,
    "widths": [32, 24, 16, 16],
    "fine": [12, 8],
}


class TestDDCMD(ModelTests):
    name = "ddcmd"
    arguments: ClassVar = SMALL
    learning: ClassVar = {"encoder_args": {"pretrained": True}}


class TestAsPublished(ModelTests):
    name = "ddcmd"
    learns: ClassVar = False  # the squares are learnt above
    arguments: ClassVar = SMALL | {"as_published": True}
    test_exports = None  # nobody deploys the faults


def small(**changes: Any) -> DDCMD:
    torch.manual_seed(0)
    return DDCMD(**(SMALL | changes))


# The spectral half.


@pytest.mark.parametrize("size", [(7, 7), (4, 6), (1, 3)])
def test_the_cosine_transform_is_scipys(size: tuple[int, int]) -> None:
    x = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0))
    np.testing.assert_allclose(dct(x).numpy(), dctn(x.numpy(), axes=(2, 3), norm="ortho"), atol=1e-5)


def test_half_open_weights_measure_half_the_mean_square() -> None:
    x = torch.randn(2, 8, 5, 6)
    torch.testing.assert_close(SpectralModulation(8, WIDTH, 7).energy(x), x.square().mean((2, 3)) / 2)


def test_weights_of_frequencies_tell_smooth_from_rough() -> None:
    part = SpectralModulation(1, WIDTH, 8)
    with torch.no_grad():
        part.weights.fill_(-20)
        part.weights[..., :2, :2] = 20  # only what varies slowly counts
    rows, columns = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    smooth, rough = torch.ones(1, 1, 16, 16), (-1.0) ** (rows + columns)[None, None]
    energy = part.energy(torch.cat([smooth, rough]))
    assert energy[0] > 0.9 and energy[1] < 0.1


@pytest.mark.parametrize("part", ["spatial", "spectral"])
def test_either_half_can_be_left_out(part: str) -> None:
    model = small(**{part: False}).train()
    sum(model.training_losses(images(), sentences(), target()).values()).backward()
    assert not len(getattr(model, part))
    assert all(p.grad is not None for p in model.parameters())


# The published graph, and what as_published brings back.


def test_published_graph_has_the_size_that_its_widths_give() -> None:
    with torch.device("meta"):
        model = DDCMD(encoder_args={"pretrained": False}, presence_weight=0.0, as_published=True)
    assert sum(p.numel() for p in model.parameters()) / 1e6 == pytest.approx(47.8, abs=0.1)
    assert [part.slots for part in model.spatial] == [24, 12, 9]  # type: ignore[union-attr]
    assert [tuple(part.weights.shape[2:]) for part in model.spectral] == [(7, 7), (14, 14), (28, 28)]  # type: ignore[union-attr]


def test_a_quarter_of_the_tokens_is_unread_at_stride_8_as_published() -> None:
    tokens = torch.eye(24)[None]  # each its own channel
    read = (resampled(tokens, 9)[0] > 0).any(0)
    assert [i for i in range(24) if not read[i]] == [2, 5, 10, 13, 18, 21]


def long_sentence(words: int = 30) -> TextBatch:
    states = torch.randn(1, words, WIDTH, generator=torch.Generator().manual_seed(3))
    there = torch.ones(1, words, dtype=torch.bool)
    return TextBatch(there, torch.tensor([1]), torch.tensor([False]), states=states)


@pytest.mark.parametrize("as_published", [False, True])
def test_only_as_published_cuts_what_follows_the_24th_token(as_published: bool) -> None:
    model = small(as_published=as_published).eval()
    whole = long_sentence()
    assert whole.states is not None
    cut = replace(whole, states=whole.states[:, :24], attention_mask=whole.attention_mask[:, :24])
    with torch.no_grad():
        assert torch.equal(model(images(1), whole).logits, model(images(1), cut).logits) == as_published


@pytest.mark.parametrize("slots", [0, 9])
def test_only_as_published_reads_padding(slots: int) -> None:
    torch.manual_seed(0)
    part = WordAttention(16, WIDTH, slots=slots).eval()
    x, words, mask = torch.randn(1, 16, 3, 4), torch.randn(1, 24, WIDTH), torch.arange(24)[None] < 5
    other = torch.where(mask[..., None], words, torch.randn(1, 24, WIDTH))
    with torch.no_grad():
        assert torch.equal(part(x, words, mask), part(x, other, mask)) == (slots == 0)


def test_cross_entropy_is_left_out_as_published() -> None:
    """There it is a softmax over one channel, which is one everywhere."""
    ours, published = (small(as_published=p) for p in (False, True))
    assert ours.loss_names == ("dice", "bce", "presence")
    assert set(published.training_losses(images(), sentences(), target())) == {"dice", "presence"}


@pytest.mark.slow
def test_its_graphs_answer_as_it_does() -> None:
    """A map of another size than the weights of frequencies, and skips of the image among what is kept of it."""
    onnxruntime, onnx_ir = pytest.importorskip("onnxruntime"), pytest.importorskip("onnx_ir")
    model, encoder = small().eval(), create_text_encoder(WORDS)
    jitter(model)
    graphs = trace(model, encoder, (64, 96))
    image, text = images(2, (64, 96)), sentences(2)
    with torch.no_grad():
        maps = model.encode_image(image).maps
        truth = model(image, text).logits.numpy()
    assert len(maps) == 6 and text.states is not None
    session = onnxruntime.InferenceSession(onnx_ir.to_proto(graphs[DECODER]).SerializeToString())
    given = [*maps, text.states, text.attention_mask, text.is_null]
    names = [each.name for each in session.get_inputs()]
    found = session.run([LOGITS], dict(zip(names, (x.numpy() for x in given), strict=True)))[0]
    np.testing.assert_allclose(found, truth, atol=1e-4, rtol=1e-4)


@pytest.mark.slow
def test_lite_recipe_learns_eight_films_by_heart(data_root: Path) -> None:
    assert overfit("ddcmd-lite", data_root) > 0.7
