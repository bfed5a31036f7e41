"""What draws on the page, by keys alone: a cursor on the picture, put down and lifted, and told in words."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from browser import browser, context, visiting
from few_discs import disc
from serving import until

pytest.importorskip("playwright")

FILM = Path(__import__("lexseg").__file__).parent / "assets" / "examples" / "images" / "cxr_00027426_000.png"


@pytest.fixture(scope="module")
def window():
    with browser() as driven, context(driven) as page:
        yield page


@pytest.fixture
def visit(window, ordinary):
    with visiting(window, f"http://127.0.0.1:{ordinary.port}/") as visit:
        yield visit


def take(visit, tool):
    """Choose a tool by keys, and go on to the picture."""
    page, keys = visit.page, visit.page.keyboard
    page.locator("#tool input:checked").focus()
    while page.evaluate("() => document.activeElement.value") != tool:
        keys.press("ArrowRight")
    while page.evaluate("() => document.activeElement.id") != "view-a":
        keys.press("Tab")


def press(visit, key, times=1):
    for _ in range(times):
        visit.page.keyboard.press(key)


def place(visit):
    """(column, row), from 1, as the status line says once the cursor rests."""
    visit.page.wait_for_timeout(400)
    return tuple(map(int, re.search(r"Column (\d+) of \d+, row (\d+) of \d+", visit.status).groups()))


def history(visit):
    return visit.page.locator(".history li").all_inner_texts()


def test_a_mask_is_painted_erased_and_clicked_at_by_keys(visit):
    visit.open(FILM)
    visit.ask("unilateral pulmonary infection, one infected area, middle right lung.")
    visit.answers("found")
    page = visit.page
    page.get_by_role("button", name="Correct finding 1").click()
    take(visit, "brush")
    assert "Brush" in page.locator("#view-keys").text_content()
    assert page.locator("#view-a").get_attribute("aria-describedby") == "view-keys"
    press(visit, "ArrowUp")
    column, row = place(visit)
    press(visit, "Shift+ArrowUp", 2)
    further = place(visit)
    assert further[0] == column and row - further[1] > 4 * 2 and "outside finding 1" in visit.status
    press(visit, "Space")
    assert "Painting" in visit.status
    press(visit, "ArrowRight", 4)
    assert history(visit) == []
    press(visit, "Enter")
    until(lambda: len(history(visit)) == 1)
    assert "painted by hand" in history(visit)[0] and "painted by hand" in visit.status
    press(visit, "ArrowLeft")
    place(visit)
    assert "in finding 1" in visit.status  # what was painted is there
    take(visit, "drop")
    press(visit, "Space")
    until(lambda: len(history(visit)) == 2)
    press(visit, "ArrowLeft")
    place(visit)
    assert "outside finding 1" in visit.status
    sent = []
    page.on("request", lambda request: "/corrections" in request.url and sent.append(request))
    take(visit, "eraser")
    press(visit, "Space")
    press(visit, "ArrowRight", 3)
    press(visit, "Escape")
    assert "Nothing was drawn" in visit.status
    press(visit, "Escape")  # leaves the tool: arrows move the picture, and a cursor is no more
    assert page.locator("#tool input:checked").get_attribute("value") == "window"
    assert "move the picture" in visit.status and "move the picture" in page.locator("#view-keys").text_content()
    assert page.evaluate("async () => (await import('./viewer.js')).viewer.cursor") is None
    press(visit, "Space")
    assert sent == []


def test_the_cursor_stays_on_the_picture_and_in_sight(visit):
    visit.open(FILM)
    visit.ask("bilateral pulmonary infection")
    visit.answers("found")
    take(visit, "brush")
    press(visit, "+", 8)
    press(visit, "Shift+ArrowLeft", 80)
    press(visit, "Shift+ArrowUp", 80)
    assert place(visit) == (1, 1)
    inside = visit.page.evaluate(
        """async () => {
          const { viewer } = await import("./viewer.js");
          const { width, height } = viewer.size();
          const { x, y } = viewer.toImage({ x: 0, y: 0 });
          const end = viewer.toImage({ x: width, y: height });
          return x < viewer.cursor.x && viewer.cursor.x < end.x && y < viewer.cursor.y && viewer.cursor.y < end.y;
        }"""
    )
    assert inside
    press(visit, "Escape")


def test_nothing_is_drawn_by_keys_where_there_is_no_finding_or_the_picture_changes(visit):
    visit.open(FILM)
    take(visit, "brush")
    press(visit, "Space")
    assert "Choose a finding" in visit.status
    visit.ask("bilateral pulmonary infection")
    visit.answers("found")
    take(visit, "brush")
    press(visit, "Space")
    press(visit, "ArrowRight", 2)
    visit.open(FILM)  # what was begun is gone with its picture
    visit.page.locator("#view-a").focus()
    drawn = visit.page.evaluate("async () => (await import('./viewer.js')).viewer.stroke")
    assert drawn is None
    press(visit, "Escape")


def test_a_target_is_taught_by_keys(visit, tmp_path):
    image, mask = disc(0, (160, 160))
    Image.fromarray((image * 255).round().astype(np.uint8)).save(tmp_path / "disc.png")
    visit.open(tmp_path / "disc.png")
    rows, columns = np.nonzero(mask)
    take(visit, "mark")
    visit.page.evaluate("async () => (await import('./viewer.js')).viewer.zoomTo(4)")  # a key press is a pixel
    press(visit, "ArrowDown")
    at = place(visit)
    goes = {True: ("ArrowRight", "ArrowDown"), False: ("ArrowLeft", "ArrowUp")}
    for axis, wanted in enumerate((columns.mean() + 1, rows.mean() + 1)):
        far = round(wanted) - at[axis]
        press(visit, goes[far > 0][axis], abs(far))
    press(visit, "Space")
    assert "on the target" in visit.status
    press(visit, "ArrowRight", 6)
    press(visit, "Space")
    assert "Scribble on the target: done" in visit.status
    take(visit, "unmark")
    press(visit, "Shift+ArrowDown", 8)
    press(visit, "Space")
    press(visit, "ArrowRight", 10)
    press(visit, "Space")
    visit.page.get_by_role("button", name="Teach", exact=True).press("Enter")
    until(lambda: "Taught from one image" in visit.status, 60)
    press(visit, "Escape")
    visit.page.get_by_role("button", name="Forget it").press("Enter")
