"""Layouts with several named classes, on a real CT where it is at hand."""

import json
import os
from pathlib import Path

import nibabel as nib
import nrrd
import numpy as np
import pytest
from PIL import Image

from lexseg.cases.manifest import read_manifest
from lexseg.datasets.importers import import_layout
from lexseg.errors import DataError
from lexseg.scans.masks import read_mask

sitk = pytest.importorskip("SimpleITK")
DATA = Path(os.environ.get("LEXSEG_DATA", "")) / "io_samples" / "nifti"
data = pytest.mark.data
with_volumes = pytest.mark.skipif(not DATA.is_dir(), reason="LEXSEG_DATA is not set")


@pytest.fixture(scope="module")
def ct():
    """A real CT and its labels of organs, as nibabel reads them."""
    volume, labels = (nib.load(DATA / f"totalseg_example_ct_sm{end}.nii.gz") for end in ("", "_seg"))
    return volume, np.asarray(labels.dataobj).astype(np.uint8), labels.affine


def most(labels, count=3):
    """The commonest labels."""
    values, counts = np.unique(labels[labels > 0], return_counts=True)
    return [int(v) for v in values[np.argsort(-counts)[:count]]]


def pixels(report):
    """By class, how many pixels its rows' masks have together."""
    sums = {}
    for case in read_manifest(report.manifest):
        sums[case.extra["class"]] = sums.get(case.extra["class"], 0) + int(read_mask(case.mask, label=case.label).sum())
    return sums


def one_of(report, name):
    return next(case for case in read_manifest(report.manifest) if case.extra["class"] == name)


@data
@with_volumes
class TestVolumes:
    def test_totalsegmentator_has_a_row_for_each_class_and_slice(self, ct, tmp_path):
        volume, labels, affine = ct
        subject = tmp_path / "source" / "s0001"
        (subject / "segmentations").mkdir(parents=True)
        nib.save(volume, subject / "ct.nii.gz")
        a, b, _ = most(labels)
        for value, name in ((a, "kidney_left"), (b, "liver")):
            nib.save(
                nib.Nifti1Image((labels == value).astype(np.uint8), affine), subject / f"segmentations/{name}.nii.gz"
            )
        report = import_layout("totalsegmentator", tmp_path / "source", tmp_path / "out", min_area=0.0)
        assert pixels(report) == {"kidney_left": int((labels == a).sum()), "liver": int((labels == b).sum())}
        case = one_of(report, "kidney_left")
        assert case.text == "left kidney" and case.laterality == "patient" and case.patient == "s0001"
        assert case.leaks_mask is True and case.spacing is not None

    def test_classes_that_overlap_stay_whole(self, ct, tmp_path):
        volume, labels, affine = ct
        subject = tmp_path / "source" / "s0001"
        (subject / "segmentations").mkdir(parents=True)
        nib.save(volume, subject / "ct.nii.gz")
        a, b, _ = most(labels)
        both = np.isin(labels, (a, b)).astype(np.uint8)
        nib.save(nib.Nifti1Image((labels == a).astype(np.uint8), affine), subject / "segmentations/one.nii.gz")
        nib.save(nib.Nifti1Image(both, affine), subject / "segmentations/both.nii.gz")
        report = import_layout("totalsegmentator", tmp_path / "source", tmp_path / "out", min_area=0.0)
        assert pixels(report) == {"one": int((labels == a).sum()), "both": int(both.sum())}

    @pytest.mark.parametrize("ending", [".nii.gz", ".nrrd", ".mha"])
    def test_nnunet_names_its_labels(self, ct, tmp_path, ending):
        volume, labels, affine = ct
        a, b, c = most(labels)
        root = tmp_path / "Dataset001_Organs"
        for folder in ("imagesTr", "labelsTr"):
            (root / folder).mkdir(parents=True)
        kept = np.where(np.isin(labels, (a, b, c)), labels, 0).astype(np.uint8)
        for array, path in (
            (volume, root / "imagesTr/case_0000"),
            (nib.Nifti1Image(kept, affine), root / "labelsTr/case"),
        ):
            nib.save(array, path.with_name(f"{path.name}.nii.gz"))
            if ending != ".nii.gz":
                image = sitk.ReadImage(str(path.with_name(f"{path.name}.nii.gz")))
                sitk.WriteImage(image, str(path.with_name(path.name + ending)), useCompression=True)
                path.with_name(f"{path.name}.nii.gz").unlink()
        names = {"background": 0, "liver": a, "spleen": b}
        (root / "dataset.json").write_text(json.dumps({"labels": names, "file_ending": ending}))
        report = import_layout("nnunet", root, tmp_path / "out", min_area=0.0)
        assert pixels(report) == {"liver": int((labels == a).sum()), "spleen": int((labels == b).sum())}
        assert any(str(c) in note.message and "no name" in note.message for note in report.notes)

    def test_a_slicer_segmentation_is_put_back_where_it_was_cut_out(self, ct, tmp_path):
        volume, labels, affine = ct
        a, b, _ = most(labels)
        source = tmp_path / "source"
        source.mkdir()
        nib.save(volume, source / "volume.nii.gz")
        sitk.WriteImage(sitk.ReadImage(str(source / "volume.nii.gz")), str(source / "CT.nrrd"))
        (source / "volume.nii.gz").unlink()
        kept = np.where(np.isin(labels, (a, b)), labels, 0).astype(np.uint8)
        start, stop = (f(np.argwhere(kept), axis=0) for f in (np.min, np.max))
        part = kept[tuple(slice(i, j + 1) for i, j in zip(start, stop, strict=True))]
        assert part.shape != kept.shape
        lps = np.diag([-1, -1, 1, 1]) @ affine
        header = {
            "space": "left-posterior-superior",
            "space directions": lps[:3, :3].T,
            "space origin": (lps @ [*start, 1])[:3],
            "Segment0_Name": "liver", "Segment0_LabelValue": str(a), "Segment0_Layer": "0",
            "Segment1_Name": "left lung", "Segment1_LabelValue": str(b), "Segment1_Layer": "0",
        }  # fmt: skip
        nrrd.write(str(source / "Segmentation.seg.nrrd"), part, header)
        report = import_layout("slicer", source, tmp_path / "out", min_area=0.0)
        assert pixels(report) == {"liver": int((labels == a).sum()), "left lung": int((labels == b).sum())}
        # where they are, held against the same masks of the whole volume
        whole = tmp_path / "whole" / "s"
        (whole / "segmentations").mkdir(parents=True)
        nib.save(volume, whole / "ct.nii.gz")
        nib.save(nib.Nifti1Image((labels == a).astype(np.uint8), affine), whole / "segmentations/liver.nii.gz")
        other = import_layout("totalsegmentator", tmp_path / "whole", tmp_path / "out2", min_area=0.0)
        mine = {c.extra["slice"]: c for c in read_manifest(report.manifest) if c.extra["class"] == "liver"}
        theirs = {c.extra["slice"]: c for c in read_manifest(other.manifest)}
        assert mine.keys() == theirs.keys()
        for k, case in mine.items():
            np.testing.assert_array_equal(
                read_mask(case.mask, label=case.label), read_mask(theirs[k].mask, label=theirs[k].label)
            )
            np.testing.assert_array_equal(Image.open(case.image), Image.open(theirs[k].image))

    def test_segments_that_overlap_lie_in_layers(self, ct, tmp_path):
        volume, labels, affine = ct
        a, b, _ = most(labels)
        source = tmp_path / "source"
        source.mkdir()
        nib.save(volume, source / "scan.nii.gz")
        layers = np.stack([labels == a, np.isin(labels, (a, b))]).astype(np.uint8)
        lps = np.diag([-1, -1, 1, 1]) @ affine
        header = {
            "kinds": ["list", "domain", "domain", "domain"],
            "space": "left-posterior-superior",
            "space directions": np.vstack([np.full(3, np.nan), lps[:3, :3].T]),
            "space origin": lps[:3, 3],
            "Segment0_Name": "one", "Segment0_LabelValue": "1", "Segment0_Layer": "0",
            "Segment1_Name": "both", "Segment1_LabelValue": "1", "Segment1_Layer": "1",
        }  # fmt: skip
        nrrd.write(str(source / "scan.seg.nrrd"), layers, header)
        report = import_layout("slicer", source, tmp_path / "out", min_area=0.0)
        assert pixels(report) == {"one": int((labels == a).sum()), "both": int(np.isin(labels, (a, b)).sum())}

    def test_a_segmentation_of_another_grid_is_refused(self, ct, tmp_path):
        volume, labels, affine = ct
        source = tmp_path / "source"
        source.mkdir()
        nib.save(volume, source / "scan.nii.gz")
        moved = affine.copy()
        moved[:3, 3] += moved[:3, 0] * 0.5
        nib.save(nib.Nifti1Image(labels, moved), source / "scan_label.nii.gz")
        with pytest.raises(DataError, match="grid of the volume"):
            import_layout("slicer", source, tmp_path / "out", names={value: str(value) for value in range(1, 120)})

    def test_lesions_of_mha_pairs_are_those_of_nifti(self, tmp_path):
        name = "CT_Lesion_000001_02_01_008-023"
        reports = []
        for ending in (".nii.gz", ".mha", ".nrrd"):
            folder = tmp_path / ending.strip(".")
            folder.mkdir()
            for part in ("image", "lesion"):
                image = sitk.ReadImage(str(DATA / f"{name}_{part}.nii.gz"))
                sitk.WriteImage(image, str(folder / f"{name}_{part}{ending}"), useCompression=ending == ".mha")
            reports.append(import_layout("nifti", folder, tmp_path / f"out{ending}"))
        first, *others = ([read_mask(c.mask, label=1).sum() for c in read_manifest(r.manifest)] for r in reports)
        assert first and all(other == first for other in others)
        images = [[np.asarray(Image.open(c.image)) for c in read_manifest(r.manifest)] for r in reports]
        assert all((x == y).all() for other in images[1:] for x, y in zip(images[0], other, strict=True))


def test_nnunet_pictures_and_the_older_json(tmp_path):
    root = tmp_path / "source"
    for folder, count in (("Tr", 4), ("Ts", 1)):
        for kind in ("images", "labels"):
            (root / f"{kind}{folder}").mkdir(parents=True)
        for k in range(count):
            labels = np.zeros((20, 30), np.uint8)
            labels[2:8, 2:8], labels[10:15, 20:25] = 1, 2
            pixels_ = np.random.default_rng(k + 9 * count).integers(0, 255, (20, 30, 3), np.uint8)
            Image.fromarray(pixels_).save(root / f"images{folder}/{folder}{k}_0000.png")
            Image.fromarray(labels).save(root / f"labels{folder}/{folder}{k}.png")
    (root / "dataset.json").write_text(json.dumps({"labels": {"0": "background", "1": "cell", "2": "tumour"}}))
    report = import_layout("nnunet", root, tmp_path / "out")
    cases = read_manifest(report.manifest)
    assert {(c.text, c.label, int(read_mask(c.mask, label=c.label).sum())) for c in cases} == {
        ("cell", 1, 36),
        ("tumour", 2, 25),
    }
    assert {c.split for c in cases} == {"train", "val", "test"} and sum(c.split == "test" for c in cases) == 2


def test_medsam_volumes_and_pictures(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    volume = np.random.default_rng(0).integers(0, 256, (6, 40, 50), np.uint8)
    labels = np.zeros(volume.shape, np.uint8)
    labels[1:4, 5:15, 10:30] = 1
    np.savez(source / "CT_1.npz", imgs=volume, gts=labels, spacing=(0.5, 0.8, 3.0))
    colour = np.random.default_rng(1).integers(0, 256, (30, 20, 3), np.uint8)
    flat = np.zeros((30, 20), np.uint8)
    flat[3:10, 4:9] = 1
    np.savez(source / "endo_2.npz", imgs=colour, gts=flat)
    report = import_layout("medsam", source, tmp_path / "out", names={1: "lesion"})
    cases = {case.id: case for case in read_manifest(report.manifest)}
    assert sorted(cases) == ["ct_1_s001_lesion", "ct_1_s002_lesion", "ct_1_s003_lesion", "endo_2_lesion"]
    case = cases["ct_1_s002_lesion"]
    assert case.spacing == (0.8, 0.5) and case.laterality == "image" and case.text == "lesion"
    np.testing.assert_array_equal(Image.open(case.image), volume[2])
    np.testing.assert_array_equal(read_mask(case.mask, label=case.label), labels[2] == 1)
    np.testing.assert_array_equal(Image.open(cases["endo_2_lesion"].image), colour)


def test_a_pickle_in_an_npz_is_never_opened(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    np.savez(source / "x.npz", imgs=np.array([{"a": 1}], dtype=object), gts=np.zeros((2, 2)))
    with pytest.raises(DataError, match="pickled"):
        import_layout("medsam", source, tmp_path / "out", text="lesion")


def test_names_are_asked_for_where_the_files_have_none(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    np.savez(source / "x.npz", imgs=np.zeros((9, 9), np.uint8), gts=np.zeros((9, 9), np.uint8))
    with pytest.raises(DataError, match="--names"):
        import_layout("medsam", source, tmp_path / "out")


def coco(path, folder, names, images=1):
    folder.mkdir(parents=True, exist_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    listed, annotations = [], []
    for k in range(images):
        seed = sum(str(path).encode()) + k
        Image.fromarray(np.random.default_rng(seed).integers(0, 255, (40, 60), np.uint8)).save(
            folder / f"{path.parent.name}{k}.png"
        )
        listed.append({"id": k, "file_name": f"{path.parent.name}{k}.png", "height": 40, "width": 60})
        for x, category in ((2, 1), (20, 1), (40, 2)):
            box = [x, 5, x + 10, 5, x + 10, 15, x, 15]
            annotations.append(
                {"id": len(annotations) + 1, "image_id": k, "category_id": category, "segmentation": [box]}
            )
    categories = [{"id": i + 1, "name": name} for i, name in enumerate(names)]
    path.write_text(json.dumps({"images": listed, "annotations": annotations, "categories": categories}))


def test_coco_asks_each_category_of_an_image(tmp_path):
    coco(tmp_path / "source/instances.json", tmp_path / "source/images", ("polyp", "instrument"), images=3)
    report = import_layout("coco", tmp_path / "source", tmp_path / "out", fractions=(1, 0, 0))
    cases = read_manifest(report.manifest)
    polyps = [case for case in cases if case.text == "polyp"]
    assert len(cases) == 6 and all(case.expression_kind == "several" and len(case.target_ids) == 2 for case in polyps)
    only = import_layout(
        "coco", tmp_path / "source", tmp_path / "some", classes=("Instrument",), text="the {class}", fractions=(1, 0, 0)
    )
    assert {case.text for case in read_manifest(only.manifest)} == {"the instrument"}


def test_coco_files_of_splits_are_the_splits(tmp_path):
    for split in ("train", "valid", "test"):
        coco(tmp_path / f"source/{split}/_annotations.coco.json", tmp_path / f"source/{split}", ("polyp", "instrument"))
    report = import_layout("coco", tmp_path / "source", tmp_path / "out")
    assert {case.split for case in read_manifest(report.manifest)} == {"train", "val", "test"}


def test_a_class_that_is_nowhere_is_named_with_those_that_are(tmp_path):
    coco(tmp_path / "source/instances.json", tmp_path / "source/images", ("polyp", "instrument"))
    with pytest.raises(DataError, match="no class liver; there are instrument, polyp"):
        import_layout("coco", tmp_path / "source", tmp_path / "out", classes=("liver",))
