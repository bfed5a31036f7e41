"""What an answer can be written as: one registry, to which one file adds a format."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lexseg.cli.main import main
from lexseg.errors import ConfigError
from lexseg.outputs.formats import FORMATS, Format, Written, format_of, names, register
from lexseg.predict.segmentation import Segmentation
from lexseg.predict.volume_segmentation import VolumeSegmentation
from lexseg.scans import open_scan

EXAMPLE = Path(__file__).parents[2] / "src/lexseg/assets/examples/images/cxr_00027426_000.png"


class Npy:
    """One more format: all that it needs stands here."""

    def encode(self, what: Written) -> dict[str, bytes]:
        buffer = io.BytesIO()
        np.save(buffer, what.answer.mask if isinstance(what.answer, Segmentation) else what.answer.masks)
        return {"_mask.npy": buffer.getvalue()}

    def refuse(self, scan, option: str) -> None:
        if scan.is_volume:
            raise ConfigError(f"{scan.name}: {option} is for one image")


@pytest.fixture
def npy(monkeypatch: pytest.MonkeyPatch) -> Format:
    monkeypatch.delitem(FORMATS, "npy", raising=False)  # so that it is gone again afterwards
    return register(Format("npy", "_mask.npy", "application/octet-stream", Npy()))


@pytest.fixture
def answer() -> Segmentation:
    probability = np.zeros((4, 6), np.float32)
    probability[1:3, 2:5] = 0.9
    return Segmentation(probability=probability, threshold=0.5)


def test_one_file_adds_a_format_that_the_command_line_writes(npy, sides_folder, tmp_path: Path) -> None:
    film = tmp_path / "film.png"
    Image.fromarray(np.full((32, 64), 90, np.uint8)).save(film)
    arguments = [
        "segment",
        str(film),
        "--model",
        str(sides_folder),
        "--text",
        "left",
        "--output",
        str(tmp_path / "out"),
    ]
    assert main([*arguments, "--format", "npy", "--output", str(tmp_path / "out")]) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"film_mask.npy", "film_overlay.png", "film.json"}
    assert np.load(tmp_path / "out" / "film_mask.npy").shape == (32, 64)


def test_the_writer_refuses_what_it_cannot_write(npy) -> None:
    with pytest.raises(ConfigError, match=r"--format npy is for one image"):
        npy.check(type("Volume", (), {"is_volume": True, "name": "v"}))


def test_what_no_format_is_called_is_told_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match="'bmp': one of png, nifti, seg"):
        format_of("bmp")


def test_dicom_is_refused_of_a_picture_by_every_format_that_refers_to_dicom() -> None:
    scan = open_scan(EXAMPLE)
    refusing = [format for format in FORMATS.values() if format.media == "application/dicom"]
    assert len(refusing) >= 3
    for format in refusing:
        with pytest.raises(ConfigError, match=f"{format.option} writes DICOM objects"):
            format.check(scan)


@pytest.mark.parametrize("name", names())
def test_masks_end_as_the_registry_says(name: str, answer: Segmentation) -> None:
    if name == "seg":
        pytest.skip("of DICOM alone: tests of SEG")
    scan = open_scan(EXAMPLE)
    found = Segmentation(probability=np.ones(scan.shape[1:], np.float32), threshold=0.5)
    assert list(format_of(name).encode(Written(answer=found, scan=scan))) == [format_of(name).ending]


def test_polygons_are_the_outlines_of_an_image_and_of_each_frame_with_something(answer: Segmentation) -> None:
    ring = [[[2, 1], [5, 1], [5, 3], [2, 3]]]

    def told(answer: Segmentation | VolumeSegmentation) -> dict:
        return json.loads(format_of("polygons").encode(Written(answer=answer))["_polygons.json"])

    def corners(rings: list) -> list:
        return [sorted(ring) for ring in rings]

    one = told(answer)
    assert one["size"] == [4, 6] and [each["frame"] for each in one["frames"]] == [0]
    assert corners(one["frames"][0]["rings"]) == corners(ring)
    volume = VolumeSegmentation(
        shape=(9, 4, 6),
        frames=range(2, 8),
        bits={5: np.packbits(answer.mask)},
        presence=None,
        presence_threshold=None,
        threshold=0.5,
        highest=0.9,
    )
    several = told(volume)
    assert several["size"] == [4, 6] and [each["frame"] for each in several["frames"]] == [5]
    assert corners(several["frames"][0]["rings"]) == corners(ring)
