"""Teaching a target, the folder that comes of it, and what cannot be taught."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from few_discs import OPTIONS, dice, disc, examples
from lexseg.errors import ConfigError, DataError
from lexseg.fewshot.fit import Teacher, TeachingOptions, words_of
from lexseg.fewshot.labels import BESIDE, TARGET, unknown
from lexseg.fewshot.support import Example
from lexseg.fewshot.teach import teach
from lexseg.models.io import load_model
from lexseg.predict.segmenter import Segmenter


@pytest.mark.parametrize("head", ["ridge", "proto", "panet", "anil"])
def test_a_taught_folder_finds_what_it_was_taught_in_another_image(base, tmp_path, head):
    taught = teach(base, examples(3), replace(OPTIONS, head=head))
    taught.save(tmp_path / "disc")
    image, mask = disc(10)
    segmenter = Segmenter.from_pretrained(tmp_path / "disc")
    assert dice(segmenter.segment(image).mask, mask) > {"ridge": 0.9, "proto": 0.9, "panet": 0.3, "anil": 0.5}[head]


def test_a_saved_model_answers_as_before(base, tmp_path):
    taught = teach(base, examples(2), replace(OPTIONS, parts=("model", "statistics")))
    taught.save(tmp_path / "m")
    loaded = load_model(tmp_path / "m")
    image = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        from lexseg.encoders.text.batch import no_words

        one, other = (m(image, no_words([None])).logits for m in (taught.model, loaded.model))
    assert torch.equal(one, other)


def test_the_words_of_the_teaching_are_what_the_model_is_asked_with(base):
    pixels = replace(OPTIONS, parts=("model",))
    image, _ = disc(0)

    def seen(words):
        return Teacher(base, pixels, words).see(image)[0]

    assert not torch.equal(seen("disc"), seen("square")) and not torch.equal(seen("disc"), seen(None))
    assert torch.equal(seen("disc"), seen("disc"))
    said = Example.of(*_pair(0), "disc")
    assert words_of([said, said], None) == "disc" and words_of([said, replace(said, text="x")], None) is None
    assert words_of([said], " square ") == "square"


def _pair(seed):
    own = examples(1, seed)[0]
    return own.image, own.labels


def test_the_folder_knows_its_images_by_their_hashes_and_holds_no_word(base, tmp_path):
    own = [replace(each, text="a secret word") for each in examples(2)]
    teach(base, own, replace(OPTIONS, parts=("model", "place"), words="disc")).save(tmp_path / "m")
    config = json.loads((tmp_path / "m" / "config.json").read_text())
    assert config["arguments"]["taught"]["sha256"] == sorted(each.sha256 for each in own)
    assert config["arguments"]["taught"]["images"] == 2
    for path in (tmp_path / "m").iterdir():
        assert b"secret" not in path.read_bytes()


def test_the_same_examples_teach_the_same(base):
    one, other = (teach(base, examples(2), OPTIONS).model.state_dict() for _ in range(2))
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_more_than_one_image_is_left_out_in_turn_and_one_is_not(base):
    assert teach(base, examples(3), OPTIONS).left_out > 0.8
    assert teach(base, examples(1), OPTIONS).left_out is None


def test_images_of_other_sizes_and_colours_can_be_mixed(base):
    image, mask = disc(1, (60, 100))
    labels = np.where(mask, np.uint8(TARGET), np.uint8(BESIDE))
    coloured = Example.of(np.repeat(image[..., None], 3, 2), labels)
    taught = teach(base, [*examples(1), coloured], OPTIONS)
    assert dice(Segmenter(taught.model, size=(64, 64), device="cpu").segment(image).mask, mask) > 0.85


def test_fine_tuning_changes_the_network_and_the_others_do_not(base):
    before = {k: v.clone() for k, v in base.model.state_dict().items()}
    options = replace(OPTIONS, parts=("model",), head="finetune", head_args={"steps": 3})
    tuned = teach(base, examples(2), options).model.base.state_dict()
    assert any(not torch.equal(tuned[k], before[k]) for k in before)
    kept = teach(base, examples(2), replace(OPTIONS, parts=("model",))).model.base.state_dict()
    assert all(torch.equal(kept[k], before[k]) for k in before)
    assert all(torch.equal(base.model.state_dict()[k], before[k]) for k in before)


@pytest.mark.parametrize("head", ["maml", "meta-sgd", "reptile", "guided"])
def test_heads_that_must_be_learnt_say_so(base, head):
    with pytest.raises(ConfigError, match="lexseg few-shot learn"):
        teach(base, examples(2), replace(OPTIONS, head=head))


def test_nothing_to_be_taught_from_is_refused(base):
    with pytest.raises(ConfigError, match="needs labelled images"):
        teach(base, [], OPTIONS)
    with pytest.raises(ConfigError, match="must be named"):
        teach(base, [], replace(OPTIONS, head="proto"))
    with pytest.raises(ConfigError, match="has met words"):
        teach(base, [], replace(OPTIONS, head="proto", words="disc"))


def test_a_model_that_was_taught_is_not_taught_again(base, tmp_path):
    teach(base, examples(2), OPTIONS).save(tmp_path / "m")
    with pytest.raises(ConfigError, match="was taught a target already"):
        teach(load_model(tmp_path / "m"), examples(2), OPTIONS)


def test_a_model_without_features_is_refused(sides_folder):
    with pytest.raises(ConfigError, match="has no features"):
        teach(load_model(sides_folder), examples(2), replace(OPTIONS, parts=("model",)))


def test_strokes_too_close_for_the_models_size_are_refused(base):
    labels = unknown((200, 200))
    labels[50:52, 50], labels[50:52, 51] = TARGET, BESIDE
    with pytest.raises(DataError, match="too close together"):
        teach(base, [Example.of(np.zeros((200, 200), np.float32), labels)], OPTIONS)


def test_impossible_options_are_refused():
    for wrong in ({"head": "nearest"}, {"size": 100}, {"parts": ("colour",)}, {"parts": ()}, {"refine": -1}):
        with pytest.raises(ConfigError):
            TeachingOptions(**wrong)
