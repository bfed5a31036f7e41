"""DICOM SEG, read back by pydicom and SimpleITK alone: where the mask lies, what it refers to, what it says."""

import subprocess
import sys
from importlib.resources import files

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from PIL import Image

import components
from dicom_made import US_CINE, basic, enhanced, film, frames_of, points, read, series, turned
from lexseg.errors import ConfigError, DataError
from lexseg.outputs.codes import finding_of
from lexseg.outputs.seg import Segment, seg_bytes, write_seg
from lexseg.predict.volumes import VolumeSegmentation
from lexseg.scans import open_scan

MODEL = {"model_name": "runs/mine/model", "model_version": "abc"}


@pytest.fixture(scope="module")
def slices(data_root):
    """Real CT values, int16[6, 40, 32]."""
    scan = open_scan(data_root / "io_samples/dicom/torchio_series")
    return np.stack([scan.values(n)[40:80, 20:52] for n in range(6)]).astype(np.int16)


def corner(shape):
    """Masks without any symmetry, in some frames only."""
    masks = np.zeros(shape, np.bool_)
    for n in (1, shape[0] - 2):
        masks[n, 2:9, 3:20] = True
        masks[n, 2 : 20 + n, 3:5] = True
    return masks


UPRIGHT = ((1, 0, 0), (0, 1, 0))
OBLIQUE = (turned(20, 0) @ turned(-35, 2) @ turned(10, 1))[:, :2].T
PLANES = {
    "axial": UPRIGHT,
    "mirrored": ((-1, 0, 0), (0, 1, 0)),
    "column cosines negated": ((1, 0, 0), (0, -1, 0)),
    "upside down": ((-1, 0, 0), (0, -1, 0)),
    "sagittal": ((0, 1, 0), (0, 0, -1)),
    "coronal": ((1, 0, 0), (0, 0, -1)),
    "oblique": tuple(map(tuple, OBLIQUE)),
    "oblique, mirrored": (tuple(-OBLIQUE[0]), tuple(OBLIQUE[1])),
}


@pytest.mark.parametrize("plane", PLANES)
def test_a_mask_lies_where_the_images_lie(plane, slices, tmp_path):
    row, column = PLANES[plane]
    made = {f.SOPInstanceUID: f for f in series(tmp_path / "ct", slices, row=row, column=column)}
    scan = open_scan(tmp_path / "ct")
    masks = corner(scan.shape)
    seg = read(seg_bytes(scan, [Segment(masks)], **MODEL))
    assert seg.FrameOfReferenceUID == next(iter(made.values())).FrameOfReferenceUID
    shown = {scan.source.dataset(n).SOPInstanceUID: masks[n] for n in range(scan.shape[0])}
    seen = set()
    for frame, (_, image, number, mask) in enumerate(frames_of(seg)):
        assert number is None and np.array_equal(mask, shown[image])
        assert points(seg, frame, mask) == pytest.approx(points(made[image], 0, shown[image]), abs=1e-3)
        seen.add(image)
    assert seen == {image for image, mask in shown.items() if mask.any()}  # empty frames are left out
    referred = {i.ReferencedSOPInstanceUID for i in seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence}
    assert referred == set(made)  # but every image is referred to


@pytest.mark.parametrize("plane", ["axial", "oblique, mirrored"])
def test_simpleitk_sees_the_mask_at_the_same_place(plane, slices, tmp_path):
    """It reads the images as a volume of its own making; a voxel of ours must be at the same millimetres there."""
    row, column = PLANES[plane]
    series(tmp_path / "ct", slices, row=row, column=column)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path / "ct")))
    volume = reader.Execute()
    scan = open_scan(tmp_path / "ct")
    masks = scan.to_stored(np.stack([scan.values(n) > 200 for n in range(scan.shape[0])]))
    seg = read(seg_bytes(scan, [Segment(masks)], **MODEL))
    found = np.zeros(volume.GetSize()[::-1], np.bool_)
    for frame, (_, _, _, mask) in enumerate(frames_of(seg)):
        for point in points(seg, frame, mask):
            i, j, k = volume.TransformPhysicalPointToIndex(point.tolist())
            found[k, j, i] = True
    assert 0.1 < found.mean() < 0.9 and np.array_equal(found, sitk.GetArrayFromImage(volume) > 200)


def test_segments_that_overlap_keep_their_own_masks(slices, tmp_path):
    series(tmp_path / "ct", slices)
    scan = open_scan(tmp_path / "ct")
    first, second = corner(scan.shape), np.zeros(scan.shape, np.bool_)
    second[1, :6, :6] = second[5, 30:, 30:] = True
    segments = [Segment(first, finding=finding_of("nodule")), Segment(second), Segment(np.zeros_like(first))]
    seg = read(seg_bytes(scan, segments, **MODEL))
    assert seg.SegmentsOverlap == "YES"
    assert [item.SegmentNumber for item in seg.SegmentSequence] == [1, 2, 3]
    assert seg.SegmentSequence[0].SegmentedPropertyTypeCodeSequence[0].CodeValue == "27925004"
    got = {number: np.zeros(scan.shape, np.bool_) for number in (1, 2, 3)}
    numbers = {scan.source.dataset(n).SOPInstanceUID: n for n in range(scan.shape[0])}
    for number, image, _, mask in frames_of(seg):
        got[number][numbers[image]] = mask
    assert np.array_equal(got[1], first) and np.array_equal(got[2], second) and not got[3].any()


def test_frames_of_one_file_are_referred_to_by_their_numbers(slices, tmp_path):
    file = enhanced(tmp_path / "ct.dcm", slices)
    scan = open_scan(tmp_path / "ct.dcm")
    masks = corner(scan.shape)
    seg = read(seg_bytes(scan, [Segment(masks)], **MODEL))
    numbers = [scan.source.places[n][1] for n in range(scan.shape[0])]
    seen = []
    for frame, (_, image, number, mask) in enumerate(frames_of(seg)):
        assert image == file.SOPInstanceUID
        assert np.array_equal(mask, masks[numbers.index(number - 1)])
        assert points(seg, frame, mask) == pytest.approx(points(file, number - 1, mask), abs=1e-3)
        seen.append(number)
    assert sorted(seen) == sorted(numbers[n] + 1 for n in np.flatnonzero(masks.any(axis=(1, 2))))
    assert len(seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence) == 1


@pytest.mark.parametrize("bare", [False, True], ids=["readable", "bare"])
@pytest.mark.parametrize("kind", ["PA film", "white is low", "highdicom's lateral film"])
def test_a_film_without_frame_of_reference(kind, bare, data_root, tmp_path):
    path = data_root / "io_samples/dicom/highdicom/dx_image.dcm"
    if kind != "highdicom's lateral film":
        image = files("lexseg.assets") / "examples/images/cxr_00000001_000.png"
        pixels = np.asarray(Image.open(str(image)).convert("L"))
        path = tmp_path / "film.dcm"
        film(path, pixels, inverted=kind == "white is low")
    source, scan = pydicom.dcmread(path), open_scan(path)
    mask = corner((3, *scan.shape[1:]))[1]
    seg = read(seg_bytes(scan, [Segment(mask)], bare=bare, **MODEL))
    assert ("FrameOfReferenceUID" in seg) == (not bare) and seg.PatientOrientation == source.PatientOrientation
    ((_, image, number, stored),) = frames_of(seg)
    assert (image, number) == (source.SOPInstanceUID, None) and np.array_equal(stored, mask)


def test_one_frame_of_a_cine_loop_can_be_written_and_two_cannot(tmp_path):
    pixels = np.random.default_rng(3).integers(0, 255, (4, 24, 20), np.uint8)
    file = basic(US_CINE, "US", pixels)
    file.save_as(tmp_path / "us.dcm", enforce_file_format=True)
    scan = open_scan(tmp_path / "us.dcm")
    masks = np.zeros(scan.shape, np.bool_)
    masks[2, 3:9, 4:5] = True
    ((_, image, number, mask),) = frames_of(read(seg_bytes(scan, [Segment(masks)], **MODEL)))
    assert (image, number) == (file.SOPInstanceUID, 3) and np.array_equal(mask, masks[2])
    masks[0, 0, 0] = True
    with pytest.raises(DataError, match=r"us\.dcm.*2 frames.*write NIfTI or PNG"):
        write_seg(scan, [Segment(masks)], **MODEL)


@pytest.mark.parametrize("placed", [True, False], ids=["series", "film"])
def test_a_mask_of_nothing_is_one_empty_frame(placed, slices, data_root, tmp_path):
    path = data_root / "io_samples/dicom/highdicom/dx_image.dcm"
    if placed:
        path = tmp_path / "ct"
        series(path, slices)
    scan = open_scan(path)
    seg = read(seg_bytes(scan, [Segment(np.zeros(scan.shape, np.bool_))], **MODEL))
    ((number, image, _, mask),) = frames_of(seg)
    assert number == 1 and not mask.any() and image == scan.source.dataset(0).SOPInstanceUID


def test_the_answer_about_a_volume_is_a_segment_without_being_unpacked(slices, tmp_path):
    series(tmp_path / "ct", slices)
    scan = open_scan(tmp_path / "ct")
    masks = corner(scan.shape)
    bits = {n: np.packbits(masks[n]) for n in range(1, 5) if masks[n].any()}
    answer = VolumeSegmentation(scan.shape, range(1, 5), bits, None, None, 0.5, 0.9, text="nodule at the left")
    assert np.array_equal(answer.whole(), masks) and np.array_equal(answer.masks, masks[1:5])
    seg = read(seg_bytes(scan, [Segment.of(answer)], **MODEL))
    shown = {scan.source.dataset(n).SOPInstanceUID: masks[n] for n in bits}
    stored = {image: mask for _, image, _, mask in frames_of(seg)}
    assert stored.keys() == shown.keys() and all(np.array_equal(stored[image], shown[image]) for image in shown)


def test_the_sentence_is_written_only_where_it_may_be(slices, tmp_path):
    series(tmp_path / "ct", slices)
    scan = open_scan(tmp_path / "ct")
    segment = Segment(corner(scan.shape), "nodule of Zaphod", finding_of("nodule"), "nodule of Zaphod")
    silent = seg_bytes(scan, [segment], **MODEL)
    assert b"Zaphod" not in silent and read(silent).SegmentSequence[0].SegmentLabel == "Segment 1"
    item = read(seg_bytes(scan, [segment], include_text=True, **MODEL)).SegmentSequence[0]
    assert item.SegmentLabel == item.SegmentDescription == "nodule of Zaphod"
    long = Segment(segment.mask, "a" * 65 + "\\\n", segment.finding, "b " * 700)
    item = read(seg_bytes(scan, [long], include_text=True, **MODEL)).SegmentSequence[0]
    assert item.SegmentLabel == "a" * 61 + "..." and len(item.SegmentDescription) == 1024


def test_what_made_it_is_said_and_no_path_of_the_model(slices, tmp_path):
    series(tmp_path / "ct", slices)
    scan = open_scan(tmp_path / "ct")
    seg = write_seg(scan, [Segment(corner(scan.shape))], **MODEL)
    item = seg.SegmentSequence[0]
    algorithm = item.SegmentationAlgorithmIdentificationSequence[0]
    assert (item.SegmentAlgorithmType, algorithm.AlgorithmName, algorithm.AlgorithmVersion) == (
        "AUTOMATIC",
        "LexSeg model",
        "abc",
    )
    assert seg.SegmentationType == "BINARY" and seg.BitsAllocated == 1
    assert "not a medical device" in seg.ContentDescription and "runs/mine" not in str(seg)


def test_the_same_identifier_makes_the_same_series(slices, tmp_path):
    series(tmp_path / "ct", slices)
    scan = open_scan(tmp_path / "ct")
    before = [str(each) for each in scan.source.datasets]
    made = [write_seg(scan, [Segment(corner(scan.shape))], uid=uid, **MODEL) for uid in ("2.25.7", "2.25.7", None)]
    assert made[0].SOPInstanceUID == made[1].SOPInstanceUID == "2.25.7" == made[0].file_meta.MediaStorageSOPInstanceUID
    assert made[0].SeriesInstanceUID == made[1].SeriesInstanceUID != made[2].SeriesInstanceUID
    assert len({m.SOPInstanceUID for m in made}) == 2
    assert [str(each) for each in scan.source.datasets] == before
    dimensions = [
        {item.DimensionOrganizationUID for item in (*seg.DimensionOrganizationSequence, *seg.DimensionIndexSequence)}
        for seg in made
    ]
    assert dimensions[0] == dimensions[1] != dimensions[2] and len(dimensions[0]) == 1


def test_names_in_other_letters_and_odd_headers_come_through_and_nothing_is_printed(tmp_path, capfd, recwarn, caplog):
    pixels = np.zeros((20, 16), np.uint8)
    name = "M\u00fcller^J\u00f6rg"
    with pydicom.config.disable_value_validation():
        file = film(tmp_path / "a.dcm", pixels, PatientName="Zaphod", PatientBirthDate="1970??", PatientSex="W")
    file = basic("1.2.3.4.5", "DX", pixels, name=name, charset="ISO_IR 100")  # a private kind of image
    file.save_as(tmp_path / "b.dcm", enforce_file_format=True)
    del file.PatientName, file.AccessionNumber, file.StudyID, file.StudyDate
    file.save_as(tmp_path / "c.dcm", enforce_file_format=True)
    recwarn.clear()
    first, second, third = (
        read(seg_bytes(scan, [Segment(np.ones(scan.shape, np.bool_))], **MODEL))
        for scan in (open_scan(tmp_path / f"{n}.dcm") for n in "abc")
    )
    assert (first.PatientName, first.PatientBirthDate, first.PatientSex) == ("Zaphod", "", "")
    assert str(second.PatientName) == name and second.SpecificCharacterSet == "ISO_IR 192"
    assert third.PatientName == "" and third.AccessionNumber == "" and third.PatientID == "4711"
    said = capfd.readouterr()
    assert "Zaphod" not in said.out + said.err + caplog.text + "".join(str(w.message) for w in recwarn)


def test_what_cannot_be_written_is_refused(slices, tmp_path, monkeypatch, data_root):
    series(tmp_path / "ct", slices)
    scan = open_scan(tmp_path / "ct")
    good = Segment(corner(scan.shape))
    with pytest.raises(DataError, match="shape"):
        write_seg(scan, [Segment(good.mask[:3])], **MODEL)
    nifti = open_scan(data_root / "io_samples/nifti/totalseg_example_mr_sm.nii.gz")
    with pytest.raises(DataError, match=r"NIFTI.*write NIfTI or PNG"):
        write_seg(nifti, [Segment(np.zeros(nifti.shape, np.bool_))], **MODEL)
    file = film(tmp_path / "film.dcm", np.zeros((9, 8), np.uint8))
    del file.StudyInstanceUID
    file.save_as(tmp_path / "film.dcm", enforce_file_format=True)
    with pytest.raises(DataError, match="no StudyInstanceUID"):
        write_seg(open_scan(tmp_path / "film.dcm"), [Segment(np.zeros((1, 9, 8), np.bool_))], **MODEL)
    monkeypatch.setitem(sys.modules, "highdicom.seg", None)
    with pytest.raises(ConfigError, match=r"lexseg\[dicom\]"):
        write_seg(scan, [good], **MODEL)


# What dciodvfy says of the source's own header, which is taken over as it is: of the patient nothing is changed.
EXPLAINED = (
    "Retired Person Name form",  # of names without a caret, such as "Anonymous"
    "</PatientWeight(0010,1030)[1]> - Value is zero",
    "needed to build DICOMDIR",  # StudyID or StudyTime is empty in the source
)
REAL = [
    "highdicom/dx_image.dcm",
    "highdicom/ct_image.dcm",
    "torchio_series",
    "dcmqi_ct-3slice",
    "biomedparse_CT_lung_nodule.dcm",
    "rtutils_ct_rtstruct/ct_1.dcm",
]


def complaints(content, path):
    """What dciodvfy says of a file, without what is explained above."""
    path.write_bytes(content)
    said = subprocess.run([components.dciodvfy(), "-new", path], capture_output=True, text=True, timeout=60)
    lines = (said.stdout + said.stderr).splitlines()
    assert "Segmentation" in lines or "SCImage" in lines
    return [line for line in lines if " - " in line and not any(known in line for known in EXPLAINED)]


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("found", ["something", "nothing"])
@pytest.mark.parametrize("bare", [False, True], ids=["readable", "bare"])
def test_dciodvfy_has_nothing_to_say(name, found, bare, data_root, tmp_path):
    scan = open_scan(data_root / "io_samples/dicom" / name)
    masks = np.zeros(scan.shape, np.bool_)
    masks[0, 9:40, 9:30] = found == "something"
    segments = [Segment(masks, "nodule at the left", finding_of("nodule"), "nodule at the left"), Segment(masks)]
    assert complaints(seg_bytes(scan, segments, include_text=True, bare=bare, **MODEL), tmp_path / "seg.dcm") == []


@pytest.mark.parametrize("made", ["oblique", "multi-frame", "film"])
def test_dciodvfy_has_nothing_to_say_of_made_geometry(made, slices, tmp_path):
    path = tmp_path / "made"
    if made == "film":
        film(path, np.zeros((20, 16), np.uint8))
    elif made == "multi-frame":
        enhanced(path, slices)
    else:
        series(path, slices, row=PLANES["oblique"][0], column=PLANES["oblique"][1])
    scan = open_scan(path)
    masks = corner((max(scan.shape[0], 3), *scan.shape[1:]))[-scan.shape[0] :]
    assert complaints(seg_bytes(scan, [Segment(masks)], **MODEL), tmp_path / "seg.dcm") == []


def test_a_slice_without_spacing_is_given_no_place_rather_than_a_wrong_one(slices, tmp_path):
    (file,) = series(tmp_path / "ct", slices[:1])
    del file.PixelSpacing
    file.save_as(next((tmp_path / "ct").iterdir()), enforce_file_format=True)
    scan = open_scan(tmp_path / "ct")
    for bare in (False, True):
        seg = read(seg_bytes(scan, [Segment(np.ones(scan.shape, np.bool_))], bare=bare, **MODEL))
        assert bare == ("PixelMeasuresSequence" not in seg.SharedFunctionalGroupsSequence[0])
        # what is made up is never in the patient's own frame of reference
        assert bare or seg.FrameOfReferenceUID != file.FrameOfReferenceUID
        ((_, image, _, mask),) = frames_of(seg)
        assert image == file.SOPInstanceUID and mask.all()
