"""A browser that visits a server's page as a user does."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from components import chromium

# small pictures of what the tests see, for the docs; only of images that may be shown
SCREENSHOTS = os.environ.get("LEXSEG_SCREENSHOTS")


@contextlib.contextmanager
def browser(*args: str):
    """Debian's Chromium with further arguments, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    program = chromium()
    with sync_playwright() as playwright:
        driven = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", *args])
        try:
            yield driven
        finally:
            driven.close()


@dataclass
class Visit:
    """A page that is open, and what it did: requests as "METHOD address", complaints of its console."""

    page: Any
    origin: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(self, *paths: Path) -> None:
        """Choose files as a user does."""
        button = self.page.locator("#choose:visible, #open-other:visible")
        with self.page.expect_file_chooser() as chooser:
            button.click()
        chooser.value.set_files([str(path) for path in paths])
        self.page.wait_for_function("() => document.querySelector('#busy').hidden", timeout=60_000)

    def ask(self, words: str) -> None:
        """Type a sentence and press Enter."""
        self.page.get_by_label("What should be found?").fill(words)
        self.page.keyboard.press("Enter")

    def answers(self, *states: str, timeout: float = 60_000) -> None:
        """Wait until the list shows these states."""
        self.page.wait_for_function(
            "(wanted) => [...document.querySelectorAll('.finding')].map((e) => e.dataset.state).join() === wanted",
            arg=",".join(states), timeout=timeout,
        )  # fmt: skip

    @property
    def status(self) -> str:
        """What the status line says."""
        return self.page.get_by_role("status").inner_text()

    def colours(self, box: tuple[float, float, float, float] = (0, 0, 1, 1), pane: str = "a") -> int:
        """How many pixels of a part (left, top, right, bottom; 0..1) of a pane are no grays."""
        return self.page.evaluate(
            """([box, pane]) => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {
              const shown = document.getElementById(`view-${pane}`);
              const canvas = new OffscreenCanvas(shown.width, shown.height);
              const context = canvas.getContext("2d", { willReadFrequently: true });
              context.drawImage(shown, 0, 0);
              const [x, y] = [box[0] * canvas.width, box[1] * canvas.height];
              const [w, h] = [(box[2] - box[0]) * canvas.width, (box[3] - box[1]) * canvas.height];
              const { data } = context.getImageData(x, y, w, h);
              let n = 0;
              for (let i = 0; i < data.length; i += 4) {
                n += Math.max(data[i], data[i + 1], data[i + 2]) - Math.min(data[i], data[i + 1], data[i + 2]) > 12;
              }
              done(n);
            })))""",
            [box, pane],
        )

    def keep(self, name: str) -> None:
        """A small picture for the docs, where LEXSEG_SCREENSHOTS names a folder."""
        if SCREENSHOTS:
            from io import BytesIO

            from PIL import Image

            self.page.mouse.move(0, 0)
            self.page.wait_for_timeout(150)
            picture = Image.open(BytesIO(self.page.screenshot(animations="disabled"))).convert("RGB")
            few_colours(picture).save(Path(SCREENSHOTS) / f"page-{name}.png", optimize=True)


def few_colours(picture):
    """A picture of 256 colours: half of them grays, for the film, and half for all else."""
    import numpy as np
    from PIL import Image

    pixels = np.asarray(picture).reshape(-1, 3)
    coloured = pixels[np.ptp(pixels, axis=1) > 12]
    some = Image.fromarray(coloured[None]).quantize(128, method=Image.Quantize.MAXCOVERAGE).getpalette()[: 3 * 128]
    palette = Image.new("P", (1, 1))
    palette.putpalette([*some, *(level for gray in np.linspace(0, 255, 128).round() for level in [int(gray)] * 3)])
    return picture.quantize(palette=palette, dither=Image.Dither.NONE)


@contextlib.contextmanager
def context(driven, **options):
    """A window of 1280 x 800, or as the options say."""
    with driven.new_context(**({"viewport": {"width": 1280, "height": 800}} | options)) as one:
        page = one.new_page()
        page.set_default_timeout(60_000)  # a busy machine may take its time
        yield page


@contextlib.contextmanager
def visiting(page, address: str) -> Iterator[Visit]:
    """A visit that ends well only if nothing left for elsewhere, nothing was stored and nothing complained."""
    visit = Visit(page, address)
    heard = {
        "request": lambda request: visit.requests.append(f"{request.method} {unquote(request.url)}"),
        "console": lambda said: said.type in ("error", "warning") and visit.complaints.append(said.text),
        "pageerror": lambda error: visit.complaints.append(str(error)),
        "filechooser": lambda _: None,  # from the start: no dialog of the system's
    }
    for what, note in heard.items():
        page.on(what, note)
    page.goto(address)
    page.wait_for_function("() => document.documentElement.dataset.theme")
    yield visit
    stored = page.evaluate("() => [localStorage.length, sessionStorage.length, document.cookie, location.search]")
    page.unroute_all()
    page.emulate_media(color_scheme="light")
    for what, note in heard.items():
        page.remove_listener(what, note)
    assert stored == [0, 0, "", ""]
    assert visit.complaints == []
    elsewhere = [r for r in visit.requests if not r.split(" ", 1)[1].startswith((address, f"blob:{address}"))]
    assert elsewhere == []
