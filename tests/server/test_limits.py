"""Each limit is what ``/capabilities`` says: what lies at its edge is taken, one more is not."""

import io

import numpy as np
import pytest
from PIL import Image

from serving import EXAMPLES

pytest.importorskip("uvicorn")
BREAST = EXAMPLES / "breast_case012.png"


def png(height, width, size=None):
    """A picture; with bytes after its end, so that the file has the size."""
    packed = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (height, width), np.uint8)).save(packed, "PNG")
    return packed.getvalue() if size is None else packed.getvalue().ljust(size, b"\0")


def nifti(*shape):
    import nibabel as nib

    return nib.Nifti1Image(np.zeros(shape, np.uint8), np.eye(4)).to_bytes()


@pytest.fixture
def limits(strict):
    return strict.get("/capabilities").json["limits"]


def test_bytes_of_one_file(strict, limits):
    most = limits["upload_bytes"]
    assert strict.send(png(64, 64, most)).status == 201
    refused = strict.send(png(64, 64, most + 1))
    assert (refused.status, refused.code) == (413, "too_large")
    assert f"{most:,}" in refused.json["error"]["message"], "the limit is told in its own unit"


def test_bytes_of_all_files_together(strict, limits):
    half = limits["upload_bytes"] // 2
    assert strict.send(png(64, 64, half), png(64, 64, half)).code == "unreadable"  # it was read; it is no series
    assert strict.send(png(64, 64, half), png(64, 64, half + 1)).code == "too_large"
    assert len(list(strict.service.root.iterdir())) == 1 + len(strict.opened)  # nothing is left


def test_what_a_form_says_besides_its_files_takes_nothing_from_them(strict, limits):
    from serving import form

    body, kind = form(png(64, 64, limits["upload_bytes"]), series="1" * 900)
    assert len(body) > limits["upload_bytes"]
    assert strict.call("POST", "/v1/images", body, content_type=kind).code != "too_large"


def test_files_of_an_upload(strict, limits):
    most = limits["upload_files"]
    assert strict.send(*[BREAST] * most).code == "unreadable"
    assert strict.send(*[BREAST] * (most + 1)).code == "too_many_files"


def test_pixels_of_a_frame(strict, limits):
    assert limits["pixels"] % 500 == 0
    assert strict.send(png(limits["pixels"] // 500, 500)).status == 201
    assert strict.send(png(limits["pixels"] // 500, 501)).code == "too_large"


def test_voxels_of_an_image(strict, limits):
    assert limits["voxels"] % 10_000 == 0
    frames = limits["voxels"] // 10_000
    assert strict.send(nifti(100, 100, frames)).status == 201
    assert strict.send(nifti(100, 100, frames + 1)).code == "too_large"


def test_images_that_are_open(strict, limits):
    for _ in range(limits["images"]):
        assert strict.send(png(64, 64)).status == 201
    assert strict.send(png(64, 64)).code == "too_many_images"


@pytest.fixture
def asked(strict):
    image = strict.open(BREAST)
    return lambda **what: strict.post(f"/v1/images/{image['id']}/segment", **what)


def test_sentences_of_a_question(asked, limits):
    most = limits["sentences"]
    assert asked(sentences=["mass"] * most).status == 200
    assert asked(sentences=["mass"] * (most + 1)).code == "too_many_sentences"


@pytest.mark.parametrize("letter", ["a", "\u00e4", "\u809a", "\U0001d538"])
def test_letters_of_a_sentence_are_letters_however_many_bytes_they_take(asked, limits, letter):
    """JSON may write a letter with twelve bytes: a question at the limit is never too large a request."""
    most = limits["sentence_letters"]
    assert asked(sentences=[letter * most] * limits["sentences"]).status in (200, 422)
    assert asked(sentences=[letter * (most + 1)]).code == "too_long"


def test_letters_of_a_report(asked, limits):
    most = limits["report_letters"]
    assert asked(report="Round mass.".ljust(most, "\u3000")).status == 200
    assert asked(report="Round mass.".ljust(most + 1, "\u3000")).code == "too_long"
    # whatever is said of such letters, it is not that the request is too large
    assert asked(report="\U0001d538" * most).code != "too_large"


def test_the_option_the_limit_and_the_message_have_one_unit(monkeypatch, tmp_path):
    from lexseg.cli.main import main
    from lexseg.server import run

    told = []
    monkeypatch.setattr(run, "serve", lambda settings: told.append(settings.limits.upload_bytes) or 0)
    for megabytes, most in (("5", 5_000_000), ("0.5", 500_000), ("2.3", 2_300_000)):
        assert main(["serve", "--max-upload", megabytes, "--state", str(tmp_path)]) == 0
        assert told[-1] == most
