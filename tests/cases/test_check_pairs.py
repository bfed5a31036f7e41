"""What check says of an image and its mask together: notes that turn one of them, targets that a network cannot see."""

import numpy as np
import pytest
from PIL import Image

from lexseg.cases.check import check_manifest
from lexseg.cases.together import pixels_at
from lexseg.datasets.importers import import_layout
from lexseg.scans import open_scan


def pair(root, turn=None, mask_turn=None, shape=(64, 80), suffix="jpg", target=slice(5, 15)):
    """A manifest of one image and one mask, each with an EXIF orientation or none."""
    root.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 255, (*shape, 3), dtype=np.uint8)
    mask = np.zeros(shape, np.uint8)
    mask[target, target] = 255
    for name, values, note in ((f"image.{suffix}", pixels, turn), ("mask.png", mask, mask_turn)):
        exif = Image.Exif()
        if note is not None:
            exif[0x0112] = note
        Image.fromarray(values).save(root / name, exif=exif)
    (root / "cases.csv").write_text(f"id,image,mask,text\na,image.{suffix},mask.png,polyp\n")
    return root / "cases.csv"


def said(report, words):
    return any(words in problem.message for problem in report.problems)


class TestTurns:
    @pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
    @pytest.mark.parametrize("turn", [2, 3, 4])
    def test_one_that_is_turned_and_one_that_is_not(self, tmp_path, turn, suffix):
        assert said(check_manifest(pair(tmp_path, turn, suffix=suffix)), "turned by different EXIF orientations")

    def test_a_quarter_turn_of_a_square(self, tmp_path):
        assert said(check_manifest(pair(tmp_path, 6, shape=(64, 64))), "turned by different EXIF orientations")

    @pytest.mark.parametrize("turn, mask_turn", [(3, 3), (1, None), (None, None), (6, 6)])
    def test_both_alike(self, tmp_path, turn, mask_turn):
        assert not said(check_manifest(pair(tmp_path, turn, mask_turn)), "EXIF")

    def test_the_mask_alone(self, tmp_path):
        assert said(check_manifest(pair(tmp_path, None, 3)), "turned by different EXIF orientations")

    def test_where_the_sizes_tell(self, tmp_path):
        report = check_manifest(pair(tmp_path, 6))
        assert said(report, "the mask is 64 x 80 pixels, but the image is 80 x 64") and not said(report, "EXIF")

    def test_import_says_it(self, tmp_path):
        pair(tmp_path / "a", 3)
        (tmp_path / "a/images").mkdir()
        (tmp_path / "a/masks").mkdir()
        (tmp_path / "a/image.jpg").rename(tmp_path / "a/images/x.jpg")
        (tmp_path / "a/mask.png").rename(tmp_path / "a/masks/x.png")
        report = import_layout("folder", tmp_path / "a", tmp_path / "o", text="polyp")
        assert said(report.check, "turned by different EXIF orientations")

    def test_a_note_that_cannot_be_read(self, tmp_path):
        pair(tmp_path, 9)
        assert open_scan(tmp_path / "image.jpg").notes == (
            "the picture's EXIF orientation cannot be read: it is shown as stored",
        )


class TestSmall:
    def test_a_target_that_is_gone_at_the_networks_size(self, tmp_path):
        report = check_manifest(pair(tmp_path, shape=(1024, 1024), target=slice(401, 405), suffix="png"))
        assert said(report, "1 targets are so small that resized to 224 x 224 pixels less than 4 are left")

    def test_one_that_is_not(self, tmp_path):
        report = check_manifest(pair(tmp_path, shape=(1024, 1024), target=slice(400, 440), suffix="png"))
        assert not said(report, "so small")

    def test_against_torch(self):
        import torch

        mask = np.random.default_rng(0).random((301, 517)) < 0.01
        tensor = torch.from_numpy(mask)[None, None].float()
        resized = torch.nn.functional.interpolate(tensor, (224, 224), mode="nearest-exact")
        assert pixels_at(mask, 224) == int(resized.sum())
