"""Scores of classes, where each pixel goes to one of them."""

import csv
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from lexseg.cases.case import Case
from lexseg.cases.manifest import read_manifest
from lexseg.errors import ConfigError
from lexseg.evaluation.classes import Classes
from lexseg.evaluation.evaluate import EvaluationOptions, evaluate
from lexseg.metrics.overlap import dice


def case(image, name, number, tmp_path):
    return Case(f"{image}_{name}", tmp_path / f"{image}.png", extra={"class": name}, row=number, patient=image)


def rows(tmp_path, images=("a", "b")):
    pairs = [(image, name) for image in images for name in ("liver", "spleen")]
    return [case(image, name, number, tmp_path) for number, (image, name) in enumerate(pairs)]


def test_an_overlap_is_the_more_probable_class_s(tmp_path):
    classes = Classes(rows(tmp_path, ("a",)), "class")
    liver = np.array([[0.9, 0.6, 0.2, 0.0]], np.float32)
    spleen = np.array([[0.1, 0.8, 0.7, 0.0]], np.float32)
    truths = np.array([[1, 0, 0, 0]], bool), np.array([[0, 1, 1, 0]], bool)
    for index, (found, truth) in enumerate(zip((liver, spleen), truths, strict=True)):
        classes.add(index, found, found >= 0.5, truth)
    found = classes.summary(n_resamples=10, seed=0)
    assert found["classes"]["liver"]["pooled"]["dice"] == 1 and found["classes"]["spleen"]["pooled"]["dice"] == 1
    assert found["mean"]["per_image"]["mean"] == 1 and found["n_images"] == 1


def test_each_class_counts_the_same_and_each_row_once(tmp_path):
    """Against the definition: pooled Dice of each class, then their mean."""
    rng = np.random.default_rng(4)
    cases = rows(tmp_path, ("a", "b", "c"))[:5]  # the last image has one class only
    classes = Classes(cases, "class")
    found = [rng.random((8, 9)).astype(np.float32) for _ in cases]
    truths = [rng.random((8, 9)) < 0.4 for _ in cases]
    for index in (1, 0, 4, 2, 3):
        classes.add(index, found[index], found[index] >= 0.5, truths[index])
    summary = classes.summary(n_resamples=20, seed=0)
    masks = {}
    for image in ([0, 1], [2, 3], [4]):
        stack = np.stack([np.where(found[i] >= 0.5, found[i], 0) for i in image])
        for place, i in enumerate(image):
            masks[i] = (stack.argmax(0) == place) & (stack.max(0) > 0)
    for name, members in (("liver", (0, 2, 4)), ("spleen", (1, 3))):
        each = summary["classes"][name]
        assert each["per_image"]["dice"]["mean"] == pytest.approx(np.mean([dice(masks[i], truths[i]) for i in members]))
        above = sum(2 * (masks[i] & truths[i]).sum() for i in members)
        assert each["pooled"]["dice"] == pytest.approx(above / sum(masks[i].sum() + truths[i].sum() for i in members))
    dices = [summary["classes"][name]["pooled"]["dice"] for name in ("liver", "spleen")]
    assert summary["mean"]["pooled"]["mean"] == pytest.approx(np.mean(dices))
    low, high = summary["mean"]["pooled"]["ci95"]
    assert low <= summary["mean"]["pooled"]["mean"] <= high


def test_rows_without_a_class_and_two_of_one_are_refused(tmp_path):
    cases = rows(tmp_path)
    with pytest.raises(ConfigError, match="name no class"):
        Classes([*cases[:1], replace(cases[1], extra={})], "class")
    with pytest.raises(ConfigError, match="several rows of the class 'liver'"):
        Classes([cases[0], replace(cases[0], id="x")], "class")


def test_the_report_has_them(tmp_path, listener):
    """Left and right blobs as two classes of one image; the listener finds each where its sentence says."""
    image = np.full((40, 60), 10, np.uint8)
    image[10:20, 5:20] = image[10:20, 40:55] = 200
    labels = np.zeros((40, 60), np.uint8)
    labels[10:20, 5:20], labels[10:20, 40:55] = 1, 2
    listed = []
    for k in range(3):
        Image.fromarray(np.roll(image, k, axis=0)).save(tmp_path / f"i{k}.png")
        Image.fromarray(np.roll(labels, k, axis=0)).save(tmp_path / f"m{k}.png")
        for value, side in ((1, "left"), (2, "right")):
            listed.append([f"{k}{side}", f"i{k}.png", f"m{k}.png", value, "image", f"blob on the {side}", side])
    with (tmp_path / "cases.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["id", "image", "mask", "label", "laterality", "text", "class"], *listed])
    cases = read_manifest(tmp_path / "cases.csv")
    report = evaluate(listener, cases, EvaluationOptions(n_resamples=20, classes="class", probes=()))
    assert list(report.summary["classes"]["classes"]) == ["left", "right"]
    assert report.summary["classes"]["mean"]["per_image"]["mean"] == 1
    listener.deaf = True  # both blobs for each sentence: the first row of each image takes all
    deaf = evaluate(listener, cases, EvaluationOptions(n_resamples=20, classes="class", probes=())).summary["classes"][
        "classes"
    ]
    assert deaf["right"]["pooled"]["dice"] == 0 and deaf["left"]["pooled"]["dice"] == pytest.approx(2 / 3)
    assert evaluate(listener, cases, EvaluationOptions(n_resamples=20, probes=())).summary["classes"] is None
