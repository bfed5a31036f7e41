"""Servers that tests share: an ordinary one, and one that takes little."""

import contextlib
from dataclasses import replace

import pytest

from serving import PATIENT, site

pytest.importorskip("uvicorn")

TOKEN = "a-token-of-some-length"


@pytest.fixture(scope="session")
def bundled():
    from lexseg import Segmenter

    # paints whatever it is asked, also noise and slices of CT; scope has tests of its own
    return Segmenter.from_pretrained("chest", device="cpu")


@pytest.fixture(scope="session")
def ordinary(bundled, tmp_path_factory):
    with site(bundled, state=tmp_path_factory.mktemp("state")) as served:
        yield served


@pytest.fixture(scope="session")
def narrow(bundled):
    from lexseg.server.settings import Limits

    limits = Limits(
        upload_bytes=600_000,
        upload_files=3,
        pixels=300_000,
        voxels=400_000,
        images=3,
        feature_bytes=2_000_000,  # two frames of the bundled model
        sentences=3,
        sentence_letters=120,
        report_letters=400,
        results=4,
        jobs=1,
    )
    with site(bundled, token=TOKEN, limits=limits, page=True) as served:
        yield served


@pytest.fixture
def impatient(bundled):
    """``impatient(head=0.5)``: a server that waits so long for that, and for all else as long as the others."""
    with contextlib.ExitStack() as running:
        yield lambda **times: running.enter_context(site(bundled, token=TOKEN, times=replace(PATIENT, **times)))


@pytest.fixture
def server(ordinary):
    yield from _tidied(ordinary)


@pytest.fixture
def strict(narrow):
    yield from _tidied(narrow)


def _tidied(served):
    yield served
    for id_ in served.opened:
        served.call("DELETE", f"/v1/images/{id_}")
    served.opened.clear()
