"""DICOM and other files of one frame wherever an image is read."""

import numpy as np
import pytest
from PIL import Image

from lexseg.cli.main import main
from lexseg.errors import DataError
from lexseg.scans import open_scan
from lexseg.scans.images import image_size, read_image


class TestReadImage:
    def test_of_one_frame(self, make_file):
        path = make_file("a.dcm", WindowCenter=40, WindowWidth=400)
        assert np.array_equal(read_image(path), open_scan(path).show(0))

    def test_of_a_volume_says_how(self, tmp_path, data_root):
        path = data_root / "io_samples/nifti/totalseg_example_mr_sm.nii.gz"
        with pytest.raises(
            DataError, match="a volume of 20 frames where one image is expected; segment it as a volume"
        ):
            read_image(path)

    def test_a_picture_that_cannot_be_read_is_told_as_before(self, tmp_path):
        (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
        with pytest.raises(DataError, match="the image is damaged, cut short or of an unknown kind"):
            read_image(tmp_path / "a.png")
        with pytest.raises(DataError, match="there is no such file"):
            read_image(tmp_path / "b.png")

    def test_a_size_without_the_pixels(self, make_file):
        assert image_size(make_file("a.dcm")) == (128, 128)

    def test_in_a_manifest(self, make_file, tmp_path, capsys):
        mask = np.zeros((128, 128), np.uint8)
        mask[30:60, 30:60] = 255
        Image.fromarray(mask).save(tmp_path / "mask.png")
        rows = [f"c{number},{make_file(f'{number}.dcm').name},mask.png,a mass,patient,p{number}" for number in (1, 2)]
        (tmp_path / "cases.csv").write_text("\n".join(["id,image,mask,text,laterality,patient", *rows]) + "\n")
        assert main(["check", str(tmp_path / "cases.csv")]) == 0
        assert "128 x 128" in capsys.readouterr().out

    def test_a_segmenter_looks_at_it(self, make_file, sides):
        path = make_file("a.dcm")
        asked = [sides.set_image(image).segment("left").mask for image in (path, open_scan(path).show(0))]
        assert np.array_equal(*asked)
        assert asked[0].shape == (128, 128)
