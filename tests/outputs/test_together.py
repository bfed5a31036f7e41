"""Several sentences in one DICOM SEG: a segment for each, which may overlap."""

from pathlib import Path

import numpy as np
import pydicom
import pytest

from dicom_made import series
from lexseg.outputs.formats import Outputs
from lexseg.outputs.together import together_contents
from lexseg.predict.segmentation import Outside
from lexseg.predict.volume_segmentation import VolumeSegmentation
from lexseg.scans import open_scan


def found(shape, where, text, **values):
    """An answer about a volume that finds one box in every frame."""
    mask = np.zeros(shape[1:], bool)
    mask[where] = True
    return VolumeSegmentation(
        shape=shape, frames=range(shape[0]), bits={n: np.packbits(mask) for n in range(1, shape[0])}, presence=None,
        presence_threshold=None, threshold=0.5, highest=0.9, text=text, **values,
    )  # fmt: skip


@pytest.fixture
def scan(tmp_path):
    values = np.random.default_rng(0).integers(-200, 200, (4, 20, 24)).astype(np.int16)
    series(tmp_path / "ct", values)
    return open_scan(tmp_path / "ct")


def written(scan, answers, **options):
    outputs = Outputs(format="seg", model_name="m", model_version="1", **options)
    values, contents = together_contents(Path(scan.name).parent / "out", "scan", scan, answers, {}, outputs)
    return values, {path.name: content for path, content in contents.items()}


def test_each_sentence_is_a_segment_and_overlaps_are_kept(scan, tmp_path):
    answers = [
        found(scan.shape, (slice(2, 10), slice(3, 12)), "liver"),
        found(scan.shape, (slice(8, 15), slice(3, 12)), "spleen"),
    ]
    values, files = written(scan, answers, include_text=True)
    assert set(files) == {"scan_seg.dcm", "scan_overlay.png", "scan_labels.json"}
    (tmp_path / "s.dcm").write_bytes(files["scan_seg.dcm"])
    seg = pydicom.dcmread(tmp_path / "s.dcm")
    assert [item.SegmentLabel for item in seg.SegmentSequence] == ["liver", "spleen"]
    groups = seg.PerFrameFunctionalGroupsSequence
    frames = [item.SegmentIdentificationSequence[0].ReferencedSegmentNumber for item in groups]
    pixels = seg.pixel_array
    for number, rows in ((1, (2, 10)), (2, (8, 15))):
        mine = pixels[[n for n, each in enumerate(frames) if each == number]]
        expected = np.zeros((20, 24), bool)
        expected[rows[0] : rows[1], 3:12] = True
        assert len(mine) == 3 and all((frame == expected).all() for frame in mine)
    # the map of the legend gives each voxel to the first
    assert [label["pixels"] for label in values["labels"]] == [3 * 72, 3 * 5 * 9]
    assert [label["found"] for label in values["labels"]] == [3 * 72, 3 * 63]


def test_sentences_stay_out_of_dicom_unless_asked(scan, tmp_path):
    _, files = written(scan, [found(scan.shape, (slice(2, 9), slice(3, 9)), "Quasimodo's liver")])
    assert b"Quasimodo" not in files["scan_seg.dcm"] and b"Quasimodo" not in files["scan_labels.json"]


def test_what_is_not_in_scope_has_no_segment(scan, tmp_path):
    why = dict.fromkeys(range(4), Outside("words", "no such words"))
    outside = found(scan.shape, (slice(0, 0), slice(0, 0)), "kidney stone", outside_in=why)
    one = found(scan.shape, (slice(2, 10), slice(3, 12)), "liver")
    _, files = written(scan, [outside, one])
    (tmp_path / "s.dcm").write_bytes(files["scan_seg.dcm"])
    assert len(pydicom.dcmread(tmp_path / "s.dcm").SegmentSequence) == 1
    _, files = written(scan, [outside])
    assert "scan_seg.dcm" not in files and "scan_labels.json" in files
