"""What is not in scope is not stored in a PACS, unless the user insists; the PACS here is a list."""

from dataclasses import dataclass, field

import numpy as np
import pydicom
import pytest

import fakes
from dicom_made import film
from lexseg.cli.pacs import _line
from lexseg.pacs.answer import SeriesJob
from lexseg.pacs.listing import InstanceEntry, SeriesEntry
from lexseg.pacs.request import PacsQuestion, answer_uid

pytest.importorskip("highdicom")


@dataclass
class Shelf:
    """Holds one film, and what is stored."""

    path: object
    stored: list = field(default_factory=list)

    def instances(self, study, series):
        return [InstanceEntry("1.2.3", pydicom.dcmread(self.path).SOPClassUID)]

    def has(self, study, uid):
        return False

    def fetch_file(self, study, series, instance):
        return self.path.read_bytes()

    def store(self, dataset):
        self.stored.append(dataset)
        return True


@pytest.fixture
def shelf(tmp_path):
    path = tmp_path / "film.dcm"
    film(path, (fakes.picture() * 255).astype(np.uint8))
    return Shelf(path)


def outcome_of(shelf, segmenter, **question):
    segmenter.sha256 = "ab" * 32
    job = SeriesJob(shelf, segmenter, "1.2", SeriesEntry("1.2.1", "DX", 1, "", 1), PacsQuestion(("zzz",), **question))
    (outcome,) = job.run()
    return outcome


def test_nothing_is_stored_and_the_reason_is_told(shelf, scoped):
    outcome = outcome_of(shelf, scoped)
    assert outcome.state == "not in scope" and outcome.outside.reason == "words" and not shelf.stored
    line = _line(outcome, [outcome], ("zzz",), None)
    assert line.startswith("not in scope: the words name nothing") and "nothing to store" in line and "--anyway" in line


def test_it_is_stored_anyway_and_marked(shelf, scoped):
    outcome = outcome_of(shelf, scoped, anyway=True)
    assert outcome.state == "stored" and len(shelf.stored) == 1
    assert "not in the model's scope" in shelf.stored[0].SegmentSequence[0].SegmentDescription
    assert "asked anyway, and not in scope" in _line(outcome, [outcome], ("zzz",), None)


def test_another_scope_and_what_was_made_anyway_have_identifiers_of_their_own(scoped):
    scoped.sha256 = "ab" * 32
    plain, anyway = (answer_uid(["1"], scoped, PacsQuestion(("zzz",), anyway=a), "zzz") for a in (False, True))
    scoped.scope.sha256 = "cd" * 32
    refitted = answer_uid(["1"], scoped, PacsQuestion(("zzz",)), "zzz")
    scoped.scope = None
    assert len({plain, anyway, refitted, answer_uid(["1"], scoped, PacsQuestion(("zzz",)), "zzz")}) == 4
