"""The page without a server, in a real browser that reaches nothing else: it finds what Python finds."""

import base64
import contextlib
import io
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from browser import browser, context, visiting
from components import web_runtime
from lexseg import Segmenter
from lexseg.export.web import export_web
from lexseg.language.report_reading import read_report
from lexseg.outputs.wording import for_clients
from lexseg.predict.answered import AS_NEGATIVE, SEVERAL, TURNED, WITHOUT_FRAME
from lexseg.predict.panels import CUT
from lexseg.scans.open import open_scan
from pictures_made import dicom_files, pictures
from static_site import sent

pytest.importorskip("playwright")
pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
EXAMPLES = Path(__import__("lexseg").__file__).parent / "assets" / "examples" / "images"
QUESTIONS = json.loads((HERE / "page_questions.json").read_text(encoding="utf-8"))
FILM = EXAMPLES / "cxr_00003528.png"
RIGHT = "opacity in the right lung"
NEAR = 0.01  # of the threshold: where pixels of a mask may differ
ASK = """async ([sentence, more]) => {
  const { send } = await import("./backend.js");
  const { state } = await import("./state.js");
  const json = { sentences: [sentence], frame: 0, ...more };
  const { results: [result] } = await (await send("POST", `v1/images/${state.image.id}/segment`, { json })).json();
  const png = new Uint8Array(await (await send("GET", result.links.mask)).arrayBuffer());
  return { ...result, png: Array.from(png) };
}"""
READ = """async (text) => {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const [dicom, pictures, shade] = await Promise.all(
    ["./dicom.js", "./pictures.js", "./shade.js"].map((name) => import(name)));
  try {
    const read = await (dicom.isDicom(bytes) ? dicom.readDicom(bytes) : pictures.readPicture(bytes));
    const { values, padding, windows, ...told } = read;
    const shown = windows?.length ? Array.from(shade.shaded(values, windows[0])) : null;
    return { ...told, values: Array.from(values), padding: padding && Array.from(padding), shown };
  } catch (error) {
    return { refused: error.message };
  }
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    output = tmp_path_factory.mktemp("web") / "page"
    export_web("default", output, runtime=web_runtime())
    return output


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
def test_its_python_is_compiled_ahead(folder):
    for path, module in (
        ("rules.zip", "lexseg/export/in_browser"),
        ("runtime/pyodide/python_stdlib.zip", "json/decoder"),
    ):
        with zipfile.ZipFile(folder / path) as archive:
            names = archive.namelist()
            assert f"{module}.pyc" in names and f"{module}.py" not in names and archive.testzip() is None
    assert "compiled ahead" in (folder / "README.md").read_text()


@pytest.fixture(scope="module")
def chromium():
    with browser() as driven:
        yield driven


@pytest.fixture(scope="module")
def window(chromium):
    with context(chromium) as page:
        page.set_default_timeout(180_000)
        yield page


@pytest.fixture(scope="module")
def visit(window, folder):
    with sent(folder) as address, visiting(window, address) as visit:
        yield visit


@pytest.fixture(scope="module")
def own():
    return Segmenter.from_pretrained("default", device="cpu")


def differing(mask, answer):
    """How far from the threshold the pixels lie that two masks differ in."""
    return float(np.abs(answer.probability - answer.threshold)[mask != answer.mask].max(initial=0))


@pytest.mark.parametrize(
    ("is_sent", "told"),
    [(True, "is missing; copy the folder again"), (False, "the server that sends this page is not reached")],
)
def test_a_folder_that_nobody_sends_any_more_is_not_told_as_a_broken_one(chromium, folder, is_sent, told):
    with sent(folder) as address, context(chromium) as page:
        page.route("**/model/**", lambda route: route.abort())
        page.route("**/rules.json", lambda r: r.continue_() if is_sent or r.request.method == "GET" else r.abort())
        page.goto(address)
        with page.expect_file_chooser() as chooser:
            page.locator("#choose").click()
        chooser.value.set_files(str(FILM))
        page.locator("#busy").wait_for(state="hidden")
        page.get_by_label("What should be found?").fill(RIGHT)
        page.keyboard.press("Enter")
        page.locator(".finding[data-state=failed]").wait_for()
        assert told in page.get_by_role("status").inner_text().lower()


def test_a_film_a_sentence_and_its_mask_saved(visit, own):
    page = visit.page
    assert "stays on this computer" in page.locator("#where").inner_text()
    visit.open(FILM)
    assert visit.status.startswith("Opened: cxr_00003528.png. 320 \u00d7 320")
    before = len(visit.requests)
    visit.ask(RIGHT)
    visit.answers("found", timeout=180_000)
    assert not any("text_encoder" in request for request in visit.requests)  # what is understood needs none
    answer = own.set_image(FILM).segment(RIGHT)
    assert visit.colours((0.5, 0, 1, 1)) > 3000
    # on the other side as little as there is
    assert (visit.colours((0, 0, 0.5, 1)) > 0) == answer.mask[:, : answer.mask.shape[1] // 2].any()
    assert visit.colours((0, 0, 0.5, 1)) < visit.colours((0.5, 0, 1, 1)) / 20
    page.get_by_role("button", name="Save finding 1").click()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Mask", exact=True).click()
    mask = np.asarray(Image.open(saved.value.path()))
    assert saved.value.suggested_filename.endswith("_1_mask.png")
    assert set(np.unique(mask)) == {0, 255}
    assert differing(mask > 0, answer) < NEAR
    visit.ask("no infection")
    visit.answers("found", "negated")
    # what asks a server has no place here, and nothing was asked of one
    assert not page.get_by_role("button", name="Correct finding 1").is_visible()
    for name in ("Brush", "Eraser", "Add", "Take away", "Target", "Beside"):
        tool = page.locator("#tool").get_by_text(name, exact=True)
        assert tool.count() == 1 and not tool.is_visible(), name
    # the folder's own model, rules and runtime may still be on their way; nothing is sent or asked for beside them
    own_files = (f"GET {visit.origin.rstrip('/')}/{part}" for part in ("model/", "rules.zip", "runtime/"))
    held = ("GET blob:", *own_files)
    assert [request for request in visit.requests[before:] if not request.startswith(held)] == []
    page.get_by_role("button", name="Remove all").click()


def test_its_help_tells_of_no_keys_that_do_nothing_here(visit):
    page = visit.page
    page.get_by_role("button", name="Keyboard shortcuts and help").click()
    told = page.locator("#help-dialog").inner_text() + page.locator("#view-keys").text_content()
    assert "write a sentence" in told and "move the picture" in told and "wheel zooms;" in told
    told = told.lower()
    assert [word for word in ("brush", "scribble", "click or", "slice", "page", "home", "ctrl") if word in told] == []
    page.get_by_role("button", name="Close").click()


def agree(said, answer, sentence):
    """The page says what Python says."""
    assert said["state"] == answer.state, sentence
    assert said["explanation"] == (answer.outside and answer.outside.why), sentence
    if answer.presence is None:
        assert said["presence"] is None, sentence
    else:
        assert said["presence"] == pytest.approx(answer.presence, abs=3e-4), sentence
    mask = np.asarray(Image.open(io.BytesIO(bytes(said["png"])))) > 0
    assert differing(mask, answer) < NEAR, sentence
    assert (said["area"]["px"] > 0) == answer.found, sentence
    if not (mask != answer.mask).any():
        told = answer.describe()
        assert (said["area"], said["box"], said["n_components"]) == (
            told["area"], told["box"], told["n_components"]
        ), sentence  # fmt: skip


def test_every_question_is_answered_as_python_answers_it(visit, own):
    sessions = {}
    for question in QUESTIONS:
        name, sentence = question["image"], question["sentence"]
        more = {key: value for key, value in question.items() if key not in ("image", "sentence")}
        if name not in sessions:
            sessions[name] = own.set_image(EXAMPLES / name)
            visit.open(EXAMPLES / name)
        said = visit.page.evaluate(ASK, [sentence, more])
        answer = sessions[name].segment(sentence, **more)
        agree(said, answer, sentence)


def test_a_badly_exposed_film_is_stretched_as_python_stretches_it(visit, own, tmp_path):
    dark = tmp_path / "dark.png"
    Image.fromarray((50 + np.asarray(Image.open(FILM).convert("L")) * 0.2).astype(np.uint8)).save(dark)
    visit.open(dark)
    said, answer = visit.page.evaluate(ASK, [RIGHT, {}]), own.set_image(dark).segment(RIGHT)
    agree(said, answer, RIGHT)
    assert answer.found


def test_a_film_in_a_frame_is_looked_at_again_as_python_looks_at_it(visit, own, tmp_path):
    film = np.asarray(Image.open(FILM).convert("L"))
    bluish = np.stack([film * share for share in (0.8, 0.9, 1)], -1)
    page = tmp_path / "page.png"
    Image.fromarray(np.pad(bluish, ((90, 40), (60, 30), (0, 0)), constant_values=255).astype(np.uint8)).save(page)
    session = own.set_image(page)
    assert session.inside == (slice(90, 90 + len(film)), slice(60, 60 + film.shape[1]))
    visit.open(page)
    said, answer = visit.page.evaluate(ASK, [RIGHT, {}]), session.segment(RIGHT)
    agree(said, answer, RIGHT)
    assert answer.found and WITHOUT_FRAME in answer.doubts and for_clients(WITHOUT_FRAME) in said["warnings"]


def test_a_negative_is_looked_at_as_python_looks_at_it(visit, own, tmp_path):
    negative = tmp_path / "negative.png"
    Image.fromarray(255 - np.asarray(Image.open(FILM).convert("L"))).save(negative)
    visit.open(negative)
    said, answer = visit.page.evaluate(ASK, [RIGHT, {}]), own.set_image(negative).segment(RIGHT)
    agree(said, answer, RIGHT)
    assert answer.found and AS_NEGATIVE in answer.doubts and for_clients(AS_NEGATIVE) in said["warnings"]


def test_a_film_on_its_side_is_told_as_python_tells_it(visit, own, tmp_path):
    turned = tmp_path / "turned.png"
    Image.open(FILM).transpose(Image.Transpose.ROTATE_90).save(turned)
    visit.open(turned)
    said, answer = visit.page.evaluate(ASK, [RIGHT, {}]), own.set_image(turned).segment(RIGHT)
    agree(said, answer, RIGHT)
    assert TURNED in answer.doubts and for_clients(TURNED) in said["warnings"]


@pytest.mark.parametrize("gap", [0, 8])
def test_films_beside_one_another_are_told_as_python_tells_it(visit, own, tmp_path, gap):
    film, other = (np.asarray(Image.open(path).convert("L")) for path in (FILM, FILM.with_name("cxr_00001680.png")))
    several = tmp_path / "several.png"
    Image.fromarray(np.concatenate([film, np.zeros((len(film), gap), np.uint8), other], 1)).save(several)
    visit.open(several)
    said, answer = visit.page.evaluate(ASK, [RIGHT, {}]), own.set_image(several).segment(RIGHT)
    agree(said, answer, RIGHT)
    assert said["warnings"] == [for_clients(doubt) for doubt in answer.doubts]
    assert answer.doubts[0] in (CUT, SEVERAL) and (gap == 0 or CUT in answer.doubts)


def test_a_film_beside_a_sonogram_is_cut_as_python_cuts_it(visit, own, tmp_path):
    film, sonogram = (
        np.asarray(Image.open(path).convert("L").resize((320, 320))) for path in (FILM, EXAMPLES / "breast_case012.png")
    )
    several, page = tmp_path / "kinds.png", np.full((360, 700), 255, np.uint8)
    page[20:340, 10:330], page[20:340, 360:680] = film, sonogram
    Image.fromarray(page).save(several)
    visit.open(several)
    session = own.set_image(several)
    assert [panel.session.world for panel in session.panels] == ["chest", "breast"]
    for sentence in (RIGHT, "breast tumour", "polyp", "no opacity"):
        said, answer = visit.page.evaluate(ASK, [sentence, {}]), session.segment(sentence)
        agree(said, answer, sentence)
        assert said["warnings"] == [for_clients(doubt) for doubt in answer.doubts]


def test_a_report(visit):
    report = "HISTORY: cough.\nFINDINGS: No effusion. Opacity in the right lower zone.\nIMPRESSION: No polyp."
    page = visit.page
    visit.open(FILM)
    page.get_by_role("tab", name="Report").click()
    page.locator("#sentence").fill(report)
    page.get_by_role("button", name="Find all it names").click()
    found = read_report(report)
    assert [each.negated for each in found] == [True, False, True]
    page.wait_for_function("() => document.querySelectorAll('.finding').length === 3")
    states = page.locator(".finding").evaluate_all("(all) => all.map((each) => each.dataset.state)")
    assert [states[0], states[2]] == ["negated", "negated"] and states[1] in ("found", "not found")
    assert "Opacity in the right lower zone" in page.locator(".finding").nth(1).inner_text()
    page.get_by_role("tab", name="Sentence").click()
    page.get_by_role("button", name="Remove all").click()


def test_words_become_the_ids_that_python_reads(visit, own):
    words = [each["sentence"] for each in QUESTIONS]
    words += [
        "Op\u00e4zit\u00e9 \u80ba na\u00efve 3.5 cm; don't (LLL) e.g. x/y \U0001f642",
        "tab\tand  blanks ",
        "\u00df",
        "a" * 300,
    ]
    said = visit.page.evaluate(
        """async (words) => {
          const { Tokenizer } = await import("./runtime/tokenizers.js");
          const tokenizer = new Tokenizer(await (await fetch("model/tokenizer.json")).json(), {});
          return words.map((each) => tokenizer.encode(each, { add_special_tokens: true }).ids.map(Number));
        }""",
        words,
    )
    assert said == [own.text_encoder.token_ids(each) for each in words]


def test_files_of_every_kind_are_the_values_that_python_reads(visit, tmp_path):
    made = pictures(tmp_path) + dicom_files(tmp_path)
    assert len(made) > 30
    for path in made:
        said = visit.page.evaluate(READ, base64.b64encode(path.read_bytes()).decode())
        assert "refused" not in said, (path.name, said)
        # what was packed without loss holds the values of the file that it was made of
        whole = path.suffix == ".dcm" and "baseline" not in path.name
        scan = open_scan(path.with_name(path.stem.split("-")[0] + path.suffix) if whole else path)
        frame = scan.source.frame(0)
        assert said["color"] == scan.color, path.name
        assert np.array_equal(np.reshape(said["values"], frame.values.shape), frame.values), path.name
        if path.suffix != ".dcm":
            continue
        assert said["inverted"] == scan.inverted and said["modality"] == scan.modality, path.name
        if not scan.color:
            shade = scan.windows[0].shade(frame.values)
            assert np.abs(np.reshape(said["shown"], shade.shape) - shade).max() < 1e-6, path.name
            padding = (
                np.zeros(shade.shape, bool) if said["padding"] is None else np.reshape(said["padding"], shade.shape)
            )
            assert np.array_equal(padding, np.zeros(shade.shape, bool) if frame.padding is None else frame.padding)
        if "-" not in path.name:  # packing may add a word of its own
            assert said["spacing"] == (scan.spacing and list(scan.spacing)), path.name
            assert said["patient_left"] == scan.patient_left, path.name
            assert said["notes"] == list(scan.notes), path.name


def test_what_cannot_be_opened_says_why(visit, tmp_path):
    (file,) = [path for path in dicom_files(tmp_path) if path.name == "plain.dcm"]
    whole, film = file.read_bytes(), FILM.read_bytes()
    visit.open(FILM)
    for content, words in (
        (film[:5000], "damaged, cut short"),
        (film[:40] + b"\0" * 4000, "damaged, cut short"),
        (whole[:-900], "cut short"),
        (whole[:700], "cut short"),
        (b"RIFF some sound", "not an image that this page opens"),
        (b"", "the file is empty"),
    ):
        path = tmp_path / "broken"
        path.write_bytes(content)
        visit.open(path)
        visit.page.wait_for_function("() => !document.querySelector('#alert').hidden")
        told = visit.page.locator("#alert").inner_text()
        assert "Not opened: broken." in told and words.lower() in told.lower(), (words, told)
        visit.page.get_by_role("button", name="Dismiss").click()
    # what was open before is still there
    assert visit.page.locator("#case-name").inner_text() == FILM.name


def test_neither_the_page_nor_its_worker_reaches_another_address(visit, tmp_path):
    tries = """(address) => fetch(address, { mode: "no-cors" }).then(() => "reached", () => "refused")"""
    (tmp_path / "index.html").write_text("elsewhere")
    heard = len(visit.complaints)
    with sent(tmp_path) as elsewhere:
        assert visit.page.evaluate(tries, elsewhere) == "refused"
        (worker,) = visit.page.workers
        assert worker.evaluate(tries, elsewhere) == "refused"
    # the browser tells the console of what it has kept in, and Playwright of what was asked
    assert all("Content Security Policy" in each for each in visit.complaints[heard:])
    del visit.complaints[heard:]
    visit.requests[:] = [request for request in visit.requests if not request.endswith(f" {elsewhere}")]


@contextlib.contextmanager
def seen(chromium, address, prepare=lambda page: None):
    with context(chromium) as page:
        prepare(page)
        page.goto(address)
        yield page


def test_a_browser_that_lacks_something_says_what(chromium, folder):
    alert = "() => !document.querySelector('#alert').hidden"
    with sent(folder) as address:
        old = "WebAssembly.validate = () => false"
        with seen(chromium, address, lambda page: page.add_init_script(old)) as page:
            page.wait_for_function(alert)
            assert "SIMD" in page.locator("#alert").inner_text()
        older = "delete window.WebAssembly"
        with seen(chromium, address, lambda page: page.add_init_script(older)) as page:
            page.wait_for_function(alert)
            assert "no WebAssembly" in page.locator("#alert").inner_text()
    with seen(chromium, (folder / "index.html").as_uri()) as page:
        page.wait_for_function(alert)
        assert "python -m http.server" in page.locator("#alert").inner_text()


def test_a_damaged_folder_says_which_file(chromium, folder):
    def cut(route):
        content = (folder / "model" / "decoder.onnx").read_bytes()
        route.fulfill(body=content[:-1000], content_type="application/octet-stream")

    def damaged(page):
        page.route("**/decoder.onnx", cut)

    with sent(folder) as address, seen(chromium, address, damaged) as page:
        page.locator("#files").set_input_files(str(FILM))
        page.wait_for_function("() => document.querySelector('#case-name').textContent !== ''")
        page.locator("#sentence").fill("infection")
        page.keyboard.press("Enter")
        page.wait_for_function("() => document.querySelector('.finding')?.dataset.state === 'failed'", timeout=180_000)
        assert "model/decoder.onnx is damaged" in page.locator(".finding .answer").inner_text().lower()
