"""What tests of all rooms share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The development data, named by LEXSEG_DATA; a test that asks for it is skipped where it is not there."""
    folder = os.environ.get("LEXSEG_DATA")
    if not folder:
        pytest.skip("LEXSEG_DATA is not set")
    root = Path(folder)
    if not root.is_dir():
        pytest.fail(f"LEXSEG_DATA is {folder}, which is not a folder")
    return root
