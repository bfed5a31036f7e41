"""A mask corrected on the page: in a line below a finding, and by hand."""

import json
import zipfile
from pathlib import Path

import pytest

from browser import browser, context, visiting
from serving import until

pytest.importorskip("playwright")

FILM = Path(__import__("lexseg").__file__).parent / "assets" / "examples" / "images" / "cxr_00027426_000.png"
RIGHT = "unilateral pulmonary infection, one infected area, middle right lung."


@pytest.fixture(scope="module")
def window():
    with browser() as driven, context(driven) as page:
        yield page


@pytest.fixture
def visit(window, ordinary):
    with visiting(window, f"http://127.0.0.1:{ordinary.port}/") as visit:
        visit.open(FILM)
        visit.ask(RIGHT)
        visit.answers("found")
        yield visit


def pixels(visit):
    return int(visit.page.locator(".finding .answer").first.inner_text().split()[1].replace(",", ""))


def history(visit):
    return visit.page.locator(".history li").all_inner_texts()


def say(visit, said):
    visit.page.get_by_label("What is to be changed").fill(said)
    visit.page.keyboard.press("Enter")


def test_said_undone_and_not_understood(visit):
    page, first = visit.page, pixels(visit)
    page.get_by_role("button", name="Correct finding 1").click()
    say(visit, "a lot more generous")
    until(lambda: len(history(visit)) == 1)
    assert "more generous" in history(visit)[0] and pixels(visit) > first
    assert "more generous" in visit.status
    say(visit, "frobnicate it")
    until(lambda: "frobnicate" in visit.status)
    assert len(history(visit)) == 1 and "Not done" in visit.status
    page.locator(".correct").get_by_role("button", name="Undo").click()
    until(lambda: history(visit) == [])
    assert pixels(visit) == first
    page.locator(".correct").get_by_role("button", name="Redo").click()
    until(lambda: len(history(visit)) == 1)
    training = page.get_by_role("button", name="Save as a training case")
    assert not training.is_visible()
    page.locator(".correct").get_by_role("button", name="Accept").click()
    until(training.is_visible)
    with page.expect_download() as saved:
        training.click()
    with zipfile.ZipFile(saved.value.path()) as archive:
        assert "cases.csv" in archive.namelist() and RIGHT.encode() in archive.read("cases.csv")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save what was said").click()
    record = json.loads(Path(saved.value.path()).read_text())
    assert [entry["said"] for entry in record["entries"][:2]] == ["a lot more generous", "frobnicate it"]
    visit.keep("corrected")


def test_a_finding_that_is_asked_again_is_corrected_from_its_new_answer(visit):
    page = visit.page
    page.get_by_role("button", name="Correct finding 1").click()
    say(visit, "a lot more generous")
    until(lambda: len(history(visit)) == 1)
    page.get_by_role("button", name="Take them as the patient").click()
    visit.answers("not found")
    corrected = []
    page.on("request", lambda request: "/corrections" in request.url and corrected.append(request.url))
    result = page.evaluate("async () => (await import('./state.js')).state.findings[0].result.id")
    page.get_by_role("button", name="Correct finding 1").click()
    assert history(visit) == []
    say(visit, "a lot more generous")
    until(lambda: (page.wait_for_timeout(20), corrected)[1])
    assert f"/{result}/" in corrected[0]


def test_what_is_drawn_while_the_server_is_at_work_is_not_lost(visit):
    page, held = visit.page, []
    page.get_by_role("button", name="Correct finding 1").click()
    page.locator("#tool").get_by_text("Brush").click()
    page.route("**/corrections", lambda route: held.append(route))
    box = page.locator(".pane canvas").first.bounding_box()
    for share in (0.2, 0.3, 0.4):
        x, y = box["x"] + box["width"] / 2, box["y"] + share * box["height"]
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 40, y, steps=2)
        page.mouse.up()
    say(visit, "undo")
    for sent in (1, 2, 3, 4):
        until(lambda sent=sent: (page.wait_for_timeout(20), len(held) == sent)[1])
        assert history(visit) == history(visit)[: sent - 1]  # none overtakes another
        held[-1].continue_()
    until(lambda: (page.wait_for_timeout(20), len(history(visit)) == 2 and "Undo" not in visit.status)[1])
    assert [json.loads(route.request.post_data).get("say") for route in held] == [None, None, None, "undo"]
    page.locator("#tool").get_by_text("Window").click()


def test_the_brush_paints_where_it_is_drawn(visit):
    page, first = visit.page, pixels(visit)
    page.get_by_role("button", name="Correct finding 1").click()
    page.locator("#tool").get_by_text("Brush").click()
    box = page.locator(".pane canvas").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 4
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y, steps=4)
    page.mouse.up()
    until(lambda: len(history(visit)) == 1)
    assert "painted by hand" in history(visit)[0] and pixels(visit) > first
    page.locator("#tool").get_by_text("Window").click()
