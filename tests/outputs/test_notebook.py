"""An answer shows, draws and saves itself; an image is asked in one call."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from lexseg.errors import ConfigError


@pytest.fixture
def image():
    """A dark image with a bright square on the left."""
    image = np.zeros((90, 160), np.float32)
    image[30:60, 20:50] = 1
    return image


def picture(answer):
    return np.asarray(Image.open(io.BytesIO(answer._repr_png_())).convert("RGB")).astype(int)


def test_one_call_answers_as_a_session_does(sides, image):
    one, other = sides.segment(image, "left lung"), sides.set_image(image).segment("left lung")
    assert (one.mask == other.mask).all() and one.text == "left lung"


def test_one_call_takes_the_options_of_both(sides, image):
    answer = sides.segment(image, "left lung", spacing=(0.5, 0.25), threshold=0.9, laterality="image")
    assert answer.spacing == (0.5, 0.25) and answer.threshold == 0.9 and answer.laterality == "image"


def test_a_notebook_shows_the_image_with_the_mask_over_it(sides, image):
    shown = picture(sides.segment(image, "left lung"))
    assert shown.shape[1:] == (160, 3)
    assert shown[45, 35, 0] > shown[45, 35, 2] + 50  # orange over white
    assert (shown[45, 120] == 0).all()  # the image's own black


def test_what_is_not_found_says_so_below_the_picture(sides, image):
    shown = picture(sides.segment(np.zeros_like(image), "left lung"))
    assert shown.shape[0] > 90 and shown[90:].max() > 200


def test_the_sentence_is_not_in_the_picture_unless_asked(sides, image):
    answer = sides.segment(image, "bright")
    assert answer.overlay().height == 90 < answer.overlay(include_text=True).height


def test_an_answer_whose_image_was_not_kept_shows_its_mask_on_black(sides, image):
    (session,) = sides.set_images([(image, None)])
    shown = picture(session.segment("left lung"))
    assert shown[45, 35, 0] > 50 and (shown[45, 120] == 0).all()


def test_a_large_image_is_shown_small(sides):
    answer = sides.segment(np.pad(np.ones((3000, 50), np.float32), ((0, 0), (0, 50))), "left lung")
    assert max(picture(answer).shape) <= 2048 and answer.mask.shape == (3000, 100)


def test_a_plot_has_the_image_s_own_pixels_for_axes(sides, image):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    ax = sides.segment(image, "left lung").plot()
    assert ax.get_title().startswith("left lung\nfound")
    assert ax.get_xlim() == (-0.5, 159.5) and ax.get_ylim() == (89.5, -0.5)
    _, own = pyplot.subplots()
    assert sides.segment(image, "left lung").plot(own, probability=True) is own
    assert own.images[0].get_array().max() > 0.9
    pyplot.close("all")


def test_a_name_with_png_holds_the_mask_alone(sides, image, tmp_path):
    answer = sides.segment(image, "left lung")
    assert answer.save(tmp_path / "new" / "film.png") == [tmp_path / "new" / "film.png"]
    assert (np.asarray(Image.open(tmp_path / "new" / "film.png")) == answer.mask * 255).all()


def test_a_name_without_an_ending_gets_all_that_segment_writes(sides, image, tmp_path):
    written = sides.segment(image, "left lung").save(tmp_path / "film.1")
    assert [path.name for path in written] == ["film.1_mask.png", "film.1_overlay.png", "film.1.json"]
    numbers = json.loads(written[2].read_text())
    assert numbers["state"] == "found" and "text" not in numbers


def test_the_sentence_is_saved_where_asked(sides, image, tmp_path):
    *_, numbers = sides.segment(image, "left lung").save(str(tmp_path / "film"), include_text=True)
    assert json.loads(numbers.read_text())["text"] == "left lung"


@pytest.mark.parametrize("name", ["film.jpg", "film.nii.gz", "film.dcm", "film.npy"])
def test_other_endings_are_refused_rather_than_taken_for_a_name(sides, image, tmp_path, name):
    with pytest.raises(ConfigError, match=r"\.png"):
        sides.segment(image, "left lung").save(tmp_path / name)
    assert not list(tmp_path.iterdir())
