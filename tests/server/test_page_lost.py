"""The page where answers are lost, and where it is loaded anew while the server works: one job, found again."""

import gzip

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from browser import browser, context, visiting
from serving import EXAMPLES, until

pytest.importorskip("playwright")
BREAST = EXAMPLES / "breast_case012.png"
WORDS = "hypoechoic mass"


@pytest.fixture(scope="module")
def window():
    with browser() as driven, context(driven) as page:
        yield page


@pytest.fixture
def visit(window, ordinary):
    with visiting(window, f"http://127.0.0.1:{ordinary.port}/") as visit:
        yield visit
        visit.complaints.clear()  # the browser logs what was lost


@pytest.fixture(scope="module")
def volume(tmp_path_factory):
    """A picture as 24 slices."""
    picture = np.asarray(Image.open(BREAST).convert("L").resize((96, 96))).astype(np.int16)
    path = tmp_path_factory.mktemp("volume") / "Zaphod.nii.gz"
    path.write_bytes(gzip.compress(nib.Nifti1Image(np.repeat(picture.T[..., None], 24, axis=2), np.eye(4)).to_bytes()))
    return path


def ask_all(visit, volume):
    visit.open(volume)
    visit.page.get_by_text("All slices").click()
    visit.ask(WORDS)


def jobs_of(visit, ordinary):
    image = visit.page.evaluate("async () => (await import('./state.js')).state.image.id")
    return ordinary.get(f"/v1/images/{image}").json["jobs"]


@pytest.mark.parametrize("loss", ["no answer", "a proxy's 502", "busy"])
def test_a_poll_that_is_lost_is_made_again_and_the_job_is_not(visit, ordinary, volume, loss):
    lost = []

    def lose(route):
        lost.append(route)
        if len(lost) > 5:
            route.continue_()
        elif loss == "no answer":
            route.abort()
        else:
            route.fulfill(status=502 if "proxy" in loss else 429, body="<html>")

    visit.page.route("**/v1/jobs/*", lose)
    ask_all(visit, volume)
    visit.page.get_by_text("The server does not answer; asking again").wait_for()
    visit.answers("found")
    assert len(jobs_of(visit, ordinary)) == 1
    assert sum(request.endswith("/segment") for request in visit.requests) == 1


def test_a_job_that_is_gone_is_given_up(visit, volume):
    gone = '{"error": {"code": "gone", "message": "the job was done"}}'
    visit.page.route("**/v1/jobs/*", lambda route: route.fulfill(status=410, body=gone))
    ask_all(visit, volume)
    visit.answers("failed")
    assert "the job was done" in visit.page.locator(".finding .answer").inner_text()


def test_what_is_cancelled_while_nothing_answers_is_waited_for_no_more(visit, volume):
    visit.page.route("**/v1/jobs/*", lambda route: route.abort())
    ask_all(visit, volume)
    visit.page.get_by_text("The server does not answer; asking again").wait_for()
    visit.page.get_by_role("button", name="Cancel finding 1").click()
    visit.answers("failed")


def test_a_question_whose_answer_was_lost_is_one_job_however_often_it_is_sent(visit, ordinary, volume):
    sent = []

    def lose(route):
        route.fetch()  # the server gets it
        sent.append(route)
        route.abort()

    visit.page.route("**/segment", lose)
    ask_all(visit, volume)
    visit.answers("failed")
    assert len(sent) > 1
    visit.page.unroute("**/segment")
    visit.page.get_by_role("button", name="Ask again: finding 1").click()
    visit.answers("found")
    assert len(jobs_of(visit, ordinary)) == 1


@pytest.mark.parametrize("when", ["at work", "done"])
def test_jobs_are_found_again_when_the_page_is_loaded_anew(visit, ordinary, volume, when):
    ask_all(visit, volume)
    visit.page.get_by_role("progressbar", name="Progress of finding 1").wait_for()
    if when == "done":
        visit.answers("found")
    before = jobs_of(visit, ordinary)
    visit.page.reload()
    visit.answers("found")
    assert jobs_of(visit, ordinary) == before and len(before) == 1
    assert "in 24 slices" in visit.page.locator(".finding .answer").inner_text()
    until(lambda: visit.colours() > 0)
    assert WORDS not in visit.page.locator(".finding").inner_text(), "the words are kept nowhere"
    assert visit.page.evaluate("() => JSON.stringify(history.state)").count(":") == 1  # the image's id


def test_the_line_of_the_status_does_not_go_on_looking(visit, ordinary):
    """Whatever becomes of a question, the line says it."""
    visit.open(BREAST)
    for status, code in ((422, "unusable"), (404, "no_such_image"), (500, "fault"), (410, "gone")):
        body = f'{{"error": {{"code": "{code}", "message": "for a reason"}}}}'
        visit.page.route("**/segment", _refusing(status, body))
        visit.ask(WORDS)
        visit.page.wait_for_function("() => document.querySelector('#status').textContent.includes('for a reason')")
        visit.page.unroute("**/segment")
    assert "Looking" not in visit.status


def _refusing(status, body):
    return lambda route: route.fulfill(status=status, body=body)


def test_an_image_without_jobs_is_let_go_and_not_looked_for(visit):
    visit.open(BREAST)
    visit.page.reload()
    visit.page.wait_for_function("() => document.documentElement.dataset.theme")
    visit.page.get_by_role("button", name="Choose files").wait_for()
    assert visit.page.locator(".finding").count() == 0
