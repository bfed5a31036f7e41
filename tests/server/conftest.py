"""Servers that tests share: an ordinary one, and one that takes little and waits for nobody."""

import pytest

from serving import site

pytest.importorskip("uvicorn")

TOKEN = "a-token-of-some-length"


@pytest.fixture(scope="session")
def bundled():
    from lexseg import Segmenter

    return Segmenter.from_pretrained("default", device="cpu")


@pytest.fixture(scope="session")
def ordinary(bundled, tmp_path_factory):
    with site(bundled, state=tmp_path_factory.mktemp("state")) as served:
        yield served


@pytest.fixture(scope="session")
def narrow(bundled):
    from lexseg.server.settings import Limits, Times

    limits = Limits(
        upload_bytes=600_000,
        upload_files=3,
        pixels=300_000,
        voxels=400_000,
        images=3,
        feature_bytes=700_000,  # two frames of the bundled model
        sentences=3,
        sentence_letters=120,
        report_letters=400,
        results=4,
        jobs=1,
    )
    times = Times(read=3.0, head=0.5, body=0.5, upload=1.5, write=0.5)
    with site(bundled, token=TOKEN, limits=limits, times=times, page=True) as served:
        yield served


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
