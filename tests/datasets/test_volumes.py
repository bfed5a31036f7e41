"""NIfTI volumes: the patient's right at the left of the slice, whichever way the file is stored."""

import gzip
import re
from itertools import permutations, product

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from lexseg.cases.manifest import read_manifest
from lexseg.cli.main import main
from lexseg.datasets.importers import import_layout
from lexseg.datasets.volumes.cut import CutOptions, cut_volume
from lexseg.datasets.volumes.find import find_pairs
from lexseg.errors import ConfigError, DataError
from lexseg.language.sides import mentions_side
from lexseg.scans.nifti_volume import read_labels, read_volume
from lexseg.scans.window import Window, automatic, parse_window

SHAPE = (8, 10, 6)  # from right to left, from front to back, from foot to head
SIZES = (2.0, 1.5, 3.0)  # millimetres along these axes
CODES = {0: "LR", 1: "PA", 2: "SI"}


def voxels():
    """Each voxel has a value of its own; 1,000 * column + 10 * row + slice."""
    column, row, slice_ = np.indices(SHAPE)
    return (1000 * column + 10 * row + slice_).astype(np.int16)


def stored(values, codes, sizes=SIZES):
    """Values on the axes above as an image whose axes run to where the codes say, such as RAS."""
    native = np.diag([-sizes[0], -sizes[1], sizes[2], 1.0])  # runs to L, P, S
    image = nib.Nifti1Image(values, native)
    turn = nib.orientations.ornt_transform(
        nib.orientations.axcodes2ornt(("L", "P", "S")), nib.orientations.axcodes2ornt(tuple(codes))
    )
    return image.as_reoriented(turn)


def save(path, values, codes="LPS", sizes=SIZES):
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(stored(values, codes, sizes), path)
    return path


def lesions(*boxes, value=1):
    """Labels with boxes of (columns, rows, slices)."""
    labels = np.zeros(SHAPE, np.uint8)
    for columns, rows, slices in boxes:
        labels[slice(*columns), slice(*rows), slice(*slices)] = value
    return labels


ALL_CODES = ["".join(c) for order in permutations(range(3)) for c in product(*(CODES[axis] for axis in order))]


class TestOrientation:
    @pytest.mark.parametrize("codes", ALL_CODES)
    def test_every_way_of_storing_gives_the_same_slices(self, tmp_path, codes):
        assert len(ALL_CODES) == 48
        volume = read_volume(save(tmp_path / "a.nii.gz", voxels(), codes))
        assert np.array_equal(volume.values, voxels().transpose(1, 0, 2))  # rows front to back, columns right to left
        assert volume.spacing == (1.5, 2.0)
        upwards = "S" in codes
        assert volume.numbers == tuple(range(6) if upwards else range(5, -1, -1))
        assert volume.oriented
        assert volume.notes == ()

    @pytest.mark.parametrize("codes", ["RAS", "PLI", "SAL"])
    def test_a_mask_may_be_stored_another_way_than_its_volume(self, tmp_path, codes):
        volume = read_volume(save(tmp_path / "a.nii", voxels()))
        mask = lesions(((1, 3), (4, 6), (2, 4)))
        labels = read_labels(save(tmp_path / "m.nii", mask, codes), volume)
        assert np.array_equal(labels, mask.transpose(1, 0, 2))

    def test_real_livers_lie_at_the_left_of_the_image(self, data_root):
        for name in ("ct", "mr"):
            folder = data_root / "io_samples/nifti"
            volume = read_volume(folder / f"totalseg_example_{name}_sm.nii.gz")
            labels = read_labels(folder / f"totalseg_example_{name}_sm_seg.nii.gz", volume)
            rows, columns, _ = np.nonzero(labels == 5)  # the liver, in TotalSegmentator's classes for both
            middle = np.array(volume.values.shape) / 2
            assert columns.mean() < middle[1] - 10
            spleen = np.nonzero(labels == 1)[1].mean()
            assert spleen > middle[1] + 10
            if name == "ct":
                spine = np.nonzero((labels >= 26) & (labels <= 50))[0]  # vertebrae
                assert spine.mean() > rows.mean() + 5  # behind the liver, and lower in the image

    def test_no_orientation_in_the_header(self, tmp_path):
        image = nib.Nifti1Image(voxels(), None)
        image.header.set_zooms(SIZES)
        nib.save(image, tmp_path / "a.nii")
        volume = read_volume(tmp_path / "a.nii")
        assert not volume.oriented
        assert any("which side is which" in note for note in volume.notes)
        assert volume.spacing == (1.5, 2.0)

    def test_a_mask_elsewhere_is_refused(self, tmp_path):
        volume = read_volume(save(tmp_path / "a.nii", voxels()))
        shifted = stored(lesions(((1, 3), (4, 6), (2, 4))), "LPS")
        shifted.affine[0, 3] += 5
        nib.save(nib.Nifti1Image(np.asarray(shifted.dataobj), shifted.affine), tmp_path / "m.nii")
        with pytest.raises(
            DataError, match=r"m\.nii: by their headers the mask lies up to 3\.3 voxels off the volume a"
        ):
            read_labels(tmp_path / "m.nii", volume)


class TestSpacing:
    @pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
    def test_pixdim_of_0_is_no_spacing(self, tmp_path, suffix):
        path = save(tmp_path / f"a{suffix}", voxels())
        opener = gzip.open if suffix == ".nii.gz" else open
        with opener(path, "rb") as file:
            content = bytearray(file.read())
        content[80:88] = bytes(8)  # pixdim[1], pixdim[2]
        with opener(path, "wb") as file:
            file.write(content)
        volume = read_volume(path)
        assert volume.spacing is None
        assert "no spacing (pixdim is 0)" in volume.notes[0]

    @pytest.mark.parametrize(("unit", "factor"), [("mm", 1), ("micron", 0.001), ("unknown", 1)])
    def test_units(self, tmp_path, unit, factor):
        image = stored(voxels(), "LPS")
        image.header.set_xyzt_units(unit)
        nib.save(image, tmp_path / "a.nii")
        assert read_volume(tmp_path / "a.nii").spacing == pytest.approx((1.5 * factor, 2.0 * factor))

    def test_a_header_that_contradicts_itself_is_told(self, tmp_path):
        image = stored(voxels(), "LPS")
        image.set_sform(np.diag([-1.0, -1.0, 1.0, 1.0]), code=1)
        nib.save(image, tmp_path / "a.nii")
        volume = read_volume(tmp_path / "a.nii")
        assert volume.spacing == (1.5, 2.0)
        assert "the affine says 1 x 1 x 1 mm, pixdim 2 x 1.5 x 3 mm" in volume.notes[0]


class TestDamage:
    def test_4d(self, tmp_path):
        values = np.stack([voxels(), voxels() + 5], axis=3)
        nib.save(nib.Nifti1Image(values, np.diag([-1, -1, 1, 1])), tmp_path / "a.nii")
        with pytest.raises(DataError, match=r"a\.nii: holds 2 volumes .* --channel"):
            read_volume(tmp_path / "a.nii")
        assert read_volume(tmp_path / "a.nii", channel=1).values[0, 0, 0] == 5
        with pytest.raises(DataError, match="no channel 2; there are 2"):
            read_volume(tmp_path / "a.nii", channel=2)

    def test_4d_of_one_volume_and_2d(self, tmp_path):
        nib.save(nib.Nifti1Image(voxels()[..., None], np.diag([-1, -1, 1, 1])), tmp_path / "a.nii")
        assert read_volume(tmp_path / "a.nii").values.shape == (10, 8, 6)
        nib.save(nib.Nifti1Image(voxels()[..., 0], np.diag([-1, -1, 1, 1])), tmp_path / "b.nii")
        assert read_volume(tmp_path / "b.nii").values.shape == (10, 8, 1)

    @pytest.mark.parametrize("content", [b"", b"x" * 400, None])
    def test_no_nifti_or_cut_short(self, tmp_path, content):
        path = save(tmp_path / "a.nii.gz", voxels())
        path.write_bytes(path.read_bytes()[:200] if content is None else content)
        with pytest.raises(DataError, match=r"a\.nii\.gz: the volume is damaged"):
            read_volume(path)

    def test_there_is_none(self, tmp_path):
        with pytest.raises(DataError, match="there is no such file"):
            read_volume(tmp_path / "a.nii")

    def test_a_flat_affine(self, tmp_path):
        image = nib.Nifti1Image(voxels(), np.diag([1, 1, 1, 1]))
        image.set_sform(np.diag([1, 0, 1, 1]), code=1)
        nib.save(image, tmp_path / "a.nii")
        with pytest.raises(DataError, match="flat"):
            read_volume(tmp_path / "a.nii")

    def test_colours(self, tmp_path):
        colour = np.zeros(SHAPE, dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
        nib.save(nib.Nifti1Image(colour, np.eye(4)), tmp_path / "a.nii")
        with pytest.raises(DataError, match="no colours"):
            read_volume(tmp_path / "a.nii")

    def test_a_slope_is_applied_and_what_overflows_is_white(self, tmp_path):
        image = stored(voxels(), "LPS")
        image.header.set_slope_inter(2, -1000)
        nib.save(
            nib.Nifti1Image(voxels().astype(np.float64) * 2 - 1000, image.affine, image.header), tmp_path / "a.nii"
        )
        volume = read_volume(tmp_path / "a.nii")
        assert volume.values[2, 1, 3] == pytest.approx(2 * 1023 - 1000, abs=0.5)
        huge = np.full(SHAPE, 1e300)
        huge[0] = -1e300
        nib.save(nib.Nifti1Image(huge, np.diag([-1, -1, 1, 1])), tmp_path / "b.nii")
        shown = Window.of(400, 40).show(read_volume(tmp_path / "b.nii").values[:, :, 0])
        assert set(shown[:, 0].tolist()) == {0}
        assert set(shown[:, 1:].ravel().tolist()) == {255}

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (lambda m: m[:, :9], "10 x 8 x 6|9 x 8 x 6"),
            (lambda m: np.where(m > 0, np.nan, 0.0), "no numbers"),
            (lambda m: m * 0.5, "fractions"),
            (lambda m: m.astype(np.int16) * -1, "label -1"),
        ],
    )
    def test_masks_that_do_not_do(self, tmp_path, change, words):
        volume = read_volume(save(tmp_path / "a.nii", voxels()))
        mask = save(tmp_path / "m.nii", change(lesions(((1, 3), (4, 6), (2, 4)))))
        with pytest.raises(DataError, match=rf"m\.nii: .*({words})"):
            read_labels(mask, volume)


class TestWindow:
    def test_width_and_level(self):
        values = np.array([-1000, -160, 41, 240, 3000, np.nan])
        assert Window.of(400, 40).show(values).tolist() == [0, 0, 128, 255, 255, 0]
        assert parse_window("400,40") == parse_window("abdomen") == Window(-160, 240)
        assert parse_window("LUNG") == Window(-1350, 150)
        assert parse_window("auto") is None

    @pytest.mark.parametrize("window", [Window.of(5e-324, 40), Window.of(1, 1e300), Window.of(1e308, -1e308)])
    def test_the_thinnest_and_farthest_are_a_step(self, window):
        """From black to white there is nothing left to divide by."""
        values = np.array([-1000, 39, 41, 3000, np.nan])
        assert window.show(values)[-1] == 0 and set(window.show(values)) <= {0, 255}
        if window.level == 40:
            assert window.shade(values).tolist() == [0, 0, 1, 1, 0]
        assert np.isfinite(window.shade(values)).all()

    @pytest.mark.parametrize("text", ["0,40", "-5,1", "400", "abdomn", "nan,1", "400,40,1", ""])
    def test_no_windows(self, text):
        with pytest.raises(ConfigError, match="no window"):
            parse_window(text)

    def test_the_window_suits_the_values(self):
        rng = np.random.default_rng(0)
        assert automatic(np.array([-1024, 50, 900], np.int16)) == Window(-160, 240)
        assert automatic(np.array([0, 128, 255], np.uint8)) == Window(0, 255)
        assert automatic(np.array([0.0, 128, 255], np.float32)) == Window(0, 255)
        mr = rng.gamma(2, 200, 100_000)
        window = automatic(mr)
        assert float(np.mean(mr > window.high)) == pytest.approx(0.005, abs=0.001)
        assert automatic(np.full(5, 3.5)) == Window(3.5, 4.5)
        assert automatic(np.full(5, np.nan)).high > 0


class TestPairs:
    def names(self, source, **options):
        found = find_pairs(source, **options)
        return [(pair.name, pair.volume.name, pair.mask.name) for pair in found.pairs]

    def touch(self, folder, *names):
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(b"")

    def test_the_decathlon(self, tmp_path):
        self.touch(tmp_path, "imagesTr/liver_10.nii.gz", "imagesTr/liver_2.nii.gz", "imagesTr/._liver_2.nii.gz")
        self.touch(tmp_path, "labelsTr/liver_10.nii.gz", "labelsTr/liver_2.nii.gz", "imagesTs/liver_2.nii.gz")
        assert [name for name, _, _ in self.names(tmp_path)] == ["liver_2", "liver_10"]
        assert [path.parent.name for path in find_pairs(tmp_path).volumes] == ["imagesTs"]

    def test_nnunet_channels(self, tmp_path):
        self.touch(tmp_path, "imagesTr/a_0000.nii.gz", "imagesTr/a_0001.nii.gz", "labelsTr/a.nii.gz")
        assert self.names(tmp_path) == [("a", "a_0000.nii.gz", "a.nii.gz")]
        assert self.names(tmp_path, channel=1) == [("a", "a_0001.nii.gz", "a.nii.gz")]

    @pytest.mark.parametrize("folders", [("", ""), ("volumes", "segmentations"), ("batch/ct", "batch/seg")])
    def test_lits(self, tmp_path, folders):
        images, masks = folders
        self.touch(tmp_path, *(f"{images or '.'}/volume-{k}.nii" for k in (0, 10, 2)))
        self.touch(tmp_path, *(f"{masks or '.'}/segmentation-{k}.nii" for k in (0, 10, 2)))
        assert self.names(tmp_path) == [(str(k), f"volume-{k}.nii", f"segmentation-{k}.nii") for k in (0, 2, 10)]

    def test_names_side_by_side(self, tmp_path):
        self.touch(tmp_path, "p1.nii.gz", "p1_seg.nii.gz", "p2_image.nii", "p2_Lesion.nii.gz", "mask_p3.nii", "p3.nii")
        self.touch(tmp_path, "alone.nii", "stray_mask.nii")
        assert [name for name, _, _ in self.names(tmp_path)] == ["p1", "p2", "p3"]
        found = find_pairs(tmp_path)
        assert [path.name for path in (*found.volumes, *found.masks)] == ["alone.nii", "stray_mask.nii"]
        assert self.names(tmp_path / "p2_image.nii") == [("p2", "p2_image.nii", "p2_Lesion.nii.gz")]

    def test_what_is_not_plain_is_told(self, tmp_path):
        self.touch(tmp_path, "a.nii", "a_seg.nii", "a_mask.nii")
        ((first, second),) = find_pairs(tmp_path).clashes
        assert {first.name, second.name} == {"a_seg.nii", "a_mask.nii"}

    def test_real_files(self, data_root):
        found = find_pairs(data_root / "io_samples/nifti")
        assert len(found.pairs) == 5
        assert [path.name for path in found.volumes] == ["totalseg_example_ct.nii.gz"]
        assert not found.masks and not found.clashes


class TestCut:
    @pytest.fixture
    def volume(self, tmp_path):
        return read_volume(save(tmp_path / "a.nii", voxels()))

    def cut(self, volume, labels, **options):
        return list(cut_volume(volume, labels.transpose(1, 0, 2).astype(np.int64), "m.nii", CutOptions(**options)))

    def test_slices_with_enough_lesion(self, volume):
        # 2 x 2 and 3 x 3 pixels of 3 mm2
        labels = lesions(((1, 3), (1, 3), (0, 2)), ((4, 7), (4, 7), (3, 6)))
        assert [cut.number for cut in self.cut(volume, labels, min_area=13)] == [3, 4, 5]
        assert [cut.number for cut in self.cut(volume, labels, min_area=12)] == [0, 1, 3, 4, 5]
        assert [cut.number for cut in self.cut(volume, labels, min_area=0)] == [0, 1, 3, 4, 5]
        assert [cut.number for cut in self.cut(volume, labels, min_area=0, every=2)] == [0, 3, 5]
        assert [cut.number for cut in self.cut(volume, labels, min_area=13, every=3)] == [4]
        assert self.cut(volume, labels, min_area=28) == []

    def test_a_lesion_has_one_number_through_its_slices(self, volume):
        # two arms that meet only in slice 3
        labels = lesions(((1, 3), (1, 3), (1, 4)), ((5, 7), (1, 3), (1, 4)), ((1, 7), (1, 3), (3, 4)))
        labels |= lesions(((1, 2), (8, 9), (2, 3)))
        cuts = {cut.number: cut for cut in self.cut(volume, labels, min_area=0)}
        assert len(cuts[1].targets) == 1
        assert len(cuts[2].targets) == 2
        assert cuts[1].targets == cuts[3].targets
        assert cuts[1].instances[2, 2] == cuts[1].instances[2, 6] > 0

    def test_labels_are_named(self, volume):
        labels = lesions(((1, 7), (1, 7), (1, 4))) + lesions(((2, 4), (2, 4), (2, 3)))
        with pytest.raises(
            DataError, match=r"m\.nii: the mask holds the labels 1, 2; say which are lesions by --lesion"
        ):
            self.cut(volume, labels)
        (cut,) = self.cut(volume, labels, lesion=(2,), organ=(1,), min_area=1)
        assert cut.instances.sum() == 4
        assert cut.organ.sum() == 36
        (cut,) = [cut for cut in self.cut(volume, labels, organ=(1,), min_area=1)]
        assert cut.instances.sum() == 4
        assert self.cut(volume, labels, lesion=(7,)) == []

    @pytest.mark.parametrize(
        "options", [{"every": 0}, {"min_area": -1}, {"lesion": (1,), "organ": (1,)}, {"lesion": (0,)}]
    )
    def test_impossible_options(self, options):
        with pytest.raises(ConfigError):
            CutOptions(**options)


class TestImport:
    @pytest.fixture
    def source(self, tmp_path):
        """Three volumes; in the second a lesion at the patient's right, front."""
        for number, boxes in enumerate([[((4, 7), (4, 7), (3, 6))], [((0, 3), (0, 3), (1, 3))], []]):
            save(tmp_path / f"source/volume-{number}.nii", voxels(), ("RAS", "PLI", "LPS")[number])
            save(tmp_path / f"source/segmentation-{number}.nii", lesions(*boxes), ("RAS", "PLI", "LPS")[number])
        return tmp_path / "source"

    def test_a_manifest_for_refer(self, source, tmp_path):
        report = import_layout("nifti", source, tmp_path / "out", fractions=(0.5, 0.5, 0))
        cases = read_manifest(report.manifest)
        assert [(case.id, case.patient) for case in cases] == [
            ("volume-0_s003", "volume-0"),
            ("volume-0_s004", "volume-0"),
            ("volume-0_s005", "volume-0"),
            ("volume-1_s003", "volume-1"),
            ("volume-1_s004", "volume-1"),
        ]
        assert {case.split for case in cases[:3]} != {case.split for case in cases[3:]}
        assert {(case.laterality, case.spacing, case.target_ids) for case in cases} == {("patient", (1.5, 2.0), (1,))}
        assert {case.extra["leaks_mask"] for case in cases} == {"yes"}
        values = np.asarray(Image.open(cases[3].mask))
        assert np.argwhere(values).tolist() == [[row, column] for row in range(3) for column in range(3)]
        assert [note.message for note in report.notes] == ["left out: no slice shows lesions of 20 mm² or more"]
        assert report.check.ok

    def test_organs_captions_and_one_file(self, tmp_path):
        labels = lesions(((0, 8), (1, 9), (1, 4))) + lesions(((2, 5), (2, 5), (2, 4)), ((6, 8), (6, 8), (2, 3)))
        save(tmp_path / "source/a.nii.gz", voxels())
        save(tmp_path / "source/a_mask.nii.gz", labels)
        options = {"lesion": (2,), "organ": (1,), "min_area": 1.0, "window": "9000,4500"}
        report = import_layout("nifti", tmp_path / "source/a.nii.gz", tmp_path / "out", **options)
        first, second = read_manifest(report.manifest)
        assert (first.text, second.text) == ("Two lesions.", "One lesion.")
        organ = np.asarray(Image.open(report.manifest.parent / first.extra["organ"]))
        assert (organ == 255).sum() == 64
        image = np.asarray(Image.open(first.image)).astype(float)
        assert np.all(np.diff(image.mean(axis=0)) > 0)  # values grow with the column
        told = import_layout("nifti", tmp_path / "source", tmp_path / "told", text="liver lesions", **options)
        assert {case.text for case in read_manifest(told.manifest)} == {"liver lesions"}

    def test_all_problems_at_once_and_nothing_half_written(self, source, tmp_path):
        save(source / "segmentation-0.nii", lesions()[:, :9])
        (source / "volume-1.nii").write_bytes(b"x" * 400)
        with pytest.raises(DataError) as caught:
            import_layout("nifti", source, tmp_path / "out")
        message = str(caught.value)
        assert "2 problems" in message
        assert (
            "segmentation-0.nii: the mask has 9 x 8 x 6 voxels, but the volume volume-0.nii has 10 x 8 x 6" in message
        )
        assert "volume-1.nii: the volume is damaged" in message
        assert [path.name for path in tmp_path.iterdir()] == ["source"]

    def test_a_volume_without_spacing_or_sides(self, tmp_path):
        for name, values in (("a", voxels()), ("a_seg", lesions(((1, 4), (1, 4), (1, 3))))):
            image = nib.Nifti1Image(values, None)
            image.header["pixdim"][1:4] = 0
            (tmp_path / "source").mkdir(exist_ok=True)
            nib.save(image, tmp_path / f"source/{name}.nii")
            content = bytearray((tmp_path / f"source/{name}.nii").read_bytes())
            content[80:92] = bytes(12)
            (tmp_path / f"source/{name}.nii").write_bytes(content)
        report = import_layout("nifti", tmp_path / "source", tmp_path / "out", min_area=9)
        cases = read_manifest(report.manifest)
        assert len(cases) == 2
        assert {(case.spacing, case.laterality) for case in cases} == {(None, "image")}
        told = " ".join(note.message for note in report.notes if note.severity == "warning")
        assert "areas are counted in pixels" in told
        assert "left and right of the patient are not known" in told

    def test_equal_slices_keep_their_own_masks(self, tmp_path):
        save(tmp_path / "source/a.nii", np.full(SHAPE, 7, np.int16))
        save(tmp_path / "source/a_seg.nii", lesions(((1, 5), (1, 5), (1, 2)), ((2, 6), (4, 8), (3, 4))))
        first, second = read_manifest(import_layout("nifti", tmp_path / "source", tmp_path / "out").manifest)
        assert first.image != second.image
        assert first.mask != second.mask

    def test_missing_values_are_told_and_black(self, tmp_path):
        values = voxels().astype(np.float32)
        values[:4] = np.nan
        save(tmp_path / "source/a.nii", values)
        save(tmp_path / "source/a_seg.nii", lesions(((4, 7), (4, 7), (3, 4))))
        report = import_layout("nifti", tmp_path / "source", tmp_path / "out")
        (case,) = read_manifest(report.manifest)
        assert any("240 of 480 voxels are no numbers" in note.message for note in report.notes)
        assert not np.asarray(Image.open(case.image))[:, :4].any()

    def test_more_than_255_lesions(self, tmp_path):
        labels = np.zeros((40, 40, 1), np.uint8)
        labels[::2, ::2] = 1
        nib.save(nib.Nifti1Image(np.zeros((40, 40, 1), np.int16) + 5, np.diag([-1, -1, 1, 1])), tmp_path / "a.nii")
        nib.save(nib.Nifti1Image(labels, np.diag([-1, -1, 1, 1])), tmp_path / "a_seg.nii")
        report = import_layout("nifti", tmp_path / "a.nii", tmp_path / "out")
        (case,) = read_manifest(report.manifest)
        assert case.target_ids == tuple(range(1, 401))
        assert case.text == "400 lesions."
        assert report.check.ok

    def test_real_lesions(self, data_root, tmp_path):
        source = tmp_path / "source"
        source.mkdir()
        for path in (data_root / "io_samples/nifti").glob("CT_Lesion_*"):
            (source / path.name).symlink_to(path)
        report = import_layout("nifti", source, tmp_path / "out", patient=r"CT_Lesion_(\d+)", every=3)
        cases = read_manifest(report.manifest)
        assert {case.patient for case in cases} == {"000001", "000002", "000009"}
        for case in cases:
            mask = np.asarray(Image.open(case.mask)) > 0
            assert mask.shape == (512, 512)
            assert mask.sum() * case.spacing[0] * case.spacing[1] >= 20
        # the third is a node to the right of the patient's aorta, left of the image's middle
        node = next(case for case in cases if case.patient == "000009")
        assert np.nonzero(np.asarray(Image.open(node.mask)))[1].mean() < 256


def test_the_command(tmp_path, capsys):
    save(tmp_path / "source/imagesTr/a.nii.gz", voxels())
    save(tmp_path / "source/labelsTr/a.nii.gz", lesions(((1, 7), (1, 7), (1, 4))) + lesions(((2, 4), (2, 4), (2, 3))))
    command = ["import", "nifti", str(tmp_path / "source"), "--output", str(tmp_path / "out"), "--text_encoder", "none"]
    assert main([*command, "--min-area-mm2", "5"]) == 1
    assert "--lesion 2 --organ 1" in capsys.readouterr().err
    assert main([*command, "--lesion", "2", "--organ", "1", "--min-area-mm2", "5", "--window", "liver"]) == 0
    assert len(read_manifest(tmp_path / "out/cases.csv")) == 1
    assert main([*command, "--lesion", "two"]) == 2
    assert main(["import", "folder", *command[2:], "--lesion", "2"]) == 1
    assert "goes with the layout 'nifti', not with 'folder'" in capsys.readouterr().err


class TestRefer:
    """``lexseg refer`` with volumes in place of a manifest."""

    @pytest.fixture
    def source(self, tmp_path):
        """Two lesions on each side of a patient's body, one volume stored another way round."""
        for number, codes in enumerate(("RAS", "PLI")):
            values, labels = np.full((60, 50, 4), 5 * number, np.int16), np.zeros((60, 50, 4), np.uint8)
            for k, (column, row) in enumerate(((8, 10), (45, 10), (8, 38), (44, 37))):
                spot = (slice(column, column + 5 + k), slice(row, row + 5 + k), slice(1, 3))
                values[spot], labels[spot] = 100, 2
            labels[5:55, 5:45][labels[5:55, 5:45] == 0] = 1
            save(tmp_path / f"source/images/{number}.nii.gz", values, codes)
            save(tmp_path / f"source/labels/{number}.nii.gz", labels, codes)
        return tmp_path / "source"

    def run(self, source, output, *options):
        return main(["refer", str(source), "--output", str(output), *options])

    def test_sides_are_the_patients(self, source, tmp_path, capsys):
        options = ("--lesion", "2", "--min-area-mm2", "50", "--expressions", "20", "--window", "soft")
        assert self.run(source, tmp_path / "out", *options) == 0
        cases = read_manifest(tmp_path / "out/cases.csv")
        assert {case.laterality for case in cases} == {"patient"}
        assert {case.patient for case in cases} == {"0", "1"}
        assert {case.spacing for case in cases} == {(1.5, 2.0)}
        # none speaks of the picture's left and means the patient's
        with_words = read_manifest(tmp_path / "out/cases.csv", text_columns=("text", "text_2", "text_3", "text_4"))
        for case in with_words:
            for text in case.texts:
                assert not (mentions_side(text) and re.search(r"\b(image|picture)\b", text)), text
        sides = [case for case in cases if case.extra["query"] in ("side=left", "side=right")]
        assert sides
        for case in sides:
            values = np.asarray(Image.open(case.mask))
            named = np.nonzero(np.isin(values, case.target_ids))[1]
            assert (named.mean() < 30) == (case.extra["region"] == "left")  # the image's
            # what lies at the image's left is called right
            said = set(re.findall(r"left|right", case.text.lower()))
            assert said == {"right" if case.extra["region"] == "left" else "left"}, case.text
        assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "source"]

    def test_a_single_volume_with_its_organ_and_the_images_sides(self, source, tmp_path):
        path = source / "0.nii.gz"
        (source / "images/0.nii.gz").rename(path)
        (source / "labels/0.nii.gz").rename(source / "0_mask.nii.gz")
        options = ("--lesion", "2", "--organ", "1", "--laterality", "image", "--every", "2")
        assert self.run(path, tmp_path / "out", *options) == 0
        cases = read_manifest(tmp_path / "out/cases.csv")
        assert {case.laterality for case in cases} == {"image"}
        assert len({case.image for case in cases}) == 1

    def test_what_cannot_be(self, source, tmp_path, capsys):
        assert self.run(source, tmp_path / "out") == 1
        assert "say which are lesions by --lesion" in capsys.readouterr().err
        assert self.run(tmp_path / "cases.csv", tmp_path / "out", "--window", "lung") == 1
        assert "--window: asked of volumes only" in capsys.readouterr().err
        assert main(["refer", str(source), str(tmp_path / "cases.csv"), "--output", str(tmp_path / "out")]) == 1
        assert "not read together" in capsys.readouterr().err
        assert [path.name for path in tmp_path.iterdir()] == ["source"]
