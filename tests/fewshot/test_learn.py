"""Learning heads over tasks, and leaving one image out."""

from dataclasses import replace

import numpy as np
import pytest

from few_discs import OPTIONS, dice, disc, examples, write_set
from lexseg.cases.manifest import read_manifest
from lexseg.errors import ConfigError, DataError
from lexseg.fewshot.evaluate import leave_one_out
from lexseg.fewshot.learn import LearningPlan, learn
from lexseg.fewshot.teach import teach
from lexseg.models.io import load_model
from lexseg.predict.segmenter import Segmenter

SEEN = replace(OPTIONS, parts=("model", "statistics"))


def tasks(tmp_path):
    (tmp_path / "set").mkdir()
    return [read_manifest(write_set(tmp_path / "set", 5, dense=True, text="disc"))]


@pytest.mark.parametrize("head", ["proto", "maml", "reptile"])
def test_a_learnt_head_can_be_taught_and_keeps_what_it_learnt(base, tmp_path, head):
    learnt = learn(base, tasks(tmp_path), replace(SEEN, head=head), LearningPlan(episodes=8, shots=3, images=5))
    learnt.save(tmp_path / "learnt")
    assert np.isfinite([learnt.first, learnt.last]).all()
    loaded = load_model(tmp_path / "learnt")
    taught = teach(loaded, examples(3), replace(SEEN, head=head))
    taught.save(tmp_path / "taught")
    told = load_model(tmp_path / "taught").model.head
    for name, value in loaded.model.head.named_parameters():
        assert (dict(told.named_parameters())[name] == value).all()


def test_the_loss_of_a_head_falls(base, tmp_path):
    plan = LearningPlan(episodes=120, shots=2, images=4)
    learnt = learn(base, tasks(tmp_path), replace(SEEN, head="guided"), plan)
    assert learnt.last < 0.8 * learnt.first


def test_words_alone_can_be_taught_to_a_head_that_met_them(base, tmp_path):
    plan = LearningPlan(episodes=40, shots=2, images=4)
    learnt = learn(base, tasks(tmp_path), replace(SEEN, head="proto"), plan)
    model = learnt.taught.model
    assert model.word_width == 16
    learnt.save(tmp_path / "learnt")
    taught = teach(load_model(tmp_path / "learnt"), [], replace(SEEN, head="proto", words="disc"))
    taught.save(tmp_path / "words")
    assert taught.config.arguments["taught"]["images"] == 0
    Segmenter.from_pretrained(tmp_path / "words").segment(disc(20)[0])


def test_a_head_is_fitted_as_what_it_was_learnt_as(base, tmp_path):
    learn(base, tasks(tmp_path), replace(SEEN, head="proto"), LearningPlan(4, 2, 5)).save(tmp_path / "learnt")
    with pytest.raises(ConfigError, match="its head is 'proto', not 'ridge'"):
        teach(load_model(tmp_path / "learnt"), examples(2), SEEN)


def test_a_task_needs_two_images_and_test_rows_are_left_alone(base, tmp_path):
    (own,) = tasks(tmp_path)
    held = [replace(case, split="test") for case in own[1:]]
    with pytest.raises(DataError, match="needs two images"):
        learn(base, [[own[0], *held]], SEEN, LearningPlan(4, 2, 5))


def test_finetune_has_nothing_to_learn(base):
    with pytest.raises(ConfigError, match="nothing to learn"):
        learn(base, [[]], replace(SEEN, head="finetune"), LearningPlan())


def test_each_image_is_left_out_once_and_scored_by_its_whole_mask(base, tmp_path):
    path = write_set(tmp_path, 4, dense=True)
    scores = list(leave_one_out(base, read_manifest(path), OPTIONS, labels=("drawn", "mask")))
    assert [s.id for s in scores] == [f"d{i}" for i in range(4)] * 2
    assert {s.labels for s in scores} == {"drawn", "mask"} and {s.shots for s in scores} == {3}
    assert np.mean([s.dice for s in scores]) > 0.9


def test_the_score_is_that_of_the_saved_model(base, tmp_path):
    path = write_set(tmp_path, 3, dense=True)
    cases = read_manifest(path)
    score = next(iter(leave_one_out(base, cases, OPTIONS, labels=("drawn",))))
    from lexseg.cases.truth import read_truth
    from lexseg.fewshot.support import read_example

    teach(base, [read_example(case, "drawn") for case in cases[1:]], OPTIONS).save(tmp_path / "m")
    found = Segmenter.from_pretrained(tmp_path / "m").segment(cases[0].image).mask
    assert score.dice == pytest.approx(dice(found, read_truth(cases[0])), abs=1e-3)


def test_a_task_of_one_image_is_refused(base, tmp_path):
    path = write_set(tmp_path, 2, dense=True)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0] + ",task", lines[1] + ",one", lines[2] + ",other"]) + "\n")
    with pytest.raises(DataError, match="task 'one' has one image"):
        list(leave_one_out(base, read_manifest(path), OPTIONS, task="task"))
