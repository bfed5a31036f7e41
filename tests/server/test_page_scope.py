"""The page says what is not in scope in words, and looks anyway where it is told to: by keyboard as well."""

import numpy as np
import pytest
from PIL import Image

import fakes
from browser import browser, context, visiting
from serving import site

pytest.importorskip("playwright")


@pytest.fixture
def visit(scoped):
    with (
        site(scoped) as server,
        browser() as driven,
        context(driven) as page,
        visiting(page, f"http://127.0.0.1:{server.port}/") as visit,
    ):
        yield visit


@pytest.fixture
def film(tmp_path):
    path = tmp_path / "film.png"
    Image.fromarray((fakes.picture() * 255).astype(np.uint8)).save(path)
    return path


def test_it_is_said_in_words_and_nothing_is_painted(visit, film):
    visit.open(film)
    visit.ask("zzz")
    visit.answers("not in scope")
    told = visit.page.locator(".finding .answer").inner_text()
    assert told == "Not in scope: the words name nothing that the model has learnt to find"
    assert visit.status.startswith("Finding 1: not in scope; the words name nothing") and visit.colours() == 0
    assert visit.page.get_by_role("button", name="Show finding 1").count() == 0


def test_it_is_looked_for_anyway_by_keyboard_and_marked(visit, film):
    visit.open(film)
    visit.ask("zzz")
    visit.answers("not in scope")
    visit.page.get_by_role("button", name="Look anyway: finding 1").focus()
    visit.page.keyboard.press("Enter")
    visit.answers("found")
    assert "Asked anyway, and not in scope: the words name nothing" in visit.page.locator(".finding").inner_text()
    assert "Asked anyway, and not in scope" in visit.status and visit.colours() > 0
    # the button has gone, and the focus with it nowhere else than to the sentence
    assert visit.page.get_by_role("button", name="Look anyway: finding 1").count() == 0
    assert "words" in visit.page.evaluate("() => document.activeElement.className")


def test_what_is_in_scope_offers_no_such_button(visit, film):
    visit.open(film)
    visit.ask("left lung\nright lung\nno lung")
    visit.answers("found", "not found", "negated")
    assert visit.page.get_by_role("button", name="Look anyway").count() == 0
