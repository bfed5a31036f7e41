"""A target taught on the page: scribbles on one image, and the next is asked."""

import numpy as np
import pytest
from PIL import Image

from browser import browser, context, visiting
from few_discs import disc
from serving import until

pytest.importorskip("playwright")


@pytest.fixture(scope="module")
def window():
    with browser() as driven, context(driven) as page:
        yield page


@pytest.fixture
def visit(window, ordinary, tmp_path):
    with visiting(window, f"http://127.0.0.1:{ordinary.port}/") as visit:
        yield visit


def written(folder, seed):
    image, mask = disc(seed, (160, 160))
    path = folder / f"disc{seed}.png"
    Image.fromarray((image * 255).round().astype(np.uint8)).save(path)
    return path, mask


def drag(visit, tool, points):
    """Drag over the picture; points are (row, column) as shares of its height and width."""
    visit.page.locator(f"#tool input[value={tool}]").check(force=True)
    box = visit.page.locator("#view-a").bounding_box()
    side = min(box["width"], box["height"])
    left, top = box["x"] + (box["width"] - side) / 2, box["y"] + (box["height"] - side) / 2
    for i, (row, column) in enumerate(points):
        at = (left + column * side, top + row * side)
        if i:
            visit.page.mouse.move(*at, steps=8)
        else:
            visit.page.mouse.move(*at)
            visit.page.mouse.down()
    visit.page.mouse.up()


def test_scribbles_teach_and_the_next_image_is_asked(visit, tmp_path):
    page = visit.page
    path, mask = written(tmp_path, 0)
    visit.open(path)
    teach = page.get_by_role("button", name="Teach", exact=True)
    assert teach.is_disabled() and page.get_by_role("button", name="Look for it").is_disabled()
    rows, columns = (places / 160 for places in np.nonzero(mask))
    row, middle = rows.mean(), columns.mean()
    drag(visit, "mark", [(row, middle - 0.08), (row, middle + 0.08)])
    top, bottom, west, east = rows.min() - 0.07, rows.max() + 0.07, columns.min() - 0.07, columns.max() + 0.07
    drag(visit, "unmark", [(top, west), (top, east), (bottom, east), (bottom, west), (top, west)])
    teach.click()
    until(lambda: "Taught from one image" in visit.status, 60)
    visit.open(written(tmp_path, 1)[0])
    page.get_by_role("button", name="Look for it").click()
    visit.answers("found")
    assert "the taught target" in page.locator(".finding").first.inner_text()
    page.get_by_role("button", name="Forget it").click()
    until(lambda: "forgotten" in visit.status)


def test_scribbles_of_one_kind_are_not_enough(visit, tmp_path):
    visit.open(written(tmp_path, 2)[0])
    drag(visit, "mark", [(0.5, 0.45), (0.5, 0.55)])
    visit.page.get_by_role("button", name="Teach", exact=True).click()
    assert "beside it too" in visit.page.locator("#alert").inner_text()


def test_a_scribble_is_taken_back(visit, tmp_path):
    page = visit.page
    visit.open(written(tmp_path, 0)[0])
    back = page.get_by_role("button", name="Take back a scribble")
    assert back.count() == 0
    before = visit.colours()
    drag(visit, "mark", [(0.4, 0.4), (0.4, 0.6)])
    until(lambda: visit.colours() > before)
    drag(visit, "unmark", [(0.8, 0.4), (0.8, 0.6)])
    back.click()
    assert "beside the target was taken back" in visit.status
    back.click()
    assert back.count() == 0 and page.get_by_role("button", name="Teach", exact=True).is_disabled()
    until(lambda: visit.colours() == before)
