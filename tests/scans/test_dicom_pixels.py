"""What the values of DICOM pixels are, and how they are shown."""

import json

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import apply_voi_lut

from lexseg.errors import DataError
from lexseg.scans import open_scan
from lexseg.scans.dicom.windows import window_from_json, window_to_json
from lexseg.scans.window import Window
from real_dicom import FILES

GRAYS = np.arange(256, dtype=np.uint8).reshape(16, 16)


@pytest.fixture
def make_film(make_file):
    """A film of 16 x 16 pixels with the values 0..255, or others."""

    def make(values=GRAYS, name="film.dcm", bits=None, **changes):
        bits = bits or values.dtype.itemsize * 8
        film = {
            "Modality": "DX",
            "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.1",
            "Rows": values.shape[0],
            "Columns": values.shape[1],
            "BitsAllocated": values.dtype.itemsize * 8,
            "BitsStored": bits,
            "HighBit": bits - 1,
            "PixelRepresentation": int(values.dtype.kind == "i"),
            "PixelData": values.tobytes(),
            "ImagePositionPatient": None,
            "ImageOrientationPatient": None,
            "RescaleSlope": None,
            "RescaleIntercept": None,
            "PixelPaddingValue": None,
            "SmallestImagePixelValue": None,
            "LargestImagePixelValue": None,
        }
        return make_file(name, **{**film, **changes})

    return make


class TestGray:
    def test_monochrome1_is_inverted_where_shown_and_nowhere_else(self, make_film):
        plain = open_scan(make_film(WindowCenter=128, WindowWidth=256))
        turned = open_scan(
            make_film(name="b.dcm", PhotometricInterpretation="MONOCHROME1", WindowCenter=128, WindowWidth=256)
        )
        assert np.array_equal(plain.values(0), turned.values(0))
        assert np.allclose(plain.show(0), GRAYS / 255, atol=1e-6)
        assert np.allclose(turned.show(0), 1 - GRAYS / 255, atol=1e-6)
        assert (plain.inverted, turned.inverted) == (False, True)

    @pytest.mark.parametrize("photometric, background", [("MONOCHROME2", 0), ("MONOCHROME1", 4095)])
    def test_padding_is_black_either_way(self, make_film, photometric, background):
        values = np.full((16, 16), background, np.uint16)
        values[4:12, 4:12] = np.linspace(1000, 3000, 64).reshape(8, 8)
        scan = open_scan(
            make_film(values, bits=12, PhotometricInterpretation=photometric, PixelPaddingValue=background)
        )
        shown = scan.show(0)
        assert (shown[values == background] == 0).all()
        # without it the window would reach from the padding on
        assert np.ptp(shown[4:12, 4:12]) > 0.95

    def test_padding_written_as_a_signed_number(self, make_film):
        values = np.full((16, 16), 63536, np.uint16)
        values[4:12, 4:12] = 1000
        path = make_film(values)
        dataset = pydicom.dcmread(path)
        dataset.add_new(0x00280120, "SS", -2000)  # 63536 as unsigned
        dataset.save_as(path)
        assert open_scan(path).show(0)[0, 0] == 0

    def test_signed_values_with_slope_and_intercept(self, make_film):
        values = np.array([[-2000, -1, 0, 1], [2, 3, 30000, -32768]], np.int16)
        scan = open_scan(make_film(values, RescaleSlope=2.5, RescaleIntercept=-100.5))
        assert np.array_equal(scan.values(0), (values * 2.5 - 100.5).astype(np.float32))

    def test_a_modality_table(self, make_film):
        table = Dataset()
        table.LUTDescriptor, table.ModalityLUTType = [256, 0, 16], "US"
        table.LUTData = (np.arange(256) ** 2).astype("<u2").tobytes()
        scan = open_scan(make_film(ModalityLUTSequence=[table]))
        assert np.array_equal(scan.values(0), (GRAYS.astype(np.float32) ** 2))

    def test_bits_that_are_not_stored_are_no_part_of_a_value(self, make_film):
        values = np.array([[0x0FFF, 0x1FFF], [0xF001, 0x0002]], np.uint16)  # overlays once lay in the upper bits
        scan = open_scan(make_film(values, bits=12))
        assert scan.values(0).tolist() == [[0xFFF, 0xFFF], [1, 2]]

    def test_values_with_fractions(self, make_film):
        values = (GRAYS / 7).astype("<f4")
        values[0, 0] = np.nan
        path = make_film(BitsAllocated=32, BitsStored=None, HighBit=None, PixelRepresentation=None, PixelData=None)
        dataset = pydicom.dcmread(path)
        dataset.FloatPixelData = values.tobytes()
        dataset.save_as(path)
        scan = open_scan(path)
        assert np.array_equal(scan.values(0), values, equal_nan=True)
        assert np.isfinite(scan.show(0)).all()


class TestWindows:
    def test_those_of_the_header_come_before_the_usual_ones(self, make_file):
        scan = open_scan(
            make_file(
                "a.dcm", WindowCenter=[-600, 50], WindowWidth=[1500, 350], WindowCenterWidthExplanation=["LUNG", "SOFT"]
            )
        )
        names = [(window.name, window.width, window.level) for window in scan.windows]
        assert names[:3] == [("lung", 1500, -600), ("soft", 350, 50), ("abdomen", 400, 40)]

    def test_of_a_ct_without_one_the_abdomen_is_the_default(self, make_file):
        scan = open_scan(make_file("a.dcm"))
        assert (scan.windows[0].name, scan.windows[0].width) == ("abdomen", 400)
        assert np.allclose(scan.show(0), np.clip((scan.values(0) + 160) / 400, 0, 1), atol=1e-6)

    @pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
    def test_every_function_against_pydicom(self, make_film, function):
        path = make_film(WindowCenter=100, WindowWidth=60, VOILUTFunction=function)
        expected = apply_voi_lut(GRAYS, pydicom.dcmread(path)) / 255
        assert np.allclose(open_scan(path).show(0), expected, atol=0.004)  # pydicom rounds to whole grays

    def test_a_table_against_pydicom(self, make_film):
        table = Dataset()
        table.LUTDescriptor = [100, 50, 12]
        table.LUTData = ((np.arange(100) / 99) ** 2 * 4095).astype("<u2").tobytes()
        path = make_film(VOILUTSequence=[table])
        expected = apply_voi_lut(GRAYS, pydicom.dcmread(path)) / 4095
        scan = open_scan(path)
        assert np.allclose(scan.show(0), expected, atol=1e-3)
        assert (scan.windows[0].name, scan.windows[0].low, scan.windows[0].high) == ("table", 50, 149)

    @pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID", "table"])
    def test_every_kind_survives_json(self, make_film, function):
        table = Dataset()
        table.LUTDescriptor, table.LUTData = [200, 20, 16], (np.arange(200) ** 2).astype("<u2").tobytes()
        changes = {"WindowCenter": 100, "WindowWidth": 60, "VOILUTFunction": function}
        scan = open_scan(make_film(**({"VOILUTSequence": [table]} if function == "table" else changes)))
        before = scan.windows[0]
        after = window_from_json(json.loads(json.dumps(window_to_json(before))))
        assert type(after) is type(before)
        assert (after.name, after.width, after.level) == (before.name, before.width, before.level)
        assert np.allclose(after.shade(scan.values(0)), before.shade(scan.values(0)), atol=1e-6)

    @pytest.mark.parametrize("level, width", [(100, 0), (100, -5), ("", ""), ("1e300", "1e300"), ([1], [])])
    def test_nonsense_is_no_window(self, make_film, level, width):
        values = np.linspace(1000, 3000, 256).astype(np.uint16).reshape(16, 16)
        scan = open_scan(make_film(values, WindowCenter=level, WindowWidth=width))
        assert scan.windows[0].name == "automatic"
        assert 1000 <= scan.windows[0].low < scan.windows[0].high <= 3000

    @pytest.mark.parametrize(
        "slope, intercept, name", [(None, None, "as stored"), ("1.00", "0", "as stored"), (2, 0, "a")]
    )
    def test_eight_bits_without_a_window(self, make_film, slope, intercept, name):
        scan = open_scan(make_film(RescaleSlope=slope, RescaleIntercept=intercept))
        assert scan.windows[0].name.startswith(name)
        assert scan.show(0)[0, 0] == 0 and scan.show(0)[-1, -1] == 1
        shifted = open_scan(make_film(name="b.dcm", RescaleSlope=1, RescaleIntercept=-1000))
        assert -1000 <= shifted.windows[0].low < shifted.windows[0].high <= -745

    def test_a_window_that_is_asked_for(self, make_film):
        scan = open_scan(make_film(WindowCenter=128, WindowWidth=256))
        assert np.allclose(scan.show(0, Window(100, 200)), np.clip((GRAYS - 100.0) / 100, 0, 1), atol=1e-6)


class TestColour:
    @pytest.mark.parametrize(
        "name, place, expected",
        [
            # the colour bars of these files: red, green, blue, ... in stripes of ten rows
            ("SC_rgb_rle.dcm", (5, 50), (255, 0, 0)),
            ("SC_ybr_full_422_uncompressed.dcm", (5, 50), (254, 0, 0)),
            ("SC_rgb_dcmtk_+eb+cy+n2.dcm", (5, 50), (254, 0, 0)),
            ("SC_rgb_gdcm_KY.dcm", (5, 50), (255, 0, 0)),
            ("SC_rgb_rle_16bit.dcm", (5, 50), (255, 0, 0)),
        ],
    )
    def test_red_is_red(self, name, place, expected):
        scan = open_scan(FILES / name)
        assert scan.color
        assert np.abs(scan.values(0)[place].astype(int) - expected).max() <= 1
        assert scan.show(0)[place] == pytest.approx(np.array(expected) / 255, abs=0.01)

    def test_ultrasound_with_a_palette(self):
        scan = open_scan(FILES / "examples_palette.dcm")
        dataset = pydicom.dcmread(FILES / "examples_palette.dcm")
        expected = pydicom.pixels.apply_color_lut(dataset.pixel_array, dataset)
        assert (scan.modality, scan.color, scan.shape) == ("US", True, (1, 350, 800))
        assert np.array_equal(scan.values(0), expected >> 8)

    def test_an_ultrasound_clip_is_read_frame_by_frame(self):
        path = FILES / "examples_ybr_color.dcm"
        scan, dataset = open_scan(path), pydicom.dcmread(path)
        assert (scan.shape, scan.color, scan.thickness) == ((30, 240, 320), True, None)
        for frame in (0, 17, 29):
            assert np.array_equal(scan.values(frame), pydicom.pixels.pixel_array(dataset, index=frame))
        with pytest.raises(DataError, match="there is no frame 30; there are 30, counted from 0"):
            scan.values(30)


class TestSpacing:
    def test_at_the_detector(self, make_film):
        scan = open_scan(make_film(PixelSpacing=None, ImagerPixelSpacing=[0.2, 0.1]))
        assert scan.spacing == (0.2, 0.1)
        assert any("at the detector" in note for note in scan.notes)

    def test_magnification_is_taken_off(self, make_film):
        scan = open_scan(
            make_film(PixelSpacing=None, ImagerPixelSpacing=[0.2, 0.1], EstimatedRadiographicMagnificationFactor=1.25)
        )
        assert scan.spacing == (0.16, 0.08)
        assert not any("at the detector" in note for note in scan.notes)

    def test_calibrated_spacing_goes_before_that_of_the_detector(self, make_film):
        assert open_scan(make_film(PixelSpacing=[0.15, 0.15], ImagerPixelSpacing=[0.2, 0.2])).spacing == (0.15, 0.15)

    def test_pixels_that_are_not_square(self, make_film):
        scan = open_scan(make_film(PixelSpacing=None, PixelAspectRatio=[2, 1]))
        assert scan.spacing is None
        assert any("not square (PixelAspectRatio 2:1)" in note for note in scan.notes)

    def test_ultrasound_regions(self, make_film):
        region = Dataset()
        region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
        region.PhysicalDeltaX, region.PhysicalDeltaY = 0.01, -0.02  # centimetres
        scan = open_scan(make_film(Modality="US", PixelSpacing=None, SequenceOfUltrasoundRegions=[region]))
        assert scan.spacing == (0.2, 0.1)
