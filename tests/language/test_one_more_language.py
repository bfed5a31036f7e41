"""One more language is one file: a lexicon, written here, with which the command line is asked in Italian."""

import json
import shutil
from collections.abc import Iterator
from importlib import import_module
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lexseg.cli.main import main
from lexseg.language import lexicon as lexicon_of
from lexseg.language import read
from lexseg.language.foreign import to_model_words
from lexseg.language.lexicon import languages

ITALIAN = {
    "language": "it",
    "name": "Italian",
    "spaced": True,
    "findings": [
        {"id": "opacity", "one": "opacità", "also": ["addensament*"]},
        {"id": "effusion", "one": "versament*", "also": []},
    ],
    "anatomy": [{"id": "lung", "one": "polmon(?:e|i|are)", "also": []}],
    "sides": {"pairs": [{"left": "sinistro", "right": "destro"}], "both": ["entramb[ie]"]},
    "heights": {"pairs": [{"upper": "superiore", "lower": "inferiore"}]},
    "deny": {"before": ["nessun[ao]?", "senza"], "new_clause": ["ma"], "bare_place": ["nel"]},
    "attributes": [],
    "common": ["nel", "di", "una", "un"],
}


@pytest.fixture
def italian(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The package's own lexicons, and beside them the one above."""
    folder = tmp_path / "lexseg" / "assets" / "language"
    shutil.copytree(str(files("lexseg") / "assets" / "language"), folder)
    (folder / "it.json").write_text(json.dumps(ITALIAN, ensure_ascii=False), encoding="utf-8")
    monkeypatch.setattr(import_module("lexseg.language.lexicon"), "files", lambda package: tmp_path / package)
    caches = (languages, lexicon_of)
    for each in caches:
        each.cache_clear()
    yield "it"
    for each in caches:
        each.cache_clear()


def test_it_is_read_and_said_in_the_models_words(italian: str) -> None:
    assert italian in languages()
    (denied, there) = read("nessun versamento, ma addensamento nel polmone destro", lexicon_of(italian)).phrases
    assert (denied.findings, denied.polarity) == (("effusion",), "negated")
    assert (there.findings, there.places) == (("opacity",), {("right", "")})
    said = to_model_words("nessun versamento, ma addensamento nel polmone destro", italian)
    assert (said.text, said.unknown) == ("no effusion, opacity in the right lung", ())


def test_the_command_line_is_asked_in_it(italian: str, sides_folder: Path, tmp_path: Path) -> None:
    film = tmp_path / "film.png"
    Image.fromarray(np.full((32, 64), 220, np.uint8)).save(film)
    asked = ["segment", str(film), "--model", str(sides_folder), "--output", str(tmp_path / "out")]
    assert main([*asked, "--language", italian, "--text", "opacità nel polmone sinistro"]) == 0
    mask = np.asarray(Image.open(tmp_path / "out" / "film_mask.png")) > 0
    assert mask.any() and not mask[:, 32:].any()
