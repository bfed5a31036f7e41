"""Whether an image shows anything at all: what a trained encoder knows, read off by a linear probe."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from image_labels import labelled_films
from lexseg.cases.case import Case
from lexseg.cases.manifest import read_manifest
from lexseg.errors import ConfigError, ModelError
from lexseg.models import create_model
from lexseg.models.inputs import image_tensor
from lexseg.models.io import ModelConfig, load_model, save_model
from lexseg.models.tmca.image_presence import ImagePresence, anything, both, shared
from lexseg.scans.images import read_image
from lexseg.training.image_presence import LabelledImage, fit_image_presence, labelled_images, scores

SMALL = {
    "encoder": "efficientnet-lite0",
    "encoder_args": {"pretrained": True},
    "text_width": 8,
    "widths": [16, 16, 8, 8],
    "joint_dim": 8,
    "head_channels": 1,
}


def test_both_is_the_logit_of_the_product():
    a, b = torch.meshgrid(torch.linspace(-9, 9, 13), torch.linspace(-9, 9, 13), indexing="ij")
    product = a.double().sigmoid() * b.double().sigmoid()
    torch.testing.assert_close(both(a, b).double(), torch.logit(product), rtol=1e-4, atol=1e-4)
    assert both(torch.tensor([200.0, -200.0]), torch.tensor(3.0)).isfinite().all()


def test_before_it_is_fitted_it_changes_nothing():
    probe = ImagePresence([2, 3, 4, 6])
    q = torch.linspace(-8, 8, 9)
    said = probe([torch.randn(9, c, 5, 5) for c in (2, 3, 4, 6)])
    assert torch.allclose(both(q, anything(said)), q, atol=1e-4)
    assert not any(p.requires_grad for p in probe.parameters())


def test_it_is_a_factor_of_the_answer_and_of_nothing_else():
    from lexseg.encoders.text.batch import TextBatch

    torch.manual_seed(0)
    model = create_model("tmca", **SMALL, image_presence=True).eval()
    mask = torch.ones(4, 3, dtype=torch.bool)
    text = TextBatch(mask, torch.arange(4), torch.zeros(4, dtype=torch.bool), states=torch.randn(4, 3, 8))
    with torch.no_grad():
        image = torch.rand(2, 3, 64, 64)  # two sentences about each
        before = model.decode(model.encode_image(image), text)
        model.image_presence.answer.bias.fill_(-1.0)
        after = model.decode(model.encode_image(image), text)
    assert torch.equal(before.logits, after.logits)
    product = before.presence.sigmoid() / (1 + math.e)
    torch.testing.assert_close(after.presence.sigmoid(), product, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(("asked", "read"), [(True, (2, 3)), ([8, 16], (1, 2)), ([32], (3,))])
def test_it_reads_the_maps_that_are_named(asked, read):
    model = create_model("tmca", **SMALL, image_presence=asked)
    maps = model.eval().encode_image(torch.rand(1, 3, 64, 64)).maps
    assert model.image_presence.read == read
    assert model.image_presence(maps).shape == (1, 2)
    assert model.image_presence.answer.in_features == 3 * sum(maps[i].shape[1] for i in read)
    assert create_model("tmca", **SMALL, image_presence=False).image_presence is None


def test_the_masks_peak_counts_in_presence_and_nowhere_else():
    from lexseg.encoders.text.batch import TextBatch

    torch.manual_seed(0)
    plain, model = (create_model("tmca", **SMALL, peak_presence=weight).eval() for weight in (0.0, 0.5))
    model.load_state_dict(plain.state_dict())
    text = TextBatch(
        torch.ones(2, 3, dtype=torch.bool), torch.arange(2), torch.zeros(2).bool(), states=torch.randn(2, 3, 8)
    )
    with torch.no_grad():
        features = plain.encode_image(torch.rand(2, 3, 64, 64))
        without, given = plain.decode(features, text), model.decode(features, text)
    assert torch.equal(without.logits, given.logits)
    torch.testing.assert_close(given.presence, without.presence + 0.5 * without.logits.amax((1, 2, 3)))


def test_without_presence_there_is_nothing_to_multiply():
    with pytest.raises(ModelError, match="need presence_weight"):
        create_model("tmca", **SMALL, presence_weight=0, image_presence=True)


def row(tmp_path, name, kind, *, filled=None, present=""):
    path = tmp_path / f"{name}.png"
    if not path.exists():
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(path)
    mask = None
    if filled is not None:
        mask = tmp_path / f"{name}-{kind}-{filled}.png"
        Image.fromarray(np.full((8, 8), 255 * filled, np.uint8)).save(mask)
    values = {"id": f"{name}{kind}{filled}", "image": path, "mask": mask, "split": "train", "expression_kind": kind}
    return Case(**values, **({"present": present} if present else {}))


def test_an_image_shows_something_if_any_sentence_names_what_is_there(tmp_path):
    cases = [
        row(tmp_path, "ill", "none", filled=0),
        row(tmp_path, "ill", "one", filled=1),
        row(tmp_path, "healthy", "none", filled=0),
        row(tmp_path, "healthy", "foreign", filled=0),
        row(tmp_path, "labelled", "caption", present="yes"),
        row(tmp_path, "foreign only", "foreign", filled=0),
        row(tmp_path, "unknown", "caption"),
    ]
    found = {one.image.stem: one.present for one in labelled_images(cases, [])}
    assert found == {"ill": True, "healthy": False, "labelled": True}


def test_the_probe_needs_both_answers(tmp_path):
    image = row(tmp_path, "one", "one").image
    model = create_model("tmca", **SMALL)
    with pytest.raises(ConfigError, match="one kind is short"):
        fit_image_presence(model, [LabelledImage(image, True, 0)], (64, 64))


def test_a_question_without_a_place_is_answered_by_both_and_one_with_a_place_by_either():
    q = torch.tensor([-4.0, -4.0, 4.0, 4.0])
    h = torch.tensor([3.0, -3.0, 3.0, -3.0])
    said = torch.stack([h, torch.full_like(h, 20.0)], 1)
    assert torch.allclose(shared(q, said, 0.5), 0.5 * q + h, atol=1e-4)
    assert bool(shared(q, said, 0.5)[0] > 0) and bool(both(q, anything(said))[0] < 0)
    other = torch.stack([h, torch.full_like(h, -20.0)], 1)  # of another kind: nothing is said
    assert torch.allclose(shared(q, other, 0.5), q, atol=1e-4)
    assert torch.allclose(both(q, anything(other)), q, atol=1e-4)


@pytest.mark.parametrize("of_kind", [(), (4, 8)])
def test_the_network_is_told_which_questions_name_a_place(of_kind):
    from lexseg.encoders.text.batch import TextBatch

    torch.manual_seed(0)
    model = create_model("tmca", **SMALL, image_presence=(8, 16), image_kind=of_kind, image_share=0.5).eval()
    assert model.reads_places and model.image_presence.reads_kind == ((0, 1) if of_kind else (3,))
    mask = torch.ones(2, 3, dtype=torch.bool)
    states = torch.randn(1, 3, 8).expand(2, 3, 8)
    text = TextBatch(mask, torch.arange(2), torch.zeros(2, dtype=torch.bool), states=states)
    with torch.no_grad():
        model.image_presence.answer.bias.fill_(3.0)
        features = model.encode_image(torch.rand(1, 3, 64, 64))
        untold = model.decode(features, text).presence
        told = model.decode(features, replace(text, names_place=torch.tensor([True, False]))).presence
        model.image_presence = None
        asked = model.decode(features, text).presence
    assert torch.equal(told[:1], untold[:1])
    said = torch.tensor([[3.0, 20.0]])
    torch.testing.assert_close(told[1:], shared(asked[1:], said, 0.5), rtol=1e-3, atol=1e-3)


def test_of_images_of_another_kind_it_says_nothing(tmp_path):
    """Bright and dark squares are the kind, lit or not; stripes are another, and no healthy square."""
    rng = np.random.default_rng(0)
    images = []
    for i in range(36):
        pixels = rng.integers(60, 90, (64, 64)).astype(np.uint8)
        source, lit = i % 3, (i // 3) % 2
        if source < 2:
            pixels[16:48, 16:48] = 220 if lit else 130
        else:
            pixels[::8] = pixels[1::8] = 250
        Image.fromarray(pixels).save(path := tmp_path / f"{i}.png")
        images.append(LabelledImage(path, source == 2 or bool(lit), source))
    model = create_model("tmca", **SMALL).eval()
    probe = fit_image_presence(model, images, (64, 64), shares=[1, 0, None], views=1)
    shown = [image_tensor(read_image(one.image)).expand(3, -1, -1) for one in images]
    with torch.no_grad():
        maps = model.encode_image(torch.stack(shown)).maps
        of_kind, said = probe(maps)[:, 1], anything(probe(maps))
    assert [bool(k > 0) for k in of_kind] == [one.source < 2 for one in images]
    assert all(s > 2 for s, one in zip(said, images, strict=True) if one.source == 2)
    lit, dark = (
        [float(s) for s, o in zip(said, images, strict=True) if o.source < 2 and o.present == p] for p in (1, 0)
    )
    assert min(lit) > max(dark)
    fine = fit_image_presence(model, images, (64, 64), shares=[1, 0, None], views=0, kind_strides=(4, 8), kind_most=9)
    with torch.no_grad():
        assert [bool(k > 0) for k in fine(maps)[:, 1]] == [one.source < 2 for one in images]
    more = fit_image_presence(model, images, (64, 64), shares=[1, 0, None], views=1, expected=0.9)
    assert float(more.answer.bias - probe.answer.bias) == pytest.approx(math.log(9), abs=1e-4)


@pytest.mark.data
def test_films_that_it_has_not_seen_are_told_apart(data_root, tmp_path):
    """Within one source, by labels alone and ImageNet's features: better than chance by far."""
    model = create_model("tmca", **SMALL)
    images = {}
    for split, n in (("train", 110), ("val", 45)):
        path = labelled_films(data_root, "nih_cxr", tmp_path / split, {"yes": n, "no": n})
        cases = [case for case in read_manifest(path) if case.split == split]
        images[split] = labelled_images(cases, [path])
    probe = fit_image_presence(model, images["train"], (128, 128), views=1)
    (told,) = scores(model, probe, images["val"], (128, 128)).values()
    assert told > 0.6
    shuffled = torch.Generator().manual_seed(0)
    wrong = [LabelledImage(o.image, bool(torch.rand((), generator=shuffled) < 0.5), 0) for o in images["train"]]
    (chance,) = scores(model, fit_image_presence(model, wrong, (128, 128), views=0), images["val"], (128, 128)).values()
    assert chance < told


@pytest.mark.data
def test_the_command_writes_it_into_the_model(data_root, tmp_path, capsys):
    from lexseg.cli.main import main
    from lexseg.encoders.text import create_text_encoder

    encoder = create_text_encoder({"kind": "minilm"})
    arguments = SMALL | {"text_width": encoder.width}
    config = ModelConfig("tmca", arguments, (64, 64), text_encoder=encoder.config())
    model = create_model("tmca", **arguments)
    save_model(tmp_path / "model", model, config, card="a card", metrics={"kept": 1})
    films = labelled_films(data_root, "nih_cxr", tmp_path / "films", {"yes": 20, "no": 20})
    assert main(["image-presence", str(tmp_path / "model"), str(films), "--shares", "1,2"]) == 1
    assert "a number from 0 up, or -, for each of 1 manifests" in capsys.readouterr().err
    assert main(["image-presence", "default", str(films)]) == 1
    assert "a folder of your own" in capsys.readouterr().err
    assert main(["image-presence", str(tmp_path / "model"), str(films), "--strides", "8,12"]) == 1
    assert "some of 4, 8, 16, 32" in capsys.readouterr().err
    assert main(["image-presence", str(tmp_path / "model"), str(films), "--most", "15"]) == 0
    loaded = load_model(tmp_path / "model")
    assert loaded.config.arguments["image_presence"] and loaded.config.presence is None
    assert loaded.metrics == {"kept": 1} and (tmp_path / "model/README.md").read_text() == "a card"
    assert loaded.model.image_presence.answer.weight.abs().sum() > 0
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.model.state_dict()[name], value), name
    # once more: the factor is fitted anew, not multiplied again
    assert main(["image-presence", str(tmp_path / "model"), str(films), "--most", "15"]) == 0
    again = load_model(tmp_path / "model").model.image_presence.answer.weight
    assert torch.allclose(again, loaded.model.image_presence.answer.weight, atol=1e-6)
