"""No answer of the server names an option of the command line: who sends requests has fields."""

import re
from pathlib import Path

import numpy as np
import pytest

import lexseg
from serving import FILM

pytest.importorskip("uvicorn")
OPTION = re.compile(r"(?<![\w-])--[a-z]")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("holds 3 volumes; say which by --channel, counted from 0", "say which by the field 'channel', counted from 0"),
        ("say whose (laterality image or patient, --laterality on the command line)", "(laterality image or patient)"),
        ("--include-text is missing", "the field 'include_text' is missing"),
        ("a -- b and x--y", "a -- b"),
    ],
)
def test_options_become_fields(said, told):
    from lexseg.outputs.wording import for_clients

    assert told in for_clients(said) and not OPTION.search(for_clients(said))


def test_refusals_and_notes_name_fields(server, tmp_path):
    import nibabel as nib

    def nifti(name, values):
        path = tmp_path / name
        nib.save(nib.Nifti1Image(values, np.eye(4)), path)
        return path

    several = server.send(nifti("several.nii", np.zeros((8, 8, 4, 3), np.int16)))
    assert several.status == 422 and "the field 'channel'" in several.json["error"]["message"]
    series = server.send(FILM, series="1.2.3")
    assert "the field 'series'" in series.json["error"]["message"]
    ct = nifti("ct.nii", np.random.default_rng(0).integers(-1000, 1500, (48, 48, 12)).astype(np.int16))
    notes = server.open(ct)["notes"]
    assert not any(OPTION.search(note) for note in notes)
    assert server.open(ct, modality="MR")["modality"] == "MR"
    wrong = server.call("GET", "/capabilities", host="evil.example")
    for answer in (several, series, wrong):
        assert not OPTION.search(answer.json["error"]["message"])


def test_what_is_asked_of_an_unknown_side_is_said_in_fields(server, tmp_path):
    import nrrd

    nrrd.write(str(tmp_path / "a.nrrd"), np.random.default_rng(0).normal(size=(32, 32)).astype("f4"))
    image = server.open(tmp_path / "a.nrrd")
    assert image["patient_left"] is None
    (result,) = server.ask(image, "infection in the right lung")
    assert any("whose left" in warning for warning in result["warnings"])
    assert not any(OPTION.search(warning) for warning in result["warnings"])


def test_every_field_that_a_message_may_name_is_one_of_the_upload():
    """The options that the readers speak of: each has a field of the form."""
    from lexseg.server.upload import FIELDS

    source = Path(lexseg.__file__).parent / "scans"
    text = "".join(path.read_text("utf-8") for path in source.rglob("*.py"))
    named = set(re.findall(r"--([a-z][a-z-]*)", text))
    assert named and named <= set(FIELDS)
