"""Presentation states, read back by pydicom and by DCMTK: where the lines run, and how the image is shown."""

import subprocess

import numpy as np
import pytest
from PIL import Image, ImageDraw

import components
from dicom_made import US_CINE, basic, enhanced, film, read, series
from lexseg.errors import ConfigError, DataError
from lexseg.outputs.formats import Outputs
from lexseg.outputs.gsps import gsps_bytes
from lexseg.outputs.seg import Segment
from lexseg.scans import open_scan
from lexseg.scans.window import Window

MODEL = {"model_version": "0" * 64}
# empty where the source says nothing of the side of a paired part: the standard allows it where it is not known
EXPLAINED = ("Retired Person Name form", "</Laterality(0020,0060)> - is only permitted to be empty", "THORAX")
REAL = ["highdicom/dx_image.dcm", "highdicom/ct_image.dcm", "torchio_series", "dcmqi_ct-3slice"]


def drawn(state, layer, image, shape):
    """What the lines of a layer enclose in an image, by the even-odd rule: bool[H, W]."""
    mask = np.zeros(shape, np.bool_)
    for item in state.GraphicAnnotationSequence:
        (reference,) = item.ReferencedImageSequence
        told = reference.ReferencedSOPInstanceUID, reference.get("ReferencedFrameNumber")
        if item.GraphicLayer != layer or told != image or "GraphicObjectSequence" not in item:
            continue
        ring = []
        for line in item.GraphicObjectSequence:
            assert (line.GraphicType, line.GraphicAnnotationUnits, line.GraphicFilled) == ("POLYLINE", "PIXEL", "N")
            points = np.reshape(line.GraphicData, (-1, 2))
            assert len(points) == line.NumberOfGraphicPoints
            ring += [tuple(point) for point in points[len(ring) and 1 :]]
            if ring[0] == ring[-1]:
                # twice as large, so that each pixel has a middle that no line runs through
                canvas = Image.new("L", (2 * shape[1] + 1, 2 * shape[0] + 1))
                ImageDraw.Draw(canvas).polygon([(2 * x, 2 * y) for x, y in ring], fill=1, outline=0)
                mask ^= np.asarray(canvas)[1::2, 1::2].astype(np.bool_)
                ring = []
        assert not ring, "every line comes back to where it began"
    return mask


def test_lines_run_around_each_mask_and_its_holes(tmp_path):
    film(tmp_path / "film.dcm", np.zeros((40, 30), np.uint8))
    scan = open_scan(tmp_path / "film.dcm")
    first, second = np.zeros((2, 40, 30), np.bool_)
    first[0:20, 0:15] = first[30:40, 25:30] = second[10:25, 5:30] = True
    first[4:9, 3:8] = False
    state = read(gsps_bytes(scan, [Segment(first), Segment(second)], **MODEL))
    image = scan.source.dataset(0).SOPInstanceUID, None
    assert np.array_equal(drawn(state, "LEXSEG 1", image, first.shape), first)
    assert np.array_equal(drawn(state, "LEXSEG 2", image, first.shape), second)
    colours = [tuple(layer.GraphicLayerRecommendedDisplayCIELabValue) for layer in state.GraphicLayerSequence]
    assert len(set(colours)) == 3


def test_a_line_of_very_many_points_is_written_in_parts(tmp_path):
    film(tmp_path / "film.dcm", np.zeros((300, 300), np.uint8))
    scan = open_scan(tmp_path / "film.dcm")
    comb = np.zeros((300, 300), np.bool_)
    comb[0], comb[:, ::2] = True, True
    comb[1::7] &= np.arange(300) % 4 == 0
    ragged = np.kron(comb[:150, :150], np.ones((2, 2), np.bool_))
    ragged |= np.indices((300, 300)).sum(axis=0) % 2 == 1
    state = read(gsps_bytes(scan, [Segment(ragged)], **MODEL))
    parts = state.GraphicAnnotationSequence[0].GraphicObjectSequence
    assert max(len(part.GraphicData) for part in parts) * 4 < 65535
    assert sum(part.NumberOfGraphicPoints for part in parts) > 2 * 8191
    assert np.array_equal(drawn(state, "LEXSEG 1", (scan.source.dataset(0).SOPInstanceUID, None), (300, 300)), ragged)


@pytest.mark.parametrize("kind", ["series", "one file"])
def test_of_a_volume_the_slices_with_something_are_referred_to(kind, tmp_path):
    values = np.random.default_rng(3).integers(0, 900, (5, 30, 24)).astype(np.int16)
    if kind == "series":
        series(tmp_path / "ct", values)
    else:
        enhanced(tmp_path / "ct", values)
    scan = open_scan(tmp_path / "ct")
    masks = np.zeros(scan.shape, np.bool_)
    masks[1, 3:9, 3:20], masks[3, 8:20, 3:5] = True, True
    state = read(gsps_bytes(scan, [Segment(masks)], **MODEL))
    shown = {}
    for n in range(5):
        number = scan.source.places[n][1] + 1 if kind == "one file" else None
        shown[scan.source.dataset(n).SOPInstanceUID, number] = masks[n]
    for image, mask in shown.items():
        assert np.array_equal(drawn(state, "LEXSEG 1", image, mask.shape), mask)
    (referred,) = state.ReferencedSeriesSequence
    images = referred.ReferencedImageSequence
    found = {key for key, mask in shown.items() if mask.any()}
    told = {(i.ReferencedSOPInstanceUID, n) for i in images for n in np.atleast_1d(i.get("ReferencedFrameNumber"))}
    assert told == found and referred.SeriesInstanceUID == scan.source.dataset(0).SeriesInstanceUID


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("found", [True, False], ids=["found", "nothing"])
def test_checkers_have_nothing_to_say(name, found, data_root, tmp_path):
    scan = open_scan(data_root / "io_samples/dicom" / name)
    masks = np.zeros(scan.shape, np.bool_)
    masks[0, 9:40, 9:30] = found
    path = tmp_path / "gsps.dcm"
    path.write_bytes(gsps_bytes(scan, [Segment(masks, "a nodule")], include_text=True, **MODEL))
    said = subprocess.run([components.dciodvfy(), "-new", path], capture_output=True, text=True, timeout=60).stderr
    assert "GrayscaleSoftcopyPresentationState" in said
    assert [line for line in said.splitlines() if " - " in line and not any(e in line for e in EXPLAINED)] == []
    said = subprocess.run([components.dcmtk("dcmpschk"), path], capture_output=True, text=True, timeout=60).stderr
    assert "Test passed" in said


def shown_by_dcmtk(path, content, tmp_path):
    """uint8[H, W]: an image by its presentation state, without the lines, which DCMTK does not draw."""
    (tmp_path / "gsps.dcm").write_bytes(content)
    command = [components.dcmtk("dcmp2pgm"), "--pstate", tmp_path / "gsps.dcm", path, tmp_path / "shown.pgm"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return np.asarray(Image.open(tmp_path / "shown.pgm")).astype(int)


WINDOWS = {
    "usual": {},
    "of the header": {"WindowCenter": "120", "WindowWidth": "90"},
    "exact": {"WindowCenter": "120", "WindowWidth": "90", "VOILUTFunction": "LINEAR_EXACT"},
    "rescaled": {"RescaleSlope": "2.5", "RescaleIntercept": "-100", "WindowCenter": "200", "WindowWidth": "300"},
}


@pytest.mark.parametrize("inverted", [False, True], ids=["high is white", "low is white"])
@pytest.mark.parametrize("kind", WINDOWS)
def test_dcmtk_shows_the_image_as_the_model_saw_it(kind, inverted, tmp_path):
    pixels = np.arange(40 * 32).reshape(40, 32).astype(np.uint8)
    film(tmp_path / "film.dcm", pixels, inverted=inverted, **WINDOWS[kind])
    scan = open_scan(tmp_path / "film.dcm")
    content = gsps_bytes(scan, [Segment(np.ones(scan.shape, np.bool_))], **MODEL)
    shown, expected = shown_by_dcmtk(tmp_path / "film.dcm", content, tmp_path), scan.show(0) * 255
    # DCMTK rounds at each step, and 3.6.7 knows no LINEAR_EXACT, whose grays lie half a unit beside those of LINEAR
    assert np.abs(shown - expected).max() <= (4 if kind == "exact" else 2)
    assert np.ptp(shown) > 100


def test_dcmtk_shows_a_table_and_a_window_that_the_user_asked_for(tmp_path):
    from pydicom.dataset import Dataset

    file = film(tmp_path / "film.dcm", np.arange(40 * 32).reshape(40, 32).astype(np.uint8))
    table = Dataset()
    table.LUTDescriptor, table.LUTData = [256, 0, 16], [round((n / 255) ** 2 * 65535) for n in range(256)]
    table["LUTDescriptor"].VR, table["LUTData"].VR = "US", "US"
    file.VOILUTSequence = [table]
    file.save_as(tmp_path / "film.dcm", enforce_file_format=True)
    scan, asked = open_scan(tmp_path / "film.dcm"), Window.of(80, 100)
    segments = [Segment(np.ones(scan.shape, np.bool_))]
    for window in (None, asked):
        content = gsps_bytes(scan, segments, window=window, **MODEL)
        shown = shown_by_dcmtk(tmp_path / "film.dcm", content, tmp_path)
        assert np.abs(shown - scan.show(0, window) * 255).max() <= 4
    assert np.abs(shown - scan.show(0) * 255).max() > 60


def test_words_are_written_only_where_they_may_be_and_nothing_found_is_said(tmp_path):
    film(tmp_path / "film.dcm", np.zeros((20, 16), np.uint8))
    scan = open_scan(tmp_path / "film.dcm")
    segment = Segment(np.zeros(scan.shape, np.bool_), "nodule of Zaphod", remark="Made although.")
    silent, told = (gsps_bytes(scan, [segment], include_text=text, **MODEL) for text in (False, True))
    assert b"Zaphod" not in silent
    lines = [
        read(content).GraphicAnnotationSequence[0].TextObjectSequence[0].UnformattedTextValue.split("\r\n")
        for content in (silent, told)
    ]
    note = "Research use only: not a medical device"
    assert lines == [["not found", "Made although.", note], ["nodule of Zaphod", "not found", "Made although.", note]]


def test_what_cannot_be_shown_so_is_refused_before_the_work(tmp_path):
    asked = Outputs(gsps=True)
    Image.new("L", (30, 20)).save(tmp_path / "a.png")
    with pytest.raises(ConfigError, match=r"a\.png: --gsps writes DICOM"):
        asked.check(open_scan(tmp_path / "a.png"))
    basic(US_CINE, "US", np.zeros((30, 40, 3), np.uint8)).save_as(tmp_path / "us.dcm", enforce_file_format=True)
    scan = open_scan(tmp_path / "us.dcm")
    with pytest.raises(ConfigError, match=r"in colour; use --capture"):
        asked.check(scan)
    with pytest.raises(DataError, match="in colour"):
        gsps_bytes(scan, [Segment(np.ones(scan.shape, np.bool_))], **MODEL)
    for n, file in enumerate(series(tmp_path / "pt", np.ones((3, 20, 16), np.int16))):
        file.RescaleSlope = str(n + 1)
        file.save_as(tmp_path / "pt" / f"s{n}", enforce_file_format=True)
    for path in (tmp_path / "pt").glob("0*"):
        path.unlink()
    with pytest.raises(DataError, match="different scales of values"):
        asked.check(open_scan(tmp_path / "pt"))


def test_the_command_writes_one_beside_the_mask(data_root, tmp_path):
    from lexseg.cli.main import main

    path = data_root / "io_samples/dicom/highdicom/dx_image.dcm"
    asked = ["segment", str(path), "--text", "opacity", "--anyway", "--gsps", "--window", "200,100"]
    assert main([*asked, "--output", str(tmp_path / "out")]) == 0
    state = read((tmp_path / "out" / "dx_image_gsps.dcm").read_bytes())
    assert (state.Modality, state.SoftcopyVOILUTSequence[0].WindowWidth) == ("PR", 200)
    mask = np.asarray(Image.open(tmp_path / "out" / "dx_image_mask.png")) > 0
    image = open_scan(path).source.dataset(0).SOPInstanceUID, None
    assert np.array_equal(drawn(state, "LEXSEG 1", image, mask.shape), mask)
