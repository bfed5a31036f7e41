"""The server says what is not in scope, does not paint it, and paints and marks it where it is asked to."""

import io

import numpy as np
import pydicom
import pytest
from PIL import Image

import fakes
from dicom_made import film
from lexseg.predict.answered import Outside
from lexseg.predict.segmentation import Segmentation
from lexseg.server.results import AskedSentence, of_frame
from lexseg.server.schemas import ResultAnswer
from lexseg.server.settings import Times
from serving import site

pytest.importorskip("uvicorn")


@pytest.fixture
def served(scoped):
    scoped.sha256 = "ab" * 32
    with site(scoped, times=Times(read=60.0)) as server:
        yield server


def png(pixels):
    out = io.BytesIO()
    Image.fromarray((pixels * 255).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def overlay(server, result):
    return Image.open(io.BytesIO(server.get(result["links"]["overlay"]).body))


def test_an_answer_says_why_and_has_no_mask(served):
    image = served.open(png(fakes.picture()))
    foreign, absent, found = served.ask(image, "zzz", "right lung", "left lung")
    for each in (foreign, absent, found):
        ResultAnswer.model_validate(each)
        assert each["model"] == "sides" and each["model_sha256"] == "ab" * 32 and each["lexseg"]
    assert (foreign["state"], foreign["reason"], foreign["anyway"]) == ("not in scope", "words", False)
    assert "nothing that the model has learnt" in foreign["explanation"] and foreign["presence"] is None
    assert foreign["polygons"] == [] and foreign["area"]["px"] == 0
    assert (absent["state"], absent["reason"], found["state"], found["reason"]) == ("not found", None, "found", None)
    assert absent["presence"] < absent["presence_threshold"] <= found["presence"]


def test_it_is_looked_for_anyway_and_marked(served):
    image = served.open(png(fakes.picture()))
    (made,) = served.ask(image, "zzz", anyway=True)
    assert (made["state"], made["reason"], made["anyway"]) == ("found", "words", True) and made["polygons"]
    (known,) = served.ask(image, "left lung", anyway=True)
    assert known["anyway"] is False and known["reason"] is None
    assert overlay(served, made).height > overlay(served, known).height == 90


def test_what_stands_below_an_overlay():
    def below(**how):
        said = Segmentation(np.ones((4, 4), np.float32), 0.5, "melanoma", **how)
        return of_frame(AskedSentence(1, "melanoma"), said, 0, window=None, keep=False).cautions

    kind = "Whether it is melanoma the model cannot tell."
    assert below() == () and below(untold=("melanoma",)) == (kind,)
    made, second = below(untold=("melanoma",), outside=Outside("words", "strange"), anyway=True)
    assert made == "asked anyway, and not in scope: strange" and second == kind


def test_a_job_tells_the_same(served, tmp_path):
    import nibabel as nib

    volume = np.stack([fakes.picture(0.95).T, fakes.picture().T, fakes.picture().T], axis=-1)
    nib.save(nib.Nifti1Image((100 * volume).astype(np.float32), np.eye(4)), tmp_path / "v.nii.gz")
    image = served.open(tmp_path / "v.nii.gz")
    ask = {"sentences": ["bright", "zzz"], "frames": [0, 2], "window": {"width": 100, "level": 50}}
    job = served.wait(served.post(f"/v1/images/{image['id']}/segment", **ask).json, "done", "failed")
    found, foreign = job["results"]
    for each in (found, foreign):
        ResultAnswer.model_validate(each)
    assert found["state"] == "found" and found["frames_not_in_scope"] == [0] and 0 not in found["frames_found"]
    assert (foreign["state"], foreign["reason"], foreign["presence"]) == ("not in scope", "words", None)
    job = served.wait(served.post(f"/v1/images/{image['id']}/segment", **ask, anyway=True).json, "done", "failed")
    assert [(each["state"], each["anyway"]) for each in job["results"]] == [("found", True), ("found", True)]


def test_a_report_on_the_server(served):
    image = served.open(png(fakes.picture()))
    report = "Bright lung left. There is a zzz. No zzz."
    answer = served.post(f"/v1/images/{image['id']}/segment", report=report).json["results"]
    assert [each["state"] for each in answer] == ["found", "not in scope", "negated"]


def test_a_dicom_seg_is_refused_with_the_reason_and_marked_where_it_was_made_anyway(served, tmp_path):
    pytest.importorskip("highdicom")
    film(tmp_path / "film.dcm", (fakes.picture() * 255).astype(np.uint8))
    image = served.open(tmp_path / "film.dcm")
    (foreign,) = served.ask(image, "zzz")
    assert foreign["links"]["seg"] is None
    refused = served.get(f"/v1/results/{foreign['id']}/seg.dcm")
    assert refused.status == 409 and refused.code == "not_in_scope"
    assert foreign["explanation"] in refused.json["error"]["message"]
    (made,) = served.ask(image, "zzz", anyway=True)
    seg = pydicom.dcmread(io.BytesIO(served.get(made["links"]["seg"]).body))
    assert "not in the model's scope" in seg.SegmentSequence[0].SegmentDescription


def test_the_capabilities_say_what_the_model_has_learnt(served):
    (model,) = served.get("/capabilities").json["models"]
    assert [world["name"] for world in model["worlds"]] == ["chest", "breast"]


def test_openapi_tells_of_it(served):
    schemas = served.get("/openapi.json").json["components"]["schemas"]
    assert "not in scope" in schemas["ResultAnswer"]["properties"]["state"]["enum"]
    assert {"reason", "explanation", "anyway"} <= set(schemas["ResultAnswer"]["properties"])
    assert "anyway" in schemas["SegmentRequest"]["properties"]
