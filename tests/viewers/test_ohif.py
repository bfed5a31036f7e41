"""OHIF before Orthanc, in a browser: the colour of the mask is on the screen, where the mask is.

Chromium draws by SwiftShader, WebGL on the processor; no graphics card is needed.
"""

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pydicom
import pytest
import requests
from PIL import Image

import components
from browser import SCREENSHOTS, browser, few_colours
from dicom_made import film, series
from lexseg.outputs.seg import Segment, seg_bytes
from lexseg.scans import open_scan
from pacs.orthanc import running
from viewers import serve

FILM = Path(__import__("lexseg").__file__).parent / "assets" / "examples" / "images" / "cxr_00027426_000.png"
SOFTWARE_WEBGL = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist")
PATIENCE = 240  # seconds for what takes ten on an idle machine
# the notices for people, as confirmed
_SEEN = """localStorage.setItem("shownTours", '["basicViewerTour"]');
sessionStorage.setItem("investigationalUseDialog", "1")"""


@pytest.fixture(scope="module")
def viewers(tmp_path_factory):
    components.ohif()
    with running(components.orthanc(), tmp_path_factory.mktemp("orthanc")) as orthanc, serve.viewing(orthanc) as both:
        yield both


@pytest.fixture(scope="module")
def chromium():
    with browser(*SOFTWARE_WEBGL) as driven:
        yield driven


def picture():
    return np.asarray(Image.open(FILM).convert("L"))


def images(kind, folder):
    """Files of a study, and a mask bool[frames, H, W]."""
    if kind == "CT":
        rows, columns = np.indices((96, 96)) - 48
        body = np.where(rows**2 + columns**2 < 40**2, 40, -1000).astype(np.int16)
        series(folder / "ct", np.stack([body] * 4), spacing=(0.8, 0.8))
        paths, mask = sorted((folder / "ct").iterdir()), np.zeros((4, 96, 96), np.bool_)
        mask[:, 20:50, 40:64] = True  # of all slices: which of them OHIF shows first is its own affair
        return folder / "ct", paths, mask
    told = {"PixelSpacing": ["0.4", "0.4"]} if kind != "film without spacing" else {}
    told |= {"FrameOfReferenceUID": "1.2.3.4", "PositionReferenceIndicator": ""} if "reference" in kind else {}
    file = film(folder / "film.dcm", picture(), **told)
    del file.ImagerPixelSpacing
    file.save_as(folder / "film.dcm", enforce_file_format=True)
    mask = np.zeros((1, *picture().shape), np.bool_)
    mask[0, 200:300, 320:400] = mask[0, 120:200, 380:400] = True
    return folder / "film.dcm", [folder / "film.dcm"], mask


def coloured(page):
    """Where the screen is warmer than gray, bool[H, W]: so are no image and nothing else of OHIF's; and its box."""
    box = page.locator(".viewport-element").first.bounding_box()
    shown = np.asarray(Image.open(io.BytesIO(page.screenshot(clip=box, animations="disabled"))).convert("RGB"))
    return shown[..., 0].astype(int) - shown[..., 2] > 40


def expected(mask, size):
    """Where a mask is on the screen when its image fills as much of the window as it can: bool[H, W]."""
    scale = min(size[0] / mask.shape[0], size[1] / mask.shape[1])
    rows, columns = (
        np.floor((np.arange(size[i]) + 0.5 - size[i] / 2) / scale + mask.shape[i] / 2).astype(int) for i in (0, 1)
    )
    inside = np.outer((rows >= 0) & (rows < mask.shape[0]), (columns >= 0) & (columns < mask.shape[1]))
    return mask[np.clip(rows, 0, mask.shape[0] - 1)][:, np.clip(columns, 0, mask.shape[1] - 1)] & inside


def overlap(page, mask):
    """Intersection over union of the colour on the screen and the mask."""
    shown = coloured(page)
    wanted = expected(mask, shown.shape)
    return np.count_nonzero(shown & wanted) / np.count_nonzero(shown | wanted)


def opened(chromium, viewers, study):
    """A page with the study, its segmentation listed and not yet shown; and all addresses that it asks for."""
    page = chromium.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(PATIENCE * 1000)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.add_init_script(_SEEN)
    page.goto(viewers.viewer(study), wait_until="commit")
    page.locator('[data-cy="study-browser-thumbnail-no-image"]', has_text="LexSeg segmentation").wait_for()
    page.locator(".viewport-element canvas").first.wait_for()
    return page, asked


def shown(page, mask):
    """Open the segmentation as a user does, and wait for its colour: the overlap with the mask."""
    page.locator('[data-cy="study-browser-thumbnail-no-image"]', has_text="LexSeg segmentation").dblclick()
    found, end = 0.0, time.monotonic() + PATIENCE
    while found < 0.9 and time.monotonic() < end:
        page.wait_for_timeout(1000)
        found = overlap(page, mask)
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind", ["CT", "film with spacing", "film without spacing", "film with a frame of reference of its own"]
)
def test_the_mask_is_seen_on_the_image(kind, viewers, chromium, tmp_path):
    path, paths, mask = images(kind, tmp_path)
    scan = open_scan(path)
    (tmp_path / "seg.dcm").write_bytes(seg_bytes(scan, [Segment(mask)], model_name="m", model_version="0" * 64))
    viewers.orthanc.put(*paths, tmp_path / "seg.dcm")
    page, asked = opened(chromium, viewers, scan.source.dataset(0).StudyInstanceUID)
    assert not coloured(page).any()
    assert shown(page, mask[0]) > 0.9
    assert [url for url in asked if not url.startswith((viewers.ohif, "blob:", "data:"))] == []
    page.close()


@pytest.mark.slow
def test_the_first_steps_end_with_this_picture(viewers, chromium, tmp_path, monkeypatch, capsys):
    """What the docs do, `a mask in Orthanc in ten minutes`, with the bundled model; and the picture that they show."""
    from lexseg.cli.main import main

    monkeypatch.chdir(tmp_path)
    exec(block(("from importlib.resources",)), {})
    viewers.orthanc.put(tmp_path / "film.dcm")
    study = open_scan(tmp_path / "film.dcm").source.dataset(0).StudyInstanceUID
    sentence = block(("lexseg pacs segment",)).split('--text "')[1].split('"')[0]
    monkeypatch.setenv("LEXSEG_PACS_USER", viewers.orthanc.user[0])
    monkeypatch.setenv("LEXSEG_PACS_PASSWORD", viewers.orthanc.user[1])
    asked = ["pacs", "segment", "--url", viewers.orthanc.url, "--study", study, "--text", sentence]
    capsys.readouterr()
    assert main([*asked, "--output", str(tmp_path / "out")]) == 0
    stored, told = (int(said.split()[1]) for said in (capsys.readouterr().out, block(("stored:",))))
    assert 0.8 < stored / told < 1.25  # another model may draw it a little otherwise
    (written,) = (tmp_path / "out").glob("seg_*.dcm")
    mask = pydicom.dcmread(written).pixel_array > 0
    page, _ = opened(chromium, viewers, study)
    assert shown(page, mask) > 0.9
    if SCREENSHOTS:
        page.mouse.move(0, 0)
        page.wait_for_timeout(500)
        seen = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
        few_colours(seen).save(Path(SCREENSHOTS) / "ohif-film.png", optimize=True)
    page.close()


def block(starts):
    """The block of code of the page that begins with one of these words."""
    page = (Path(__file__).parents[2] / "docs" / "start" / "mask-in-orthanc.md").read_text(encoding="utf-8")
    return next(part.split("\n", 1)[1] for part in page.split("```")[1::2] if part.split("\n", 1)[1].startswith(starts))


@pytest.mark.slow
def test_both_start_say_where_they_are_and_leave_nothing(tmp_path):
    components.ohif()
    components.orthanc()
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    process = subprocess.Popen([sys.executable, serve.__file__], stdout=subprocess.PIPE, text=True, env=environment)
    try:
        lines = [process.stdout.readline() for _ in range(4)]
        address = lines[0].split()[-1]
        said = dict(word.split("=", 1) for word in lines[3].split()[1:])
        login = said["LEXSEG_PACS_USER"], said["LEXSEG_PACS_PASSWORD"]
        assert "<title>OHIF" in requests.get(f"{address}/viewer?StudyInstanceUIDs=1.2", timeout=60).text
        assert requests.get(f"{said['PACS']}/studies", auth=login, timeout=60).json() == []
        assert requests.get(f"{said['PACS']}/studies", timeout=60).status_code == 401
        assert requests.get(f"{address}/dicom-web/studies", timeout=60).json() == []
        other = requests.get(f"{address}/dicom-web/studies", headers={"Host": "elsewhere.example"}, timeout=60)
        assert other.status_code == 403
        inside = requests.get(f"{address}/..%2f..%2f..%2f..%2fserve.py", timeout=60)
        assert "<title>OHIF" in inside.text
        assert list(tmp_path.iterdir())
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0
        assert list(tmp_path.iterdir()) == []
        for gone in (address, said["PACS"]):
            with pytest.raises(requests.ConnectionError):
                requests.get(gone, timeout=10)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
