"""The distribution without torch asks for what the whole one asks for, and for less."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LITE = ROOT / "packaging" / "lite" / "pyproject.toml"


@pytest.mark.skipif(not LITE.is_file(), reason="an sdist holds no packaging/")
def test_its_dependencies_have_the_bounds_of_the_whole():
    lite, whole = (tomllib.loads(path.read_text())["project"] for path in (LITE, ROOT / "pyproject.toml"))
    asked = {*whole["dependencies"], *(each for extra in whole["optional-dependencies"].values() for each in extra)}
    own = {*lite["dependencies"], *lite["optional-dependencies"]["gdcm"]}
    assert own < asked
    assert not any(each.startswith(("torch", "transformers", "monai", "lightning", "matplotlib")) for each in own)


@pytest.mark.skipif(not LITE.is_file(), reason="an sdist holds no packaging/")
def test_nothing_calls_what_the_bundle_leaves_out_of_scipy():
    """``without_special.py``: ``scipy.ndimage.rotate`` is broken there."""
    calls = [path for path in (ROOT / "src").rglob("*.py") if "ndimage.rotate" in path.read_text(encoding="utf-8")]
    assert not calls
