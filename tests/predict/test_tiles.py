"""Large images tile by tile."""

import json
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from lexseg.cli.main import main
from lexseg.errors import ConfigError
from lexseg.predict.tiles import Tiles, segment_tiled


def spots(height=300, width=500, count=9):
    """Small bright squares, each too small for a network of 32 x 64 that sees the whole image."""
    image, rng = np.zeros((height, width), np.float32), np.random.default_rng(3)
    for _ in range(count):
        row, column = rng.integers(0, height - 6), rng.integers(0, width - 6)
        image[row : row + 5, column : column + 5] = 1
    return image


@pytest.mark.parametrize(
    ("length", "side", "overlap"), [(500, 128, 0.25), (129, 128, 0), (1000, 100, 0.5), (128, 128, 0.9)]
)
def test_tiles_cover_all_and_overlap_as_asked(length, side, overlap):
    starts = Tiles(side, overlap).starts(length)
    assert starts[0] == 0 and starts[-1] + side == max(length, side)
    assert all(later - one <= side * (1 - overlap) + 1 for one, later in pairwise(starts))


@pytest.mark.parametrize(("side", "overlap"), [(8, 0.25), (128, 0.95), (128, -0.1)])
def test_tiles_that_cannot_be_are_refused(side, overlap):
    with pytest.raises(ConfigError, match="tiles of"):
        Tiles(side, overlap)


def test_what_vanishes_in_the_whole_is_found_in_tiles(sides):
    image = spots()
    whole, tiled = sides.segment(image, "bright"), segment_tiled(sides, image, "bright", Tiles(64))
    truth = image > 0.5
    found = (tiled.mask & truth).sum() / truth.sum()
    assert found > 0.75 and found > (whole.mask & truth).sum() / truth.sum() + 0.3
    assert tiled.mask.sum() < 2 * truth.sum() and tiled.mask.shape == image.shape


def test_no_seam_shows_where_tiles_meet(sides):
    """A flat image: every tile says the same, and so must the blend, to the last pixel."""
    tiled = segment_tiled(sides, np.full((200, 300), 0.6, np.float32) + spots(200, 300, 1) * 0.01, "bright", Tiles(64))
    assert tiled.probability.min() > 0.85 and np.ptp(tiled.probability) < 0.05


def test_an_image_of_one_tile_is_asked_as_a_whole(sides):
    image = spots(60, 100)
    one, other = segment_tiled(sides, image, "bright", Tiles(128)), sides.segment(image, "bright")
    assert np.array_equal(one.probability, other.probability) and one.doubts == other.doubts


def test_words_of_place_are_doubtful_in_tiles(sides):
    doubts = segment_tiled(sides, spots(), "left lung", Tiles(64)).doubts
    assert any("tile" in doubt for doubt in doubts)
    assert not any("tile by tile" in doubt for doubt in segment_tiled(sides, spots(), "bright", Tiles(64)).doubts)


def test_presence_is_the_highest_of_all_tiles(careful_sides):
    image = np.zeros((200, 300), np.float32)
    image[:3, 0] = 0.2  # not of one value
    absent = segment_tiled(careful_sides, image, "bright", Tiles(64))
    assert absent.state == "not found" and absent.presence < absent.presence_threshold
    image[150:160, 250:260] = 1
    there = segment_tiled(careful_sides, image, "bright", Tiles(64))
    assert there.state == "found" and there.presence > 0.9 and there.mask[155, 255]


def test_a_denied_sentence_is_not_looked_for(sides):
    assert segment_tiled(sides, spots(), "no infection", Tiles(64)).state == "negated"


def test_the_command_asks_in_tiles(sides_folder, tmp_path):
    Image.fromarray((spots() * 255).astype(np.uint8)).save(tmp_path / "film.png")
    asked = ["segment", str(tmp_path / "film.png"), "--text", "bright", "--model", str(sides_folder)]
    for name, more in (("whole", []), ("tiled", ["--tile", "64"])):
        assert main([*asked, *more, "--output", str(tmp_path / name)]) == 0
    areas = [json.loads((tmp_path / name / "film.json").read_text())["area"]["px"] for name in ("whole", "tiled")]
    assert areas[1] > areas[0]


@pytest.mark.parametrize("more", [["--together"], ["--report", "r.txt"]])
def test_what_asks_many_at_once_is_refused(sides_folder, tmp_path, more, capsys):
    Image.fromarray((spots() * 255).astype(np.uint8)).save(tmp_path / "film.png")
    text = [] if "--report" in more else ["--text", "bright"]
    asked = ["segment", str(tmp_path / "film.png"), *text, *more, "--tile", "64", "--model", str(sides_folder)]
    assert main([*asked, "--output", str(tmp_path / "out")]) == 1
    assert "--tile" in capsys.readouterr().err
