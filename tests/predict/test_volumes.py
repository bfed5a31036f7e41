"""Volumes: frame by frame in batches, sentences in the patient's words, memory bounded by the batch."""

import tracemalloc
import warnings
from dataclasses import dataclass, replace

import numpy as np
import pytest

import fakes
from lexseg.encoders.text import create_text_encoder
from lexseg.errors import ConfigError, DataError, TextError
from lexseg.models.base import Prediction
from lexseg.predict.answered import describe
from lexseg.predict.segmenter import Segmenter
from lexseg.predict.volumes import segment_volume
from lexseg.predict.words import sides_of
from lexseg.scans.scan import Frame, Scan
from lexseg.scans.window import Window


@dataclass
class Made:
    """Frames that are made when they are asked for: bright at the left or right or both, by the frame's number."""

    size: tuple[int, int]
    inverted = False
    read = ()

    def frame(self, index):
        self.read = (*self.read, index)
        values = np.zeros(self.size, np.float32)
        rows, columns = self.size[0] // 3, self.size[1] // 8
        if index % 3 != 1:
            values[rows:-rows, columns : 3 * columns] = 100
        if index % 3 != 0:
            values[rows:-rows, -3 * columns : -columns] = 100
        return Frame(values)

    def to_stored(self, masks):
        return masks


def volume(frames=7, size=(60, 80), patient_left="right", **changes):
    scan = Scan(
        name="ct",
        format="nifti",
        modality="CT",
        shape=(frames, *size),
        color=False,
        spacing=(0.5, 0.8),
        thickness=3.0,
        patient_left=patient_left,
        windows=(Window(0, 100), Window(200, 300)),
        notes=(),
        source=Made(size),
    )
    return replace(scan, **changes)


def halves(masks):
    """For each frame, whether anything is found in the left and in the right half of the picture."""
    middle = masks.shape[-1] // 2
    return [(bool(mask[:, :middle].any()), bool(mask[:, middle:].any())) for mask in masks]


@pytest.mark.parametrize("batch", [1, 3, 8])
@pytest.mark.parametrize("tta", [False, True])
def test_each_frame_is_answered_as_it_would_be_alone(sides, batch, tta):
    scan = volume()
    texts = ["bright", "left lung", "no bright", None]
    results = segment_volume(sides, scan, texts, batch=batch, laterality="image", tta=tta)
    for text, result in zip(texts, results, strict=True):
        alone = [sides.set_image(scan.show(n), tta=tta).segment(text).mask for n in range(7)]
        assert np.array_equal(result.masks, alone)
    assert [r.state for r in results] == ["found", "found", "negated", "found"]
    assert halves(results[0].masks) == [(n % 3 != 1, n % 3 != 0) for n in range(7)]


def test_an_image_is_encoded_once_for_all_sentences(sides):
    before = sides.model.encoded
    segment_volume(sides, volume(), ["left", "right", "bright"], batch=3)
    assert sides.model.encoded - before == 7


def test_a_frozen_text_encoder_reads_a_sentence_once(monkeypatch):
    class Deaf(fakes.Sides):
        def decode(self, features, text):
            return Prediction(features.maps[0].mean(1, keepdim=True) + text.states.sum() * 0)

    encoder = create_text_encoder(fakes.WORDS)
    monkeypatch.setattr(encoder, "trainable", False)
    segmenter = Segmenter(Deaf(), encoder, size=fakes.SIZE, device="cpu")
    read = []
    forward = encoder.forward
    monkeypatch.setattr(encoder, "forward", lambda ids, mask: read.append(len(ids)) or forward(ids, mask))
    segment_volume(segmenter, volume(frames=5), ["left lung", "right lung"], batch=2)
    assert sum(read) == 2


def test_the_words_are_the_patient_s_where_the_scan_knows_its_sides(sides):
    seen = {}
    for patient_left in ("right", "left", None):
        for laterality in (None, "patient", "image"):
            (result,) = segment_volume(sides, volume(patient_left=patient_left), ["left"], laterality=laterality)
            seen[patient_left, laterality] = (halves(result.masks)[2], result.laterality)
    at_left, at_right = (True, False), (False, True)
    assert seen == {
        ("right", None): (at_right, "patient"),
        ("right", "patient"): (at_right, "patient"),
        ("right", "image"): (at_left, "image"),
        # the picture hangs the other way round: the patient's left is at its left
        ("left", None): (at_left, "patient"),
        ("left", "patient"): (at_left, "patient"),
        ("left", "image"): (at_left, "image"),
        # nobody knows: the model's own, here the image's; and a user who says "patient" supposes the usual hanging
        (None, None): (at_left, "image"),
        (None, "patient"): (at_right, "patient"),
        (None, "image"): (at_left, "image"),
    }
    with pytest.raises(ConfigError, match="laterality"):
        sides_of("left", "mine")


def test_some_frames_with_another_window(sides):
    scan = volume()
    (result,) = segment_volume(sides, scan, ["bright"], frames=range(2, 5), batch=2)
    assert set(scan.source.read) == {2, 3, 4} and result.masks.shape == (3, 60, 80)
    whole = result.whole()
    assert np.array_equal(whole[2:5], result.masks) and not whole[[0, 1, 5, 6]].any()
    assert np.array_equal(result.mask(3), whole[3]) and not result.mask(0).any()
    (dark,) = segment_volume(sides, scan, ["bright"], window=scan.windows[1])
    assert not dark.found and dark.describe()["largest"] is None and dark.state == "not found"


@pytest.mark.parametrize("frames", [range(5, 8), range(0, 0), range(-1, 2), range(0, 6, 2)])
def test_frames_that_there_are_not(sides, frames):
    with pytest.raises(DataError, match=r"ct: .*there are 7, counted from 0"):
        segment_volume(sides, volume(), ["left"], frames=frames)


def test_a_bad_question_is_refused_before_anything_is_read(sides):
    scan = volume()
    with pytest.raises(TextError):
        segment_volume(sides, scan, ["left", " "])
    with pytest.raises(ConfigError, match="threshold"):
        segment_volume(sides, scan, ["left"], threshold=1.5)
    assert scan.source.read == ()


def test_presence_is_told_for_each_frame_and_empties_it(careful_sides):
    scan = volume()
    left, nothing, denied = segment_volume(
        careful_sides, scan, ["left", "the left lesion in the right lung", "no bright"], batch=3, laterality="image"
    )
    alone = [careful_sides.set_image(scan.show(n)).segment("left").presence for n in range(7)]
    assert left.presence == pytest.approx(alone, abs=1e-6) and left.presence_threshold == 0.7
    assert [n for n in range(7) if left.mask(n).any()] == [n for n in range(7) if alone[n] >= 0.7]
    assert nothing.state == "not found" and not nothing.presence.any()
    assert denied.state == "negated" and denied.presence is None


def test_progress_is_told_and_what_it_raises_ends_the_work(sides):
    told = []
    segment_volume(sides, volume(), ["left"], batch=3, progress=lambda *at: told.append(at))
    assert told == [(3, 7), (6, 7), (7, 7)]

    def stop(done, total):
        raise InterruptedError

    scan = volume()
    with pytest.raises(InterruptedError):
        segment_volume(sides, scan, ["left"], batch=3, progress=stop)
    assert scan.source.read == (0, 1, 2)


def test_the_numbers(sides):
    (result,) = segment_volume(sides, volume(), ["bright"], frames=range(1, 7))
    values = result.describe()
    voxels = int(result.masks.sum())
    assert values["voxels"] == voxels and values["ml"] == pytest.approx(voxels * 0.5 * 0.8 * 3 / 1000, abs=1e-4)
    assert values["frames"] == [1, 6] and values["frames_found"] == [1, 2, 3, 4, 5, 6]
    largest = values["largest"]
    assert largest["px"] == result.masks.sum(axis=(1, 2)).max() == result.mask(largest["frame"]).sum()
    assert largest["mm2"] == pytest.approx(largest["px"] * 0.4)
    (unknown,) = segment_volume(sides, volume(spacing=None), ["bright"])
    assert unknown.describe()["ml"] is None and unknown.describe()["largest"]["mm2"] is None
    assert describe(result).keys() >= {"state", "presence", "voxels", "laterality"}
    assert "text" not in describe(result) and describe(result, include_text=True)["text"] == "bright"


def peak(segmenter, frames, batch):
    scan = volume(frames=frames, size=(256, 256))
    tracemalloc.start()
    segment_volume(segmenter, scan, ["left"], batch=batch)
    highest = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return highest


def test_memory_follows_the_batch_and_not_the_volume(sides):
    """What is allocated by numpy; a volume of 96 frames would take 25 MB as float32, its masks 6 MB."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        segment_volume(sides, volume(frames=1), ["left"])  # what is loaded on first use
        short, long = peak(sides, 12, 4), peak(sides, 96, 4)
    assert long < short + 96 * 256 * 256 / 8 + 500_000  # the bits that were found, and little else
    assert long < 4_000_000
