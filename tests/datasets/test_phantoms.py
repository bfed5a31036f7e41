"""Phantoms: what is drawn is what the labels say, and the same each time."""

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from lexseg.cases.check import check_manifest
from lexseg.cases.manifest import read_manifest
from lexseg.cli.main import main
from lexseg.datasets.phantoms import draw_phantom, write_phantoms
from lexseg.datasets.phantoms.draw import MOST_LESIONS
from lexseg.datasets.phantoms.mark import all_phantoms
from lexseg.errors import ConfigError, DataError

SOME = range(12)


@pytest.fixture(scope="module")
def phantoms():
    return [draw_phantom(3, index, 96) for index in SOME]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_phantoms(tmp_path_factory.mktemp("set") / "phantoms", n=20, size=64, seed=5, laterality="patient")


def test_the_same_seed_and_index_draw_the_same(phantoms):
    again = draw_phantom(3, 4, 96)
    assert np.array_equal(again.image, phantoms[4].image)
    assert np.array_equal(again.instances, phantoms[4].instances)
    assert len({phantom.image.tobytes() for phantom in (*phantoms, draw_phantom(4, 4, 96))}) == len(phantoms) + 1


def test_lesions_are_whole_apart_and_in_the_liver(phantoms):
    for phantom in phantoms:
        lesions = phantom.instances > 0
        assert sorted(np.unique(phantom.instances)) == list(range(phantom.count + 1))
        # diagonal neighbours count: as many pieces as lesions, so each is whole and none touches another
        assert ndimage.label(lesions, np.ones((3, 3)))[1] == phantom.count
        assert phantom.organ[lesions].all()
        assert ndimage.label(phantom.organ)[1] == 1


def test_they_differ_in_number_density_and_size(phantoms):
    assert {1, 2, 3, 4} <= {phantom.count for phantom in phantoms} <= set(range(1, MOST_LESIONS + 1))
    assert {density for phantom in phantoms for density in phantom.densities} == {"hypodense", "hyperdense"}
    areas = [np.sum(p.instances == k) * p.spacing**2 for p in phantoms for k in range(1, p.count + 1)]
    assert max(areas) > 5 * min(areas)


def test_a_lesion_is_as_bright_as_it_is_said_to_be(phantoms):
    for phantom in phantoms:
        liver = phantom.organ & ~ndimage.binary_dilation(phantom.instances > 0)
        around = float(np.median(phantom.image[liver]))
        for number, density in enumerate(phantom.densities, start=1):
            # its middle, as the edges are blurred
            inside = phantom.instances == number
            depth = ndimage.distance_transform_edt(inside)
            middle = float(phantom.image[depth >= depth.max() / 2].mean())
            assert (middle < around) == (density == "hypodense"), (middle, around)


def test_the_slice_lies_as_radiologists_see_it(phantoms):
    for phantom in phantoms:
        columns = np.flatnonzero(phantom.organ.any(axis=0))
        assert columns.mean() < 48  # the liver, at the patient's right, is at the image's left
        lower, upper = phantom.image[48:, 40:56], phantom.image[:40, 40:56]
        assert (lower > 250).sum() > 20 > (upper[16:] > 250).sum()  # the spine is at the back, which is below


def test_the_liver_may_fill_the_view():
    """The same phantom, seen closer, with lesions on either side of the middle."""
    sides = set()
    for index in SOME[:6]:
        body, liver = draw_phantom(3, index, 96), draw_phantom(3, index, 96, view="liver")
        assert liver.densities == body.densities
        assert liver.spacing < 0.75 * body.spacing
        for one, other in ((body.organ, liver.organ), (body.instances > 0, liver.instances > 0)):
            assert one.sum() * body.spacing**2 == pytest.approx(other.sum() * liver.spacing**2, rel=0.08)
        rows, columns = (np.flatnonzero(liver.organ.any(axis=axis)) for axis in (1, 0))
        assert min(rows[0], columns[0]) > 0 and max(rows[-1], columns[-1]) < 95  # nothing is cut off
        assert max(np.ptp(rows), np.ptp(columns)) > 80
        for number in range(1, liver.count + 1):
            sides.add(bool(np.nonzero(liver.instances == number)[1].mean() > 48))
    assert sides == {True, False}


def test_the_manifest_passes_the_check_and_says_what_it_is(written):
    report = check_manifest(written)
    assert report.problems == []
    cases = read_manifest(written)
    assert [case.split for case in cases] == ["train"] * 14 + ["val"] * 3 + ["test"] * 3
    assert len({case.patient for case in cases}) == 20
    assert all_phantoms(cases)
    for case in cases:
        values = np.unique(np.asarray(Image.open(case.mask)))
        assert (0, *case.target_ids) == tuple(values)
        assert case.laterality == "patient"
        organ = np.asarray(Image.open(written.parent / case.extra["organ"]))
        assert set(np.unique(organ)) == {0, 255}
        words = case.text.rstrip(".").lower().replace(",", "").split()
        assert words[0] == ("no", "one", "two", "three", "four", "five")[len(case.target_ids)]
        assert words[words.index("liver") + 1] == ("lesion" if len(case.target_ids) == 1 else "lesions")


def test_a_phantom_is_the_same_in_a_smaller_set(written, tmp_path):
    few = read_manifest(write_phantoms(tmp_path / "few", n=3, size=64, seed=5))
    for case, other in zip(few, read_manifest(written), strict=False):
        assert (case.id, case.split, case.text) == (other.id, other.split, other.text)
        assert case.image.read_bytes() == other.image.read_bytes()


@pytest.mark.parametrize("options", [{"n": 0}, {"size": 63}, {"size": 5000}, {"seed": -1}])
def test_impossible_sets(tmp_path, options):
    with pytest.raises(ConfigError):
        write_phantoms(tmp_path / "out", **options)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_over(written):
    with pytest.raises(DataError, match="not empty"):
        write_phantoms(written.parent, n=1)


def test_an_interrupted_set_leaves_nothing(tmp_path):
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_phantoms(tmp_path / "out", n=2, size=64, progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_the_command(tmp_path, capsys):
    assert main(["phantoms", "--output", str(tmp_path / "a"), "--n", "2", "--size", "64"]) == 0
    assert f"{tmp_path / 'a' / 'cases.csv'}: 2 phantoms" in capsys.readouterr().out
    assert main(["phantoms", "--output", str(tmp_path / "a")]) == 1
    assert "not empty" in capsys.readouterr().err
    assert main(["phantoms", "--output", str(tmp_path / "b"), "--n", "x"]) == 2
