"""CITATION.cff says what it must, of the version that there is."""

from pathlib import Path

import yaml

from lexseg import __version__

ROOT = Path(__file__).parents[1]


def test_it_has_what_the_format_asks_for_and_this_version():
    said = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(said)
    assert said["version"] == __version__ and said["license"] == "Apache-2.0"
    assert all(set(author) & {"name", "family-names"} for author in said["authors"])


def test_it_is_in_the_sdist():
    assert '"CITATION.cff"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
