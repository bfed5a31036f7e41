"""Sentences asked of the server: the same answers as in Python, told so that others can use them."""

import io
import json
import threading
import time

import nibabel as nib
import numpy as np
import pydicom
import pytest
from PIL import Image

from dicom_made import film
from lexseg.language.report_reading import read_report
from lexseg.scans.images import read_image
from serving import EXAMPLES, FILM

RIGHT = "unilateral pulmonary infection, one infected area, middle right lung."
REPORT = "HISTORY: cough.\nFINDINGS: Infection in the right middle zone. No pleural effusion.\n"


def mask_of(server, result, **query):
    more = "?" + "&".join(f"{k}={v}" for k, v in query.items()) if query else ""
    picture = Image.open(io.BytesIO(server.get(result["links"]["mask"] + more).body))
    assert picture.mode == "L"
    return np.asarray(picture)


def filled(rings, height, width):
    """By the even-odd rule, from the crossings of each row."""
    inside = np.zeros((height, width), int)
    for ring in rings:
        for (x, y), (x2, y2) in zip(ring, ring[1:] + ring[:1], strict=True):
            if x == x2:
                inside[min(y, y2) : max(y, y2), x:] += 1
    return inside % 2 == 1


def test_a_sentence_in_another_language(server):
    path = f"/v1/images/{server.open(FILM)['id']}/segment"
    asked = {"en": "infection in the right lung", "de": "Infektion in der rechten Lunge"}
    answers = [server.post(path, sentences=[text], language=code).json for code, text in asked.items()]
    english, german = (answer["results"][0] for answer in answers)
    assert german["presence"] == english["presence"] > 0 and german["state"] == english["state"]
    assert np.array_equal(mask_of(server, german), mask_of(server, english))


def test_the_codes_of_an_answer_are_those_of_its_language(server):
    image = server.open(FILM)
    kept = server.service.images.get(image["id"])
    for language, text in (("en", "pleural effusion"), ("de", "Pleuraerguss"), ("fr", "\u00e9panchement pleural")):
        (result,) = server.ask(image, text, language=language)
        assert kept.results[result["id"]].finding[1][2] == "Pleural effusion"


def test_the_answer_is_that_of_the_segmenter(server, bundled):
    image = server.open(FILM, spacing="0.5,0.5")
    (result,) = server.ask(image, RIGHT)
    own = bundled.set_image(FILM, spacing=(0.5, 0.5)).segment(RIGHT)
    mask = mask_of(server, result)
    assert set(np.unique(mask)) == {0, 255} and np.array_equal(mask > 0, own.mask)
    numbers = own.describe()
    assert result["state"] == "found" and result["area"] == numbers["area"]
    assert result["n_components"] == numbers["n_components"] and result["box"] == numbers["box"]
    assert result["presence"] == pytest.approx(own.presence, abs=1e-3)
    assert result["laterality"] == "image" and result["threshold"] == 0.5 and result["warnings"] == []
    assert np.array_equal(filled(result["polygons"], 512, 512), own.mask)
    again = server.get(result["links"]["json"]).json
    assert again == result
    assert "pulmonary" not in json.dumps(result)


def test_a_film_of_unknown_sides_is_doubted_where_a_side_is_asked_for(server, tmp_path):
    path = tmp_path / "film.dcm"
    film(path, np.asarray(Image.open(FILM).convert("L")))
    (known,) = server.ask(server.open(path), RIGHT)
    dataset = pydicom.dcmread(path)
    del dataset.PatientOrientation
    dataset.save_as(path)
    image = server.open(path)
    told = [server.ask(image, text, **more)[0]["warnings"] for text, more in (
        (RIGHT, {}), ("pulmonary infection", {}), (RIGHT, {"laterality": "image"})
    )]  # fmt: skip
    assert known["warnings"] == [] and told[1:] == [[], []]
    assert len(told[0]) == 1 and "does not say which side" in told[0][0]


def test_the_overlay_shows_the_mask_on_the_image(server):
    image = server.open(FILM)
    (result,) = server.ask(image, RIGHT)
    picture = np.asarray(Image.open(io.BytesIO(server.get(result["links"]["overlay"]).body))).astype(int)
    mask = mask_of(server, result) > 0
    coloured = np.ptp(picture, axis=2) > 20
    assert coloured[mask].mean() > 0.95 and not coloured[~mask].any()


def test_a_lower_threshold_finds_more(server):
    image = server.open(FILM)
    found = [server.ask(image, RIGHT, threshold=t)[0]["area"]["px"] for t in (0.2, 0.5, 0.9)]
    assert found == sorted(found, reverse=True) and found[0] > found[2]


def test_states_and_doubts_are_told(server):
    image = server.open(FILM)
    results = server.ask(image, RIGHT, "No infection.", "the left lesion in the right lung", "zzxqv wvvbk")
    assert [r["state"] for r in results[:3]] == ["found", "negated", "not found"]
    assert [r["number"] for r in results] == [1, 2, 3, 4]
    assert results[1]["presence"] is None and results[1]["polygons"] == [] and results[2]["presence"] == 0
    assert not mask_of(server, results[1]).any()


def test_a_report_is_answered_finding_by_finding(server, bundled):
    image = server.open(FILM)
    answer = server.post(f"/v1/images/{image['id']}/segment", report=REPORT, laterality="image")
    results = answer.json["results"]
    found = read_report(REPORT)
    assert [r["finding"] for r in results] == [
        {"start": f.start, "end": f.end, "negated": f.negated} for f in found
    ] and len(found) == 2
    assert results[1]["state"] == "negated"
    own = bundled.set_image(FILM).segment(found[0].text).mask
    assert np.array_equal(mask_of(server, results[0]) > 0, own)
    assert "effusion" not in answer.body.decode()


def test_words_about_a_scan_with_a_header_are_the_patients(server, data_root, bundled):
    path = data_root / "io_samples" / "nifti" / "totalseg_example_ct_sm.nii.gz"
    image = server.open(path)
    patient, picture = (
        server.ask(image, f"infection in the {side} lung", frame=20, **more)[0]
        for side, more in (("right", {}), ("left", {"laterality": "image"}))
    )
    assert patient["laterality"] == "patient" and picture["laterality"] == "image"
    mask = mask_of(server, patient)
    assert mask.any() and np.array_equal(mask, mask_of(server, picture))
    assert np.nonzero(mask)[1].mean() < mask.shape[1] / 2  # hung the usual way: the patient's right is at the left


def test_a_nifti_mask_lies_where_the_volume_lies(server, data_root):
    path = data_root / "io_samples" / "nifti" / "totalseg_example_ct_sm.nii.gz"
    (result,) = server.ask(server.open(path), "infection in the right lung", frame=20)
    source = nib.load(path)
    mask = nib.Nifti1Image.from_bytes(__import__("gzip").decompress(server.get(result["links"]["nifti"]).body))
    assert mask.shape == source.shape and np.allclose(mask.affine, source.affine)
    voxels = np.asarray(mask.dataobj)
    assert set(np.unique(voxels)) == {0, 1} and voxels.sum() == result["area"]["px"]
    assert len(np.unique(np.nonzero(voxels)[2])) == 1  # one slice was asked


def test_a_seg_refers_to_the_series_and_has_no_words_unless_they_are_allowed(server, data_root):
    pytest.importorskip("highdicom")
    files = sorted((data_root / "io_samples" / "dicom" / "dcmqi_ct-3slice").iterdir())
    image = server.open(*files)
    words = "liver lesion of Zaphod"
    silent, open_ = (
        server.ask(image, words, frame=1, threshold=0.01, description=allowed)[0] for allowed in (False, True)
    )
    for result, named in ((silent, False), (open_, True)):
        body = server.get(result["links"]["seg"]).body
        assert (b"Zaphod" in body) == named
        seg = pydicom.dcmread(io.BytesIO(body))
        source = pydicom.dcmread(files[1])
        assert seg.StudyInstanceUID == source.StudyInstanceUID
        assert {r.ReferencedSOPInstanceUID for r in seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence} == {
            pydicom.dcmread(f).SOPInstanceUID for f in files
        }
        assert np.count_nonzero(seg.pixel_array) == result["area"]["px"] > 0
        assert seg.SegmentSequence[0].SegmentedPropertyTypeCodeSequence[0].CodeMeaning == "Lesion"


def test_a_file_of_a_result_is_the_same_however_often_it_is_fetched(server, tmp_path):
    pytest.importorskip("highdicom")
    film(tmp_path / "film.dcm", np.asarray(Image.open(FILM).convert("L")))
    (result,) = server.ask(server.open(tmp_path / "film.dcm"), RIGHT)
    links = [link for link in result["links"].values() if link]
    first = {link: server.get(link).body for link in links}
    made = pydicom.dcmread(io.BytesIO(first[result["links"]["seg"]]))
    time.sleep(1.1)  # DICOM counts seconds
    assert {link: server.get(link).body for link in links} == first
    assert (made.ContentDate, made.ContentTime) == (made.SeriesDate, made.SeriesTime)
    assert (made.InstanceCreationDate, made.InstanceCreationTime) == (made.SeriesDate, made.SeriesTime)


def test_of_a_png_there_is_no_seg(server):
    (result,) = server.ask(server.open(FILM), RIGHT)
    assert result["links"]["seg"] is None
    refused = server.get(result["links"]["mask"].replace("mask.png", "seg.dcm"))
    assert refused.status == 409 and refused.code == "no_dicom"


def test_clients_at_once_are_answered_together_and_each_with_its_own(server, bundled):
    names = ["breast_case012.png", "breast_case028.png", "breast_case066.png", "cxr_00000001_000.png"]
    texts = [f"irregular hypoechoic mass, {n} mm" for n in range(3)]
    images = [server.open(EXAMPLES / name) for name in names]
    before = _batches(server)
    answers = {}

    def ask(at, text):
        answers[at, text] = mask_of(server, server.ask(images[at], text)[0]) > 0

    threads = [threading.Thread(target=ask, args=(at, text)) for at in range(4) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    count, total = (after - b for after, b in zip(_batches(server), before, strict=True))
    assert total == 12 and count < 12  # some went through the network together
    for (at, text), mask in answers.items():
        own = bundled.set_image(EXAMPLES / names[at]).segment(text)
        apart = mask != own.mask
        # sums in another order may turn what lies at the threshold
        assert np.abs(own.probability[apart] - 0.5).max(initial=0) < 1e-3


def _batches(server):
    lines = dict(line.rsplit(" ", 1) for line in server.get("/metrics").body.decode().splitlines() if line[0] != "#")
    return float(lines["lexseg_batch_sentences_count"]), float(lines["lexseg_batch_sentences_sum"])


def test_encoded_frames_stay_within_their_memory_and_are_encoded_again(strict):
    images = [strict.open(EXAMPLES / f"breast_case{n}.png") for n in ("012", "028", "066")]
    first = [strict.ask(image, "hypoechoic mass")[0] for image in images]
    features = strict.service.batcher.features
    assert len(features) == 2 and 0 < features.nbytes <= strict.service.settings.limits.feature_bytes
    again = [strict.ask(image, "hypoechoic mass")[0] for image in images]
    assert [r["area"] for r in again] == [r["area"] for r in first]
    strict.call("DELETE", f"/v1/images/{images[2]['id']}")
    strict.ask(images[1], "hypoechoic mass")
    assert all(key[0] != images[2]["id"] for key in features._sessions)


def test_old_results_make_room_for_new_ones(strict):
    image = strict.open(EXAMPLES / "breast_case012.png")
    results = [strict.ask(image, "hypoechoic mass")[0] for _ in range(5)]
    statuses = [strict.get(r["links"]["mask"]).status for r in results]
    assert statuses == [404, 200, 200, 200, 200]


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"sentences": []}, 422, "no_sentence"),
        ({"sentences": ["  "]}, 422, "unusable"),
        ({"sentences": ["left"] * 4}, 413, "too_many_sentences"),
        ({"sentences": ["left " * 40]}, 413, "too_long"),
        ({"sentences": ["\ud800"]}, 422, "unusable"),
        ({"report": "left. " * 100}, 413, "too_long"),
        ({"report": "HISTORY: cough."}, 422, "unusable"),
        ({"report": ""}, 422, "unusable"),
        ({}, 422, "invalid"),
        ({"sentences": ["left"], "report": "left"}, 422, "invalid"),
        ({"sentences": "left"}, 422, "invalid"),
        ({"sentences": ["left"], "frame": -1}, 422, "invalid"),
        ({"sentences": ["left"], "frame": 1}, 404, "no_such_frame"),
        ({"sentences": ["left"], "frames": [0, 1]}, 404, "no_such_frame"),
        ({"sentences": ["left"], "frames": [1, 0]}, 422, "invalid"),
        ({"sentences": ["left"], "frames": [0, 0], "frame": 0}, 422, "invalid"),
        ({"sentences": ["left"], "threshold": 1}, 422, "invalid"),
        ({"sentences": ["left"], "threshold": float("nan")}, 422, "invalid"),
        ({"sentences": ["left"], "laterality": "doctor"}, 422, "invalid"),
        ({"sentences": ["left"], "language": "tlh"}, 422, "unknown_language"),
        ({"sentences": ["left"], "window": {"width": 0, "level": 1}}, 422, "invalid"),
        ({"sentences": ["left"], "secret": 1}, 422, "invalid"),
    ],
)
def test_questions_that_cannot_be_answered(strict, asked, status, code):
    if not strict.opened:
        strict.open(EXAMPLES / "breast_case012.png")
    refused = strict.post(f"/v1/images/{strict.opened[0]}/segment", **asked)
    assert (refused.status, refused.code) == (status, code)
    assert "cough" not in refused.body.decode() and "left" not in refused.json["error"]["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 5000, b'{"sentences": ["\\ud800"]}', b"null"])
def test_bodies_that_are_no_question(strict, body):
    if not strict.opened:
        strict.open(EXAMPLES / "breast_case012.png")
    path = f"/v1/images/{strict.opened[0]}/segment"
    refused = strict.call("POST", path, body, content_type="application/json")
    assert 400 <= refused.status < 500 and refused.code
    assert strict.call("POST", path, b'{"sentences": ["left"]}', content_type="text/plain").status in (200, 422)


def test_a_body_that_is_not_said_to_be_json_is_told_what_it_lacks(strict):
    if not strict.opened:
        strict.open(EXAMPLES / "breast_case012.png")
    path, body = f"/v1/images/{strict.opened[0]}/segment", b'{"sentences": ["left"]}'
    refused = strict.call("POST", path, body, content_type="application/x-www-form-urlencoded")  # as curl -d sends it
    assert refused.status == 422 and "content-type: application/json" in refused.json["error"]["message"]


def test_the_image_is_seen_with_the_window_that_is_asked(server, data_root, bundled):
    path = data_root / "io_samples" / "nifti" / "totalseg_example_ct_sm.nii.gz"
    image = server.open(path)
    asked = {"width": 1500.0, "level": -600.0}
    (lung,) = server.ask(image, "infection in the right lung", frame=20, window=asked)
    from lexseg.scans.open import open_scan
    from lexseg.scans.window import Window

    pixels = open_scan(path).show(20, Window.of(1500, -600))
    own = bundled.set_image(pixels).segment("infection in the right lung", laterality="patient").mask
    assert np.array_equal(mask_of(server, lung) > 0, own)
    (usual,) = server.ask(image, "infection in the right lung", frame=20)
    assert usual["area"] != lung["area"]


def test_it_says_what_it_is(server):
    said = server.get("/capabilities").json
    assert said["models"][0]["name"] == "chest" and said["models"][0]["sha256"]
    assert "not a medical device" in said["note"] and said["limits"]["sentences"] == 32
    assert server.get("/healthz").json == {"status": "ok"}
    paths = server.get("/openapi.json").json["paths"]
    assert {"/v1/images", "/v1/images/{id}/segment", "/v1/jobs/{id}", "/v1/results/{id}/seg.dcm"} <= set(paths)
    told = server.get("/openapi.json").json["components"]["schemas"]["ResultAnswer"]["properties"]
    assert set(server.ask(server.open(FILM), "infection in the right lung")[0]) <= set(told)
    assert {"frames_found", "largest", "ml"} <= set(told)
    assert "lexseg_images_open" in server.get("/metrics").body.decode()


def test_a_png_of_the_film_itself_is_the_same_with_tags(server):
    """The pixels alone are read: what a PNG says beside them changes nothing."""
    from PIL.PngImagePlugin import PngInfo

    told = PngInfo()
    told.add_text("Patient", "Zaphod")
    packed = io.BytesIO()
    Image.open(FILM).save(packed, "PNG", pnginfo=told)
    image = server.open(packed.getvalue())
    assert "Zaphod" not in json.dumps(image)
    body = server.get(f"/v1/images/{image['id']}/frames/0").body
    assert b"Zaphod" not in body
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(body))), np.round(read_image(FILM) * 255))
