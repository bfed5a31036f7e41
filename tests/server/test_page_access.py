"""The web page for everybody: by keyboard alone, for screen readers, in light and dark, on small screens."""

from pathlib import Path

import pytest

from browser import browser, context, visiting

pytest.importorskip("playwright")

FILM = Path(__import__("lexseg").__file__).parent / "assets" / "examples" / "images" / "cxr_00027426_000.png"
SENTENCE = "bilateral pulmonary infection"

CONTROLS = {
    "button",
    "textbox",
    "slider",
    "radio",
    "tab",
    "checkbox",
    "combobox",
    "spinbutton",
    "ColorWell",
    "application",
}
CONTRAST = (Path(__file__).parent / "page_contrast.js").read_text()
QUOTE = "\u2019"


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


def _focused(page) -> str:
    return page.evaluate(
        """() => {
          const e = document.activeElement;
          return e.getAttribute("aria-label") || e.innerText || e.id;
        }"""
    )


def _tab_to(page, name: str, most: int = 60) -> list[str]:
    """Press Tab until the element of that name has the focus; each on the way must show that it has it."""
    way = []
    for _ in range(most):
        page.keyboard.press("Tab")
        way.append(_focused(page))
        shown = page.evaluate(
            """() => {
              const e = document.activeElement;
              return [e, e.nextElementSibling, e.parentElement]
                .filter(Boolean)
                .map((one) => getComputedStyle(one))
                .some((style) => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2);
            }"""
        )
        assert shown, f"{way[-1]} does not show that it has the focus"
        if way[-1] == name:
            return way
    raise AssertionError(f"{name} is not reached: {way}")


def test_by_keyboard_alone(visit):
    page = visit.page
    _tab_to(page, "Choose files")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(str(FILM))
    page.wait_for_function("() => !document.body.classList.contains('closed')")
    page.keyboard.press("/")
    assert page.evaluate("() => document.activeElement.id") == "sentence"
    page.keyboard.type("a mass / at the right?")  # what is typed here are words, not shortcuts
    page.keyboard.press("Control+a")
    page.keyboard.type(SENTENCE)
    page.keyboard.press("Enter")
    visit.answers("found")
    painted = visit.colours()
    _tab_to(page, "Edit finding 1")
    page.keyboard.press("Enter")
    page.keyboard.type("infection in the middle right lung")
    page.keyboard.press("Enter")
    page.locator("#compare-facts").wait_for()
    assert _focused(page).endswith("infection in the middle right lung")  # the row it was edited in
    page.keyboard.press("Escape")
    assert page.locator(".pane:visible").count() == 1
    page.keyboard.press("v")
    assert visit.colours() == 0 < painted
    page.keyboard.press("v")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Shortcuts")
    dialog.get_by_label("Single letters work as shortcuts").press("Space")
    page.keyboard.press("Escape")
    page.keyboard.press("v")
    assert visit.colours() > 0  # letters are off
    page.locator("#view-a").focus()
    width = float(page.get_by_role("spinbutton", name="Window width").input_value())
    page.keyboard.press("Shift+ArrowLeft")
    assert float(page.get_by_role("spinbutton", name="Window width").input_value()) < width
    page.keyboard.press("r")
    assert float(page.get_by_role("spinbutton", name="Window width").input_value()) == width


def test_everything_has_a_name_and_a_place(visit):
    page = visit.page
    visit.open(FILM)
    visit.ask(f"{SENTENCE}\nno infection")
    visit.answers("found", "negated")
    page.get_by_role("button", name="Options").click()
    page.get_by_role("button", name="Save finding 1").click()
    tree = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    nodes = [(n["role"]["value"], n.get("name", {}).get("value", "")) for n in tree if not n["ignored"] and "role" in n]
    assert [role for role, name in nodes if role in CONTROLS and not name.strip()] == []
    assert len([role for role, _ in nodes if role in CONTROLS]) > 30
    roles = [role for role, _ in nodes]
    assert {"banner", "main", "contentinfo", "status", "toolbar", "tablist", "list"} <= set(roles)
    names = [name for role, name in nodes if role in ("button", "ColorWell")]
    assert len(names) == len(set(names)), "two buttons have the same name"
    assert page.get_by_role("heading", level=1).inner_text() == "LexSeg"
    assert page.get_by_role("status").get_attribute("aria-live") == "polite"
    assert page.locator("html").get_attribute("lang") == "en"
    assert "512 by 512 pixels" in page.locator("#view-a").get_attribute("aria-label")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(visit, scheme):
    page = visit.page
    page.emulate_media(color_scheme=scheme)
    first = page.evaluate(CONTRAST)
    visit.open(FILM)
    page.route("**/segment", lambda route: route.abort() if "broken" in route.request.post_data else route.continue_())
    visit.ask(f"{SENTENCE}\ninfection in the upper left lung\nno infection")
    visit.answers("found", "not found", "negated")
    visit.ask("broken")
    visit.answers("found", "not found", "negated", "failed")
    page.get_by_role("button", name="Options").click()
    page.get_by_role("button", name="Save finding 1").click()
    second = page.evaluate(CONTRAST)
    page.keyboard.press("?")
    third = page.evaluate(CONTRAST)
    assert page.evaluate("() => document.documentElement.dataset.theme") == scheme
    assert first["poor"] + second["poor"] + third["poor"] == []
    assert min(first["checked"], second["checked"], third["checked"]) > 15
    visit.complaints.clear()  # the request that was broken


def test_fits_a_desk_and_a_tablet(visit, chromium):
    visit.open(FILM)
    visit.ask(SENTENCE)
    visit.answers("found")
    for size in ((1024, 768), (1280, 800)):
        visit.page.set_viewport_size({"width": size[0], "height": size[1]})
        _fits(visit.page, size)
    size = (820, 1180)
    with (
        context(chromium, viewport={"width": size[0], "height": size[1]}, has_touch=True) as page,
        visiting(page, visit.origin) as tablet,
    ):
        tablet.open(FILM)
        tablet.ask(SENTENCE)
        tablet.answers("found")
        _fits(page, size)
        tablet.keep("tablet")


@pytest.mark.parametrize("size", [(390, 844), (844, 390), (640, 400)], ids=["phone", "phone on its side", "200 %"])
def test_where_there_is_no_room_all_is_reached_by_scrolling(visit, chromium, size):
    with (
        context(chromium, viewport={"width": size[0], "height": size[1]}, has_touch=True) as page,
        visiting(page, visit.origin) as phone,
    ):
        phone.open(FILM)
        assert page.evaluate("() => document.documentElement.scrollWidth") == size[0]
        page.get_by_label("What should be found?").tap()  # each tap is refused for what is out of reach, or covered
        page.keyboard.type(SENTENCE)
        page.get_by_role("button", name="Find it").tap()
        phone.answers("found")
        page.get_by_role("button", name="Save finding 1").tap()
        page.locator("#tool").get_by_text("Beside").tap()
        _none_cut(page)
        shown = page.evaluate("() => document.querySelector('#stage').clientHeight")
        assert shown >= 180


def _fits(page, size):
    assert page.locator("html").evaluate("(e) => [e.scrollWidth, e.scrollHeight]") == list(size)
    _none_cut(page)
    notice = page.get_by_role("note")
    assert notice.is_visible() and notice.inner_text() == "Research software. Not a medical device."


def _none_cut(page):
    cut = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, .notice, .segmented span")]
          .filter((e) => e.checkVisibility() && e.offsetParent && e.getBoundingClientRect().right > innerWidth + 1)
          .map((e) => e.id || e.textContent)"""
    )
    assert cut == []


def test_nothing_moves_where_motion_is_not_wanted(visit):
    visit.open(FILM)
    held = []
    visit.page.route("**/segment", lambda route: held.append(route))
    visit.ask(SENTENCE)
    visit.answers("pending")
    moves = "(e) => getComputedStyle(e).animationName"
    assert visit.page.locator(".pulse").evaluate(moves) == "pulse"
    visit.page.emulate_media(reduced_motion="reduce")
    assert visit.page.locator(".pulse").evaluate(moves) == "none"
    visit.page.emulate_media(reduced_motion="no-preference")
    held[0].continue_()
    visit.answers("found")


def test_speaks_of_side_and_place(visit):
    said = visit.page.evaluate(
        """async () => {
          const { placeWords } = await import("./words.js");
          const image = { width: 90, height: 90, patient_left: "right" };
          return [[80, 80], [45, 45], [5, 45], [45, 5]].map(([x, y]) => placeWords({ x, y }, image))
            .concat(placeWords({ x: 5, y: 80 }, { ...image, patient_left: null }));
        }"""
    )
    assert said == [
        f"at the lower right of the picture, the patient{QUOTE}s left",
        "in the middle of the picture",
        f"at the left of the picture, the patient{QUOTE}s right",
        "at the upper middle of the picture",
        "at the lower left of the picture",
    ]


def test_of_several_parts_the_place_of_the_largest_is_told(visit):
    said = visit.page.evaluate(
        """async () => {
          const { state } = await import("./state.js");
          const { tell } = await import("./answers.js");
          const { image } = state;
          state.image = { width: 90, height: 90, frames: 1, patient_left: null };
          const square = (x, y, side) => [[x, y], [x + side, y], [x + side, y + side], [x, y + side]];
          const told = (...polygons) => tell({
            number: 1, status: "found", frame: 0, frames: null, paths: new Map(),
            result: { polygons, area: { px: 125, fraction: 0.02 }, n_components: polygons.length, warnings: ["why"] },
          });
          const both = [told(square(80, 40, 5), square(2, 40, 10)), told(square(2, 40, 10))];
          state.image = image;
          return both;
        }"""
    )
    assert said == [
        "Finding 1: found, the largest of 2 parts at the left of the picture: 125 px, 2 % of the picture. Note: why.",
        "Finding 1: found at the left of the picture: 125 px, 2 % of the picture. Note: why.",
    ]


def test_traced_masks_are_the_masks(visit):
    wrong = visit.page.evaluate(
        """async () => {
          const { overlap, pathOf, trace } = await import("./masks.js");
          let wrong = 0, seed = 7;
          const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
          for (const share of [0.05, 0.5, 0.95]) {
            const [w, h] = [37, 23];
            const set = new Uint8Array(w * h).map(() => (random() < share ? 1 : 0));
            const context = new OffscreenCanvas(w, h).getContext("2d");
            context.fill(pathOf(trace(set, w, h)), "evenodd");
            const { data } = context.getImageData(0, 0, w, h);
            for (let i = 0; i < set.length; i++) wrong += data[4 * i + 3] > 127 !== Boolean(set[i]);
          }
          return wrong;
        }"""
    )
    assert wrong == 0
