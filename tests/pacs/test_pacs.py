import copy
import hashlib
import io
import json
import os
import signal
import stat
import sys
import tempfile
import threading
from dataclasses import replace

import numpy as np
import pydicom
import pytest

import fakes
from lexseg.cli.main import main
from lexseg.errors import ConfigError, PacsError, TextError
from lexseg.predict.segmenter import Segmenter
from pacs.orthanc import PASSWORD, USER

pytest.importorskip("dicomweb_client")
pytest.importorskip("highdicom")
from lexseg.pacs.access import Access, Patience, credentials
from lexseg.pacs.answer import SeriesJob, choose_series
from lexseg.pacs.listing import SeriesEntry
from lexseg.pacs.request import PacsQuestion, answer_uid
from lexseg.pacs.web import PacsClient
from lexseg.predict.volumes import segment_volume
from lexseg.scans.open import open_scan

BRIGHT = PacsQuestion(("bright",))
SEGMENT = ["segment", "--url", "http://127.0.0.1:9/x", "--study", "1.2", "--text", "a"]


@pytest.fixture
def connect(known):
    """Opens a client of a URL, with little patience."""
    with_us = []

    def open_client(url):
        patience = Patience(connect=2, read=10, attempts=3, wait=0.01)
        with_us.append(PacsClient(Access(url, patience=patience, auth=credentials()), sleep=lambda _: None))
        return with_us[-1]

    yield open_client
    for client in with_us:
        client.close()


@pytest.fixture
def seg_free(orthanc):
    """Deletes all segmentations of the phantom after the test."""
    yield
    orthanc.forget("1.2.840.99.5", "SEG")


@pytest.fixture
def private(tmp_path, monkeypatch):
    """The folder in which temporary ones are made."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def segmenter(sha256="ab" * 32, **presence):
    model = fakes.Sides(text_encoder=fakes.WORDS, presence=bool(presence))
    encoder = model.text_input.encoder
    return Segmenter(
        model, encoder, size=fakes.SIZE, laterality="image", name="sides", sha256=sha256, device="cpu", **presence
    )


def job(pacs, phantom, question=BRIGHT, asker=None, **how):
    study, series, slices = phantom
    entry = SeriesEntry(series, "CT", 1, "", len(slices))
    return SeriesJob(pacs, asker or segmenter(), study, entry, question, **how)


def images_fetched(between):
    return between.asked("GET", r"/instances/[^/?]+$")


def masks_by_source(dataset):
    """bool[H, W] of each source image that a SEG of one segment has a frame of, by its SOPInstanceUID."""
    frames = dataset.pixel_array.reshape(-1, dataset.Rows, dataset.Columns)
    return {
        item.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID: frame.astype(bool)
        for item, frame in zip(dataset.PerFrameFunctionalGroupsSequence, frames, strict=True)
    }


def test_a_real_series_is_stored_found_segmented_and_its_mask_read_back(orthanc, connect, data_root):
    folder = data_root / "io_samples" / "dicom" / "torchio_series"
    pacs = connect(orthanc.url)
    slices = [pydicom.dcmread(path) for path in sorted(folder.glob("*.dcm"))]
    assert all([pacs.store(each) for each in slices])
    study = slices[0].StudyInstanceUID
    (found,) = [s for s in pacs.studies(patient="123456", modality="CT") if s.uid == study]
    assert found.modalities == ("CT",) and found.n_images == 17

    chosen = choose_series(pacs, study)
    (outcome,) = SeriesJob(pacs, segmenter(), study, chosen, PacsQuestion(("bright left",), threshold=0.4)).run()
    assert outcome.state == "stored" and orthanc.count(study, "SEG") == 1

    back = orthanc.read(outcome.uid)
    assert back.StudyInstanceUID == study and back.SeriesInstanceUID == outcome.series and back.Modality == "SEG"
    assert {i.ReferencedSOPInstanceUID for i in back.ReferencedSeriesSequence[0].ReferencedInstanceSequence} == {
        s.SOPInstanceUID for s in slices
    }
    scan = open_scan(folder)
    (expected,) = segment_volume(segmenter(), scan, ["bright left"], threshold=0.4)
    masks = masks_by_source(back)
    assert len(masks) == len(outcome.numbers["frames_found"]) > 10
    for number, dataset in enumerate(scan.source.datasets):
        mask = masks.get(dataset.SOPInstanceUID, np.zeros((128, 128), bool))
        assert np.array_equal(mask, expected.mask(number))
    # columns that run to the patient's right (this series is hung the other way) have their left at the left
    assert slices[0].ImageOrientationPatient[0] == -1 and outcome.laterality == "patient"
    assert not any(mask[:, 64:].any() for mask in masks.values())
    # its own segmentation does not make the study ambiguous
    assert choose_series(pacs, study) == chosen


def test_a_real_film_by_the_command_with_the_bundled_model(orthanc, between, known, data_root, tmp_path, capsys):
    path = data_root / "io_samples" / "dicom" / "highdicom" / "dx_image.dcm"
    film = pydicom.dcmread(path)
    orthanc.put(path)
    where = ["--url", between.url]
    assert main(["pacs", "find", *where, "--modality", "dx", "--date", "2020-01-25"]) == 0
    listed = capsys.readouterr().out
    assert listed == f"{film.StudyInstanceUID}: 2020-01-25, DX, 1 image, patient 123456\n"
    ask = ["pacs", "segment", *where, "--study", film.StudyInstanceUID, "--text", "bilateral pulmonary infection"]
    ask += ["--output", str(tmp_path / "out")]

    assert main(ask) == 0  # the chest of a dog, from the side
    assert capsys.readouterr().out.startswith("not in scope: the image is of no kind that the model has learnt")
    assert not between.asked("POST") and orthanc.count(film.StudyInstanceUID, "SEG") == 0

    ask.append("--anyway")
    assert main([*ask, "--dry-run"]) == 0
    assert "not stored: " in capsys.readouterr().out
    assert not between.asked("POST") and orthanc.count(film.StudyInstanceUID, "SEG") == 0

    assert main(ask) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("stored: ") and "_01.dcm" in printed.out
    assert "infection" not in printed.out + printed.err
    assert orthanc.count(film.StudyInstanceUID, "SEG") == 1
    (path,) = (tmp_path / "out").iterdir()
    kept = pydicom.dcmread(path)
    series = hashlib.sha256(kept.ReferencedSeriesSequence[0].SeriesInstanceUID.encode()).hexdigest()
    assert path.name == f"seg_{series[:8]}_01.dcm"  # of another series, another name
    back = orthanc.read(kept.SOPInstanceUID)
    assert back == kept and kept.pixel_array.shape == film.pixel_array.shape and kept.pixel_array.any()
    assert "infection" not in str(kept)

    fetched = len(images_fetched(between))
    assert main(ask) == 0
    assert capsys.readouterr().out.startswith("there already (series ")
    assert len(between.asked("POST")) == 1 and orthanc.count(film.StudyInstanceUID, "SEG") == 1
    assert images_fetched(between)[fetched:] == [
        f"/dicom-web/studies/{film.StudyInstanceUID}/series/{kept.SeriesInstanceUID}/instances/{kept.SOPInstanceUID}"
    ], "the answer is fetched, the film is not"


@pytest.mark.usefixtures("seg_free")
def test_the_same_request_stores_once_though_the_answer_was_lost(orthanc, between, connect, phantom):
    between.fail("lose", "POST")
    (first,) = job(connect(between.url), phantom).run()
    (second,) = job(connect(between.url), phantom).run()
    assert (first.state, second.state) == ("stored", "there already") and first.uid == second.uid
    assert len(between.asked("POST")) == 1 and orthanc.count(phantom[0], "SEG") == 1


@pytest.mark.usefixtures("seg_free")
def test_the_same_request_stores_once_though_every_answer_was_lost(orthanc, between, connect, phantom):
    between.fail("lose", "POST")
    pacs = connect(between.url)
    original = pacs._web.store_instances

    def store(*arguments):  # from the upload on, nothing comes back any more
        between.fail("drop", "GET", times=99)
        return original(*arguments)

    pacs._web.store_instances = store
    with pytest.raises(PacsError, match="connection was cut; tried 3 times"):
        job(pacs, phantom).run()
    assert orthanc.count(phantom[0], "SEG") == 1, "it was stored, and we could not know"
    between.faults.clear()
    (again,) = job(connect(between.url), phantom).run()
    assert again.state == "there already" and orthanc.count(phantom[0], "SEG") == 1


@pytest.mark.usefixtures("seg_free")
def test_two_at_the_same_moment_store_once(orthanc, between, connect, phantom):
    barrier, outcomes = threading.Barrier(2), []

    def work(pacs):
        original = pacs._web.store_instances

        def store(*arguments):  # both have asked, and both were told that it is not there
            barrier.wait(10)
            return original(*arguments)

        pacs._web.store_instances = store
        outcomes.extend(job(pacs, phantom).run())

    threads = [threading.Thread(target=work, args=(connect(between.url),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 2 and outcomes[0].uid == outcomes[1].uid
    assert len(between.asked("POST")) == 2 and orthanc.count(phantom[0], "SEG") == 1


@pytest.mark.usefixtures("seg_free")
def test_retrieving_goes_on_where_it_was_cut(between, connect, phantom, private):
    between.fail("cut", "GET", r"/instances/1\.2\.840\.99\.5\.1\.2$", times=2)
    between.fail("status", "GET", r"/instances/1\.2\.840\.99\.5\.1\.3$", status=503)
    seen = []

    def progress(stage, done, total):
        seen.append((stage, done, total))
        modes = [stat.S_IMODE(folder.stat().st_mode) for folder in private.iterdir()]
        assert modes in ([0o700], []), "nobody else may look"

    (outcome,) = job(connect(between.url), phantom, progress=progress).run()
    assert outcome.state == "stored"
    assert [path[-1] for path in images_fetched(between)] == list("01222334"), "what had arrived is not fetched again"
    assert [s for s in seen if s[0] == "retrieving"] == [("retrieving", n, 5) for n in range(6)]
    assert ("segmenting", 5, 5) in seen and seen[-1] == ("storing", 1, 1)
    assert not list(private.iterdir())


def test_what_was_retrieved_is_removed_when_it_fails(between, connect, phantom, private):
    between.fail("drop", "GET", r"/instances/1\.2\.840\.99\.5\.1\.4$", times=99)
    with pytest.raises(PacsError, match="cut"):
        job(connect(between.url), phantom).run()
    assert len(images_fetched(between)) == 4 + 3 and not list(private.iterdir())


def test_messages_name_no_temporary_file(connect, orthanc, phantom, private):
    with pytest.raises(Exception, match="no frames 7 to 8") as caught:
        job(connect(orthanc.url), phantom, replace(BRIGHT, frames=(7, 9))).run()
    assert str(private) not in str(caught.value) and str(caught.value).startswith("the series: ")


def test_sigterm_leaves_no_image_behind(orthanc, known, phantom, sides_folder, private, monkeypatch, capsys):
    original = PacsClient.fetch_file

    def fetch_file(self, *which):
        if list(private.rglob("*.dcm")):
            os.kill(os.getpid(), signal.SIGTERM)
        return original(self, *which)

    monkeypatch.setattr(PacsClient, "fetch_file", fetch_file)
    before = signal.getsignal(signal.SIGTERM)
    arguments = ["--url", orthanc.url, "--study", phantom[0], "--series", phantom[1], "--text", "bright"]
    assert main(["pacs", "segment", *arguments, "--model", str(sides_folder)]) == 143
    assert not list(private.iterdir()) and signal.getsignal(signal.SIGTERM) is before


@pytest.mark.usefixtures("seg_free")
def test_each_sentence_is_an_answer_of_its_own(orthanc, between, connect, phantom):
    asker = segmenter(presence={"scale": 50.0, "bias": 0.0, "threshold": 0.5})
    first = job(connect(between.url), phantom, PacsQuestion(("bright left",)), asker).run()
    both = job(connect(between.url), phantom, PacsQuestion(("bright right", "bright left")), asker).run()
    assert [o.state for o in first + both] == ["stored", "stored", "there already"]
    assert both[1].uid == first[0].uid != both[0].uid and orthanc.count(phantom[0], "SEG") == 2
    assert both[1].dataset is None
    kept = job(connect(between.url), phantom, PacsQuestion(("bright right", "bright left")), asker, keep=True).run()
    assert kept[1].dataset.SOPInstanceUID == first[0].uid


@pytest.mark.usefixtures("seg_free")
def test_a_sentence_is_read_in_its_language(orthanc, between, connect, phantom):
    asker = segmenter(presence={"scale": 50.0, "bias": 0.0, "threshold": 0.5})
    (said,) = job(connect(between.url), phantom, PacsQuestion(("kein Erguss",), language="de"), asker).run()
    assert said.state == "negated"
    with pytest.raises(TextError, match="no lexicon"):
        job(connect(between.url), phantom, PacsQuestion(("left",), language="tlh"), asker).run()


def test_a_language_or_operating_point_that_there_is_none_of_is_told(between, monkeypatch, capsys):
    ask = ["pacs", "segment", "--url", between.url, "--study", "1.2.3", "--text", "links"]
    assert main([*ask, "--language", "tlh"]) == 1
    assert "no lexicon" in capsys.readouterr().err and not between.asked("GET")


def test_the_command_passes_language_and_operating_point_on(connect, between, monkeypatch, capsys):
    from lexseg.pacs import answer as room

    asked = []

    class Noted:
        def __init__(self, _, asker, *how):
            asked.append((asker.presence_threshold, how[2].language))

        def run(self):
            return []

    asker = segmenter(presence={"scale": 50.0, "bias": 0.0, "threshold": 0.5, "lost_15": 0.75})
    monkeypatch.setattr(Segmenter, "from_pretrained", lambda *_, **__: asker)
    monkeypatch.setattr(room, "choose_series", lambda *_: SeriesEntry("1.2", "CT", 1, "", 3))
    monkeypatch.setattr(room, "SeriesJob", Noted)
    ask = ["pacs", "segment", "--url", between.url, "--study", "1.2.3", "--text", "links"]
    assert main([*ask, "--language", "de", "--operating-point", "15"]) == 0
    assert asked == [(0.75, "de")]


@pytest.mark.parametrize(("text", "state"), [("no lung on the left", "negated"), ("left", "not found")])
def test_where_nothing_is_found_nothing_is_stored(orthanc, between, connect, phantom, text, state):
    (outcome,) = job(connect(between.url), phantom, PacsQuestion((text,), threshold=0.9999999)).run()
    assert outcome.state == state and outcome.dataset is None
    assert not between.asked("POST") and orthanc.count(phantom[0], "SEG") == 0


@pytest.mark.usefixtures("seg_free")
def test_the_sentence_is_stored_only_where_it_may_be(orthanc, connect, phantom):
    pacs = connect(orthanc.url)
    for include in (False, True):
        (outcome,) = job(pacs, phantom, PacsQuestion(("bright lung",), include_text=include)).run()
        content = io.BytesIO()
        orthanc.read(outcome.uid).save_as(content)
        assert (b"bright lung" in content.getvalue()) is include


@pytest.mark.usefixtures("seg_free")
def test_some_slices_are_asked_and_the_others_stay_empty(orthanc, connect, phantom):
    pacs = connect(orthanc.url)
    (rest,) = job(pacs, phantom, replace(BRIGHT, frames=(3, None)), store=False).run()
    assert rest.numbers["frames_found"] == [3, 4] and rest.state == "not stored"
    (outcome,) = job(pacs, phantom, replace(BRIGHT, frames=(1, 3))).run()
    assert outcome.numbers["frames_found"] == [1, 2]
    # from the feet upwards, as the slices lie; they were taken from the head downwards
    assert sorted(masks_by_source(orthanc.read(outcome.uid))) == ["1.2.840.99.5.1.2", "1.2.840.99.5.1.3"]


def test_sides_that_the_header_does_not_tell_are_told_of(orthanc, connect, phantom, tmp_path):
    film = copy.deepcopy(phantom[2][0])
    for name in ("ImageOrientationPatient", "ImagePositionPatient", "FrameOfReferenceUID"):
        del film[name]
    film.StudyInstanceUID, film.SeriesInstanceUID = "1.2.840.94", "1.2.840.94.1"
    film.SOPInstanceUID = film.file_meta.MediaStorageSOPInstanceUID = "1.2.840.94.1.1"
    film.save_as(tmp_path / "film.dcm")
    orthanc.put(tmp_path / "film.dcm")
    pacs, series = connect(orthanc.url), SeriesEntry("1.2.840.94.1", "CT", 1, "", 1)
    question = PacsQuestion(("bright left", "bright"))
    sided, plain = SeriesJob(pacs, segmenter(), "1.2.840.94", series, question, store=False).run()
    assert any("whose left is meant" in note for note in sided.notes)
    assert not any("whose left is meant" in note for note in plain.notes)
    (told,) = SeriesJob(
        pacs, segmenter(), "1.2.840.94", series, replace(question, laterality="image"), store=False
    ).run()[:1]
    assert not any("whose left is meant" in note for note in told.notes)


def test_films_of_one_series_are_answered_one_by_one(orthanc, between, connect, data_root, tmp_path):
    film = pydicom.dcmread(data_root / "io_samples" / "dicom" / "highdicom" / "dx_image.dcm")
    film.StudyInstanceUID, film.SeriesInstanceUID = "1.2.840.97", "1.2.840.97.1"
    for number in range(2):
        film.SOPInstanceUID = film.file_meta.MediaStorageSOPInstanceUID = f"1.2.840.97.1.{number}"
        film.save_as(tmp_path / f"{number}.dcm")
    orthanc.put(tmp_path / "0.dcm", tmp_path / "1.dcm")
    pacs = connect(between.url)
    series = choose_series(pacs, film.StudyInstanceUID)
    outcomes = SeriesJob(pacs, segmenter(), film.StudyInstanceUID, series, BRIGHT).run()
    assert [(o.image, o.state) for o in outcomes] == [(0, "stored"), (1, "stored")]
    assert orthanc.count(film.StudyInstanceUID, "SEG") == 2
    fetched = len(images_fetched(between))
    again = SeriesJob(pacs, segmenter(), film.StudyInstanceUID, series, BRIGHT).run()
    assert {o.uid for o in again} == {o.uid for o in outcomes} and {o.state for o in again} == {"there already"}
    assert len(images_fetched(between)) == fetched
    # the form without a plane, which an older version stored, is not taken for the one that can be read
    bare = SeriesJob(pacs, segmenter(), film.StudyInstanceUID, series, replace(BRIGHT, bare=True)).run()
    assert {o.state for o in bare} == {"stored"} and not {o.uid for o in bare} & {o.uid for o in outcomes}
    assert [answer_uid([f"1.2.840.97.1.{n}"], segmenter(), BRIGHT, "bright") for n in range(2)] == [o.uid for o in bare]
    assert "ImageComments" in orthanc.read(outcomes[0].uid) and "ImageComments" not in orthanc.read(bare[0].uid)


def test_the_identifier_follows_from_all_that_the_answer_depends_on():
    base = answer_uid(["1.2", "1.3"], segmenter(), BRIGHT, "bright")
    assert base == answer_uid(["1.3", "1.2"], segmenter(), BRIGHT, "bright")
    assert base == answer_uid(["1.3", "1.2"], segmenter(), replace(BRIGHT, threshold=0.5), "bright"), "the model's own"
    assert base == answer_uid(["1.3", "1.2"], segmenter(), replace(BRIGHT, language="en"), "bright"), "the usual one"
    others = [
        answer_uid(["1.2"], segmenter(), BRIGHT, "bright"),
        answer_uid(["1.2", "1.3"], segmenter("cd" * 32), BRIGHT, "bright"),
        answer_uid(["1.2", "1.3"], segmenter(threshold=0.4), BRIGHT, "bright"),
        answer_uid(["1.2", "1.3"], segmenter(presence={"scale": 2.0, "bias": 0, "threshold": 0.5}), BRIGHT, "bright"),
        answer_uid(["1.2", "1.3"], segmenter(), BRIGHT, "bright left"),
        answer_uid(["1.2", "1.3"], segmenter(), BRIGHT, "bright", made_up=True),
        *(
            answer_uid(["1.2", "1.3"], segmenter(), replace(BRIGHT, **{name: value}), "bright")
            for name, value in {
                "threshold": 0.6,
                "laterality": "image",
                "frames": (0, None),
                "channel": 1,
                "include_text": True,
                "language": "de",
            }.items()
        ),
    ]
    assert len({base, *others}) == len(others) + 1
    assert pydicom.uid.UID(base).is_valid and base.startswith("2.25.")
    # for ever: what was stored by an older version is known to a newer one
    assert base == "2.25.97363107332899917649490022697395444987"
    with pytest.raises(ConfigError, match="save it first"):
        answer_uid(["1.2"], segmenter(None), BRIGHT, "bright")


def test_which_series_is_meant(orthanc, connect, phantom, tmp_path):
    study, _, slices = phantom
    pacs = connect(orthanc.url)
    report = copy.deepcopy(slices[0])
    del report.PixelData
    report.StudyInstanceUID, report.SeriesInstanceUID, report.Modality = "1.2.840.96", "1.2.840.96.1", "SR"
    report.SOPInstanceUID = report.file_meta.MediaStorageSOPInstanceUID = "1.2.840.96.1.1"
    report.save_as(tmp_path / "report.dcm")
    orthanc.put(tmp_path / "report.dcm")
    with pytest.raises(PacsError, match=r"holds no images; it holds:\n  1\.2\.840\.96\.1: SR"):
        choose_series(pacs, "1.2.840.96")
    with pytest.raises(PacsError, match=r"the series holds no images \(SR\)"):
        choose_series(pacs, "1.2.840.96", "1.2.840.96.1")
    for number, modality in enumerate(("CT", "MR")):
        report.SeriesInstanceUID, report.Modality = f"1.2.840.95.{number}", modality
        report.StudyInstanceUID, report.SOPInstanceUID = "1.2.840.95", f"1.2.840.95.{number}.1"
        report.save_as(tmp_path / "report.dcm")
        orthanc.put(tmp_path / "report.dcm")
    with pytest.raises(PacsError, match=r"holds 2 series; say which by --series:\n  1\.2\.840\.95\.0: CT.*\n.*: MR"):
        choose_series(pacs, "1.2.840.95")
    assert choose_series(pacs, "1.2.840.95", "1.2.840.95.1").modality == "MR"
    with pytest.raises(PacsError, match="holds no such series; it holds:"):
        choose_series(pacs, study, "1.2.3")
    with pytest.raises(PacsError, match="no such study"):
        choose_series(pacs, "1.2.3")


def test_a_series_that_is_still_arriving_is_not_taken_for_whole(orthanc, connect, phantom):
    study, series, _ = phantom
    entry = SeriesEntry(series, "CT", 1, "", 6)
    with pytest.raises(PacsError, match="lists 5 of the 6 images"):
        SeriesJob(connect(orthanc.url), segmenter(), study, entry, BRIGHT).run()


def test_a_sentence_is_refused_before_anything_is_retrieved(between, connect, phantom):
    with pytest.raises(TextError):
        job(connect(between.url), phantom, PacsQuestion((" ",))).run()
    assert not between.requests


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["find", "--url", "http://me:pw@127.0.0.1/dicom-web"], "LEXSEG_PACS_USER"),
        (["find", "--url", "http://127.0.0.1:9/x", "--study", "1.2", "--patient", "a"], "--study names one study"),
        (["segment", "--url", "http://127.0.0.1:9/x", "--study", "1.2", "--text", " "], "--text is blank"),
        ([*SEGMENT, "--output", __file__], "is a file; give a folder"),
        ([*SEGMENT, "--output", f"{__file__}/new/folder"], "is a file; give a folder"),
        (["find", "--url", "http://127.0.0.1:9/x", "--attempts", "1"], "no server answers there"),
        (["find", "--url", "http://127.0.0.1:9/x", "--ca-bundle", "nowhere.pem"], "no such file of certificates"),
    ],
)
def test_mistakes_are_told_in_one_line(arguments, message, known, capsys):
    assert main(["pacs", *arguments]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error and error.count("\n") == 1 and "pw" not in error


@pytest.mark.parametrize(
    "arguments",
    [
        ["find"],
        ["find", "--url", "u", "--date", "yesterday"],
        ["find", "--url", "u", "--date", "2024-13-40"],
        ["find", "--url", "u", "--date", "20230229"],
        ["find", "--url", "u", "--date", "20240101-20240230"],
        ["find", "--url", "u", "--date", "-00000000"],
        ["find", "--url", "u", "--date", "20240131-20240101"],
        ["find", "--url", "u", "--limit", "0"],
        ["find", "--url", "u", "--study", "../../admin"],
        ["segment", "--url", "u", "--study", "1.2"],
        ["segment", "--url", "u", "--study", "1.2", "--text", "a", "--slices", "0:0"],
        ["segment", "--url", "u", "--study", "1.2", "--text", "a", "--slices", "4:3"],
        ["segment", "--url", "u", "--study", "1.2", "--text", "a", "--threshold", "1.5"],
    ],
)
def test_usage(arguments, capsys):
    assert main(["pacs", *arguments]) == 2
    assert "usage: lexseg pacs" in capsys.readouterr().err


def test_a_wrong_password_is_told_by_the_command(orthanc, known, monkeypatch, capsys):
    monkeypatch.setenv("LEXSEG_PACS_PASSWORD", PASSWORD + "x")
    assert main(["pacs", "find", "--url", orthanc.url]) == 1
    error = capsys.readouterr().err
    assert "password or token is wrong (HTTP 401)" in error and PASSWORD not in error and USER not in error


def test_who_waits_is_told_why_once(between, known, phantom, capsys):
    between.fail("drop", times=2)
    assert main(["pacs", "find", "--url", between.url, "--study", phantom[0]]) == 0
    printed = capsys.readouterr()
    assert phantom[1] in printed.out and len(between.requests) == 4
    assert printed.err == f"{between.url}: the connection was cut; trying again\n"


def test_find_lists_as_json_and_says_when_there_is_more(orthanc, known, phantom, capsys):
    assert main(["pacs", "find", "--url", orthanc.url, "--study", phantom[0], "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {"uid": phantom[1], "modality": "CT", "number": 1, "description": "", "n_images": 5} in listed
    orthanc_has = len(orthanc.session().get(f"http://127.0.0.1:{orthanc.port}/studies").json())
    assert main(["pacs", "find", "--url", orthanc.url, "--limit", "1"]) == 0
    printed = capsys.readouterr()
    assert printed.out.count("\n") == 1 and ("more than 1" in printed.err) is (orthanc_has > 1)
    assert main(["pacs", "find", "--url", orthanc.url, "--patient", "nobody"]) == 0
    assert "nothing found" in capsys.readouterr().err
    for option in ([], ["--json"]):
        assert main(["pacs", "find", "--url", orthanc.url, "--study", "1.2.3.4.5.6", *option]) == 1
        printed = capsys.readouterr()
        assert printed.out == "" and "no such study" in printed.err


@pytest.mark.parametrize("date", ["20240229", "2024-02-29", "20240101-20240131", "20240101-", "-20240131"])
def test_days_and_spans_that_there_are(date):
    from lexseg.cli.pacs import _date

    assert _date(date) == (date.replace("-", "") if date[4] == "-" else date)


def test_images_that_go_unprotected_are_told_of(known, capsys, monkeypatch):
    monkeypatch.setattr(PacsClient, "studies", lambda *_, **__: [])
    assert main(["pacs", "find", "--url", "http://pacs.example/dicom-web"]) == 0
    assert "the password and images can be read on their way" in capsys.readouterr().err


def test_without_the_extra_the_error_names_it(monkeypatch, capsys):
    monkeypatch.delitem(sys.modules, "lexseg.pacs.web")
    monkeypatch.setitem(sys.modules, "dicomweb_client", None)
    assert main(["pacs", "find", "--url", "http://127.0.0.1:9/x"]) == 1
    assert "pip install 'lexseg[dicom]'" in capsys.readouterr().err
