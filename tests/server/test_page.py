"""The web page, used as people use it: by clicking and typing in a real browser, on a real server and real images."""

import base64
import hashlib
import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image

from browser import browser, context, visiting
from lexseg.scans.open import open_scan
from serving import site, until

pytest.importorskip("playwright")

EXAMPLES = Path(__import__("lexseg").__file__).parent / "assets" / "examples" / "images"
FILM, BREAST = EXAMPLES / "cxr_00027426_000.png", EXAMPLES / "breast_case012.png"
SHA8 = hashlib.sha256(FILM.read_bytes()).hexdigest()[:8]
QUOTE, TIMES, DASH = "\u2019", "\u00d7", "\u2013"
RIGHT = "unilateral pulmonary infection, one infected area, middle right lung."
LEFT = "unilateral pulmonary infection, one infected area, middle left lung."


@pytest.fixture(scope="module")
def chromium():
    with browser() as driven:
        yield driven


@pytest.fixture(scope="module")
def window(chromium):
    with context(chromium) as page:
        yield page


@pytest.fixture
def visit(window, ordinary):
    with visiting(window, f"http://127.0.0.1:{ordinary.port}/") as visit:
        yield visit


def test_a_sentence_a_negation_and_the_side_that_has_nothing(visit, bundled):
    page = visit.page
    visit.keep("open")
    visit.open(FILM)
    assert visit.status.startswith("Opened: cxr_00027426_000.png")
    before = len(visit.requests)
    visit.ask(RIGHT)
    visit.answers("found")
    own = bundled.set_image(FILM).segment(RIGHT).mask
    assert f"{int(own.sum()):,} px" in page.locator(".finding .answer").inner_text()
    assert visit.status.startswith("Finding 1: found at the right of the picture")
    assert visit.colours((0.5, 0, 1, 1)) > 5000
    assert visit.colours((0, 0, 0.5, 1)) == 0
    page.get_by_label("What should be found?").type("bilateral pulmonary infection")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("no infection")
    page.keyboard.press("Enter")
    visit.answers("found", "found", "negated")
    assert "the words say that it is not there" in page.locator(".finding").nth(2).inner_text()
    # nothing but the questions went to the server: the picture was not fetched again
    assert [r.split("/")[-1] for r in visit.requests[before:]] == ["segment", "segment"]
    assert not any("infection" in request or "lung" in request for request in visit.requests)
    visit.keep("found")


def test_words_in_another_language(visit):
    page = visit.page
    visit.open(FILM)
    sent = []
    page.on("request", lambda request: request.url.endswith("/segment") and sent.append(json.loads(request.post_data)))
    page.get_by_role("button", name="Options").click()
    language = page.get_by_label("Language of the words")
    assert {"English", "German"} <= set(language.locator("option").all_text_contents())
    language.select_option(label="German")
    visit.ask("kein Infiltrat")
    visit.answers("negated")
    page.get_by_role("button", name="Edit finding 1").click()
    page.get_by_label("Other words").fill("keine Infektion")
    page.keyboard.press("Enter")
    visit.answers("negated")
    assert [body.get("language") for body in sent] == ["de", "de"]


def test_words_of_another_language_are_asked_in_it_at_a_click(visit):
    page = visit.page
    visit.open(FILM)
    sent = []
    page.on("request", lambda request: request.url.endswith("/segment") and sent.append(json.loads(request.post_data)))
    visit.ask("bilateral pulmonary infection")
    visit.answers("found")
    assert page.get_by_role("button", name="Ask in").count() == 0
    visit.ask("Infiltrat im linken Unterlappen")
    page.get_by_role("button", name="Ask in German").click()
    page.wait_for_function("() => !document.querySelector('.tongue:not([hidden]), .finding[data-state=pending]')")
    assert [body.get("language") for body in sent] == [None, None, "de"]
    assert "does not look English" not in page.locator(".finding").nth(1).inner_text()
    assert page.locator(".whose:visible").count() == 1  # a side is named, as German names it


def test_a_question_is_shown_as_pending_at_once(visit):
    page = visit.page
    visit.open(BREAST)
    held = []
    page.route("**/segment", lambda route: held.append(route))
    visit.ask("oval mass")
    visit.answers("pending")
    assert "Looking" in page.locator(".finding").inner_text()
    assert "Looking for" in visit.status
    page.wait_for_function("() => true")
    held[0].continue_()
    visit.answers("found")


def test_each_doubt_stands_by_itself_and_is_said(visit):
    visit.open(BREAST)
    visit.ask("Is there no maligannt tumor?")
    visit.answers("found")
    doubts = visit.page.locator(".warning li").all_inner_texts()
    assert len(doubts) > 1 and any("misspelt" in each for each in doubts)
    assert all(each in visit.status for each in doubts)


DROPS = """([data, words]) => {
  const carried = new DataTransfer();
  if (data) {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    carried.items.add(new File([bytes], "image.png", { type: "image/png" }));
  }
  if (words) carried.setData("text/plain", words);
  const [page, line] = [document.body, document.querySelector("#sentence")];
  const takes = (element, event) => (element.dispatchEvent(event), event.defaultPrevented);
  const told = { bubbles: true, cancelable: true };
  const paste = (where) => takes(where, new ClipboardEvent("paste", { ...told, clipboardData: carried }));
  const drop = (where) => takes(where, new DragEvent("drop", { ...told, dataTransfer: carried }));
  return data ? [paste(line), !words && paste(page)] : [drop(page), drop(line)];
}"""


def test_a_copied_picture_is_pasted_and_a_link_is_not_followed(visit):
    page, picture = visit.page, base64.b64encode(BREAST.read_bytes()).decode()
    # words that were copied with a picture of them go into the line; a link that is dropped leads nowhere
    assert page.evaluate(DROPS, [picture, "opacity"]) == [False, False]
    assert page.evaluate(DROPS, ["", "https://example.org/film.png"]) == [True, False]
    assert page.evaluate(DROPS, [picture, ""]) == [True, True]
    page.locator("#case-name", has_text="image.png").wait_for()
    page.wait_for_function("() => document.querySelector('#busy').hidden")
    visit.ask("breast mass")
    visit.answers("found")


def test_editing_a_sentence_compares_the_two_masks_side_by_side(visit):
    page = visit.page
    visit.open(FILM)
    visit.ask("bilateral pulmonary infection")
    visit.answers("found")
    page.get_by_role("button", name="Edit finding 1").click()
    page.get_by_label("Other words").fill(RIGHT)
    page.keyboard.press("Enter")
    visit.answers("found")
    page.get_by_text("are the same place").wait_for()
    assert page.locator(".pane:visible").count() == 2
    assert page.locator(".pane-words").all_inner_texts() == ["bilateral pulmonary infection", RIGHT]
    a, b = visit.colours(pane="a"), visit.colours(pane="b")
    assert a > 0 and b > 2 * a
    # one is zoomed, both are
    page.locator("#view-a").hover()
    page.mouse.wheel(0, -120)
    assert visit.colours(pane="a") > 1.3 * a and visit.colours(pane="b") > 1.3 * b
    page.get_by_role("button", name="Fit").click()
    page.emulate_media(color_scheme="dark")
    visit.keep("compare")
    page.keyboard.press("Escape")
    assert page.locator(".pane:visible").count() == 1


def test_not_found_is_said_with_its_probability(visit):
    visit.open(BREAST)
    visit.ask("infection in the left lung")
    visit.answers("not found")
    assert "Not found: probability 0." in visit.page.locator(".finding").inner_text()
    assert "not found" in visit.status
    assert visit.colours() == 0


def test_a_report_gives_a_mask_for_each_finding(visit):
    report = (
        "HISTORY: cough for \U0001d7d1 days.\n"  # a letter of two units in UTF-16
        "FINDINGS: Opacity in the right middle zone.\nInfection in the left lower zone. No pleural effusion.\n"
    )
    visit.open(FILM)
    visit.page.get_by_role("tab", name="Report").click()
    visit.page.get_by_label(f"The report{QUOTE}s text").fill(report)
    visit.page.get_by_role("button", name="Find all it names").click()
    visit.page.wait_for_function("() => document.querySelectorAll('.finding').length === 3")
    words = [text.split(": ", 1)[1] for text in visit.page.locator(".words").all_text_contents()]
    assert [w.rstrip(".") for w in words] == [
        "Opacity in the right middle zone",
        "Infection in the left lower zone",
        "No pleural effusion",
    ]
    assert visit.page.locator(".finding").nth(2).get_attribute("data-state") == "negated"
    visit.keep("report")


def test_masks_are_saved_shown_coloured_and_removed(visit, bundled):
    page = visit.page
    visit.open(FILM)
    visit.ask(RIGHT)
    visit.answers("found")
    page.get_by_role("button", name="Save finding 1").click()
    kinds = page.get_by_role("group", name="Save finding 1 as")
    with page.expect_download() as download:
        kinds.get_by_role("button", name="Mask").click()
    mask = np.asarray(Image.open(download.value.path()))
    assert download.value.suggested_filename == f"cxr_00027426_000_{SHA8}_1_mask.png"
    assert ((mask > 0) == bundled.set_image(FILM).segment(RIGHT).mask).all()
    with page.expect_download() as download:
        kinds.get_by_role("button", name="JSON").click()
    said = json.loads(Path(download.value.path()).read_bytes())
    assert said["state"] == "found" and "infection" not in json.dumps(said)
    # what is painted is what the server's mask says, pixel by pixel
    assert (
        page.evaluate(
            """async ({ polygons, area }) => {
          const { overlap, pathOf, middle } = await import("./masks.js");
          const path = pathOf(polygons);
          const { a, shared } = overlap(path, path, 512, 512);
          return [a, shared, middle(polygons).area, area.px];
        }""",
            said,
        )
        == [said["area"]["px"]] * 4
    )
    painted = visit.colours()
    page.get_by_label("Opacity of the masks").fill("0")
    assert 0 < visit.colours() < painted / 2  # the outline stays
    page.get_by_role("button", name="Show finding 1").click()
    assert visit.colours() == 0
    page.get_by_role("button", name="Remove finding 1").click()
    assert page.locator(".finding").count() == 0


def test_the_pixel_size_can_be_given(visit):
    visit.open(FILM)
    visit.ask(RIGHT)
    visit.answers("found")
    visit.page.get_by_role("button", name="Set pixel size").click()
    visit.page.get_by_label("Between rows").fill("0.5")
    visit.page.get_by_role("button", name="Use it").click()
    visit.page.get_by_text("mm²").first.wait_for()
    area = visit.page.locator(".finding .answer").inner_text()
    mm2, pixels = (float(part.replace(",", "")) for part in (area.split()[1], area.split("(")[1].split()[0]))
    assert abs(mm2 - pixels / 4) <= 0.5


def test_a_dicom_series_with_its_window_slices_and_sides(visit, data_root):
    page = visit.page
    folder = data_root / "io_samples" / "dicom" / "torchio_series"
    scan = open_scan(folder)
    visit.open(*sorted(folder.glob("*.dcm")))
    frames, height, width = scan.shape
    assert f"{width} {TIMES} {height} {TIMES} {frames} slices" in page.locator("#case-facts").inner_text()
    slider = page.get_by_role("slider", name="Slice")
    for key, wanted in (("Home", 1), ("PageDown", 2), ("End", frames), ("PageUp", frames - 1)):
        page.locator("#view-a").press(key)
        assert slider.input_value() == str(wanted)
    page.locator("#view-a").hover()
    page.mouse.wheel(0, -100)
    assert slider.input_value() == str(frames - 3)
    sides = {"right": ["R", "L"], "left": ["L", "R"], None: ["", ""]}[scan.patient_left]
    assert page.locator("[data-pane=a] .side").all_text_contents() == sides
    visit.ask("infection")
    page.get_by_role("button", name="Save finding 1").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="DICOM SEG").click()
    segmentation = pydicom.dcmread(download.value.path())
    assert segmentation.Modality == "SEG"
    assert segmentation.FrameOfReferenceUID == pydicom.dcmread(next(folder.glob("*.dcm"))).FrameOfReferenceUID
    # a drag is followed at once, without asking the server
    page.wait_for_load_state("networkidle")  # neighbours are fetched ahead
    asked = len([r for r in visit.requests if "/frames/" in r])
    level, box = page.get_by_label("Window level"), page.locator("#view-a").bounding_box()
    before = float(level.input_value()), visit.page.locator("#view-a").screenshot()
    page.mouse.move(box["x"] + 300, box["y"] + 300)
    page.mouse.down()
    page.mouse.move(box["x"] + 340, box["y"] + 200, steps=4)
    page.mouse.up()
    assert float(level.input_value()) < before[0]
    assert page.locator("#view-a").screenshot() != before[1]
    assert len([r for r in visit.requests if "/frames/" in r]) == asked


def test_the_browser_windows_as_the_server_does(visit, data_root):
    films = data_root / "io_samples" / "dicom" / "highdicom"
    for path in (films / "ct_image.dcm", films / "dx_image.dcm", BREAST):  # one of them MONOCHROME1
        visit.open(path)
        painted = visit.page.evaluate(
            """async () => {
              const { state } = await import("./state.js");
              const { firstWindow, paint } = await import("./window.js");
              const { id, height, width, inverted } = state.image;
              const own = firstWindow(state.image);
              const shown = { width: 0.6 * own.width, level: own.level };
              const values = new Float32Array(await (await fetch(`v1/images/${id}/frames/0/values`)).arrayBuffer());
              const pixels = new Uint32Array(height * width);
              paint(values, shown, inverted, pixels);
              return { id, shown, shape: [height, width], grays: [...pixels].map((pixel) => pixel & 255) };
            }"""
        )
        asked = "width={width}&level={level}".format(**painted["shown"])
        png = visit.page.request.get(f"{visit.origin}v1/images/{painted['id']}/frames/0?{asked}").body()
        ours = np.asarray(painted["grays"]).reshape(painted["shape"])
        assert len(np.unique(ours)) > 20
        assert np.abs(ours - np.asarray(Image.open(BytesIO(png)).convert("L"), int)).max() <= 1


def test_which_of_several_series_is_asked(visit, data_root):
    folder = data_root / "io_samples" / "dicom"
    page = visit.page
    with page.expect_file_chooser() as chooser:
        page.locator("#choose").click()
    chooser.value.set_files([folder / "highdicom" / "ct_image.dcm", *sorted((folder / "torchio_series").glob("*.dcm"))])
    dialog = page.get_by_role("dialog", name="Which of them?")
    dialog.wait_for()
    options = dialog.get_by_role("option").all_text_contents()
    assert len(options) == 2 and any("17 images" in option for option in options)
    dialog.get_by_label("Image").select_option(index=["17 images" in option for option in options].index(True))
    dialog.get_by_role("button", name="Open it").click()
    page.wait_for_function("() => document.querySelector('#slice-text').textContent.endsWith('/ 17')")
    visit.complaints.clear()  # the browser logs the refusal


def test_a_whole_nifti_volume_with_progress_and_cancel(visit, data_root):
    page = visit.page
    visit.open(data_root / "io_samples" / "nifti" / "totalseg_example_ct_sm.nii.gz")
    assert page.locator("[data-pane=a] .side").all_text_contents() == ["R", "L"]
    assert page.get_by_label(f"patient{QUOTE}s left").is_checked()
    page.get_by_text("All slices").click()
    visit.ask("infection")
    page.get_by_role("progressbar", name="Progress of finding 1").wait_for()
    page.get_by_role("button", name="Cancel finding 1").click()
    visit.answers("failed")
    assert page.locator(".finding .answer").inner_text().startswith("Cancelled")
    page.get_by_text(f"From {DASH} to").click()
    page.get_by_label("First slice").fill("10")
    page.get_by_label("Last slice").fill("17")
    visit.ask("bilateral pulmonary infection")
    visit.answers("failed", "found")
    assert "ml (" in page.locator(".finding").nth(1).inner_text()
    page.get_by_title("Show this one").nth(1).click()
    until(lambda: visit.colours() > 0)
    page.locator("#view-a").press("Home")  # a slice that was not asked about
    until(lambda: visit.colours() == 0)


def test_whose_left_is_left_can_be_chosen(visit):
    visit.open(FILM)
    assert visit.page.get_by_label("left of picture").is_checked()
    visit.ask(LEFT)
    visit.answers("not found")
    visit.page.get_by_text(f"patient{QUOTE}s left").click()
    visit.ask(LEFT)
    visit.answers("not found", "found")  # the mass is at the right of the picture
    assert visit.colours((0.5, 0, 1, 1)) > 0


def test_whose_left_it_is_is_asked_where_nobody_says_it(visit, data_root):
    page = visit.page
    visit.open(FILM)
    visit.ask("bilateral pulmonary infection")
    visit.answers("found")
    asks = page.get_by_role("button", name=f"Take them as the patient{QUOTE}s")
    assert asks.count() == 0
    visit.ask(LEFT)
    visit.answers("found", "not found")
    page.locator(".whose:visible").wait_for()
    asks.click()
    visit.answers("found", "found")  # the mass is at the right of the picture
    assert page.get_by_label(f"patient{QUOTE}s left").is_checked()
    assert page.locator(".whose:visible").count() == 0
    visit.ask(RIGHT)
    visit.answers("found", "found", "not found")
    assert page.locator(".whose:visible").count() == 0
    visit.open(data_root / "io_samples" / "dicom" / "highdicom" / "ct_image.dcm")  # whose header says it
    visit.ask("infection in the left lung")
    page.wait_for_function("() => document.querySelector('.finding:not([data-state=pending])')")
    assert page.locator(".whose:visible").count() == 0


def test_a_file_that_is_no_image_is_refused_with_the_reason(visit):
    visit.page.evaluate(
        """() => {
          const transfer = new DataTransfer();
          transfer.items.add(new File(["these are words"], "letter.txt"));
          for (const type of ["dragenter", "dragover", "drop"]) {
            const how = { dataTransfer: transfer, bubbles: true, cancelable: true };
            document.body.dispatchEvent(new DragEvent(type, how));
          }
        }"""
    )
    alert = visit.page.get_by_role("alert")
    alert.wait_for()
    assert alert.inner_text().startswith("Not opened: letter.txt.") and len(alert.inner_text()) > 50
    assert visit.page.get_by_role("button", name="Choose files").is_visible()
    assert [c for c in visit.complaints if "422" not in c and "415" not in c] == []
    visit.complaints.clear()


def test_an_image_that_the_server_let_go_is_opened_again(visit):
    visit.open(FILM)
    uploaded = next(r for r in visit.requests if "/values" in r).split("/images/")[1].split("/")[0]
    visit.page.request.delete(f"{visit.origin}v1/images/{uploaded}")
    visit.ask(RIGHT)
    visit.answers("failed")
    visit.page.get_by_role("button", name="Open it again").click()
    visit.answers("found")
    visit.complaints.clear()


def test_the_server_forgets_the_image_when_the_page_is_left(visit, ordinary):
    visit.open(BREAST)
    image = visit.page.evaluate("async () => (await import('./state.js')).state.image.id")
    assert ordinary.get(f"/v1/images/{image}").status == 200
    visit.page.reload()
    until(lambda: ordinary.get(f"/v1/images/{image}").status == 404)


def test_a_token_is_asked_for_and_kept_in_memory_only(window, bundled):
    token = "a token made by chance"
    with site(bundled, token=token) as served, visiting(window, f"http://127.0.0.1:{served.port}/") as visit:
        dialog = visit.page.get_by_role("dialog", name="This server asks for a token")
        for given in ("not the right token", token):
            dialog.get_by_label("Token").fill(given)
            visit.page.keyboard.press("Enter")
            if given != token:
                visit.page.get_by_text(f"That token is not the server{QUOTE}s").wait_for()
        visit.open(BREAST)
        visit.ask("oval mass")
        visit.answers("found")
        visit.complaints.clear()  # the browser logs the refusals
        assert not any(token in request for request in visit.requests)
