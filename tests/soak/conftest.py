"""The drivers of this folder, and a server that they drive."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def server():
    pytest.importorskip("uvicorn")
    from lexseg import Segmenter
    from serving import site

    with site(Segmenter.from_pretrained("chest", device="cpu")) as served:
        yield served
