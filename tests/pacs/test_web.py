import copy
import gzip
import http.server
import json
import logging
import socket
import threading
from dataclasses import replace

import pytest
from pydicom.uid import generate_uid

import components
from lexseg.errors import ConfigError, PacsError
from pacs.faults import Between, self_signed
from pacs.orthanc import PASSWORD, USER

pytest.importorskip("dicomweb_client")
from lexseg.pacs.access import Access, Patience, credentials
from lexseg.pacs.web import PacsClient

QUICK = Patience(connect=30, read=60, attempts=4, wait=0.01)


def client(url, *, ca_bundle=None, patience=QUICK, waited=None, **environment):
    who = environment or {"LEXSEG_PACS_USER": USER, "LEXSEG_PACS_PASSWORD": PASSWORD}
    access = Access(url, ca_bundle=ca_bundle, patience=patience, auth=credentials(who))
    return PacsClient(access, sleep=[].append if waited is None else waited.append)


def result_for(study, slices):
    """Something new to store in the study."""
    dataset = copy.deepcopy(slices[0])
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.SeriesInstanceUID, dataset.Modality = generate_uid(), "OT"
    return dataset


def holds(orthanc, instance):
    """How often, by Orthanc's own interface."""
    answer = orthanc.session().post(f"http://127.0.0.1:{orthanc.port}/tools/lookup", data=instance)
    return len(answer.json())


def test_the_newest_studies_come_first_whatever_the_order_of_the_pacs(monkeypatch):
    archive = [
        {"0020000D": {"Value": [f"1.{n}"]}, "00080020": {"Value": [f"{1900 + n}0101"]}} for n in range(100)
    ]  # oldest first, as far as one can see

    def listed(limit, offset, **_):
        return archive[offset : offset + min(limit, 30)]

    with client("https://pacs.example/dicom-web") as pacs:
        monkeypatch.setattr(pacs._web, "search_for_studies", listed)
        assert [study.uid for study in pacs.studies(limit=2)] == ["1.99", "1.98"]


@pytest.mark.parametrize("patient", ["1CT1", "1C*", "?ct1"])
def test_a_study_is_found_by_patient_date_and_modality(orthanc, phantom, patient):
    study, series, slices = phantom
    with client(orthanc.url) as pacs:
        (found,) = [s for s in pacs.studies(patient=patient, date="20040101-20041231", modality="CT") if s.uid == study]
        assert pacs.studies(patient=patient, date="20050101-") == []
        assert pacs.studies(patient="nobody") == []
        (listed,) = [s for s in pacs.series(study) if s.uid == series]
        assert [i.uid for i in pacs.instances(study, series)] == [s.SOPInstanceUID for s in slices]
        assert pacs.series("1.2.3") == []
    assert (found.patient, found.date, found.description) == ("1CT1", "2004-01-19", "e+1")
    assert listed.modality == "CT" and listed.n_images == 5 and listed.has_pictures


def test_a_patient_whose_id_a_url_would_escape(orthanc, phantom, tmp_path):
    _, _, slices = phantom
    for number, patient in enumerate(["A 1/2", "A-1/2"]):
        other = result_for("", slices)
        other.PatientID, other.StudyInstanceUID = patient, f"1.2.840.98.{number}"
        other.save_as(tmp_path / "other.dcm")
        orthanc.put(tmp_path / "other.dcm")
    with client(orthanc.url) as pacs:
        assert [s.uid for s in pacs.studies(patient="A 1/2")] == ["1.2.840.98.0"]
        assert [s.uid for s in pacs.studies(patient="A?1/*")] == ["1.2.840.98.0", "1.2.840.98.1"][::-1]


def test_an_instance_comes_back_as_it_was_stored(orthanc, phantom):
    study, series, slices = phantom
    with client(orthanc.url) as pacs:
        back = pacs.fetch(study, series, slices[2].SOPInstanceUID)
    assert back.PixelData == slices[2].PixelData
    assert back.file_meta.TransferSyntaxUID == slices[2].file_meta.TransferSyntaxUID
    assert back == slices[2]


def test_what_is_there_is_not_stored_again(orthanc, between, phantom):
    study, _, slices = phantom
    new = result_for(study, slices)
    with client(between.url) as pacs:
        assert not pacs.has(study, new.SOPInstanceUID)
        assert pacs.store(new) is True
        assert pacs.has(study, new.SOPInstanceUID)
        assert pacs.store(new) is False
    assert len(between.asked("POST")) == 1 and holds(orthanc, new.SOPInstanceUID) == 1


@pytest.mark.parametrize("large", [False, True])
def test_a_result_of_any_size_goes_in_one_piece_with_its_length(between, phantom, large):
    study, _, slices = phantom
    new = result_for(study, slices)
    new.Rows = new.Columns = 2048 if large else 128
    new.PixelData = bytes(2 * new.Rows * new.Columns)
    with client(between.url) as pacs:
        assert pacs.store(new)
    (posted,) = [h for h, (m, _) in zip(between.headers, between.requests, strict=True) if m == "POST"]
    assert int(posted["Content-Length"]) > len(new.PixelData) and "Transfer-Encoding" not in posted
    assert posted["Host"] == f"127.0.0.1:{between.port}"  # dicomweb-client would leave the port out


def test_an_answer_that_was_lost_does_not_store_twice(orthanc, between, phantom):
    study, _, slices = phantom
    new = result_for(study, slices)
    between.fail("lose", "POST")
    with client(between.url) as pacs:
        assert pacs.store(new) is True
    assert len(between.asked("POST")) == 1, "the PACS is asked whether it has it, and not sent it again"
    assert holds(orthanc, new.SOPInstanceUID) == 1


def test_an_upload_that_never_arrived_is_sent_again(orthanc, between, phantom):
    study, _, slices = phantom
    new = result_for(study, slices)
    between.fail("drop", "POST")
    between.fail("status", "POST", status=503)
    with client(between.url) as pacs:
        assert pacs.store(new) is True
    assert len(between.asked("POST")) == 3 and holds(orthanc, new.SOPInstanceUID) == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop", "times": 2},
        {"kind": "cut", "times": 2},
        {"kind": "status", "status": 503, "times": 3},
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 429},
    ],
    ids=str,
)
def test_passing_trouble_is_waited_out(between, phantom, fault):
    study, series, slices = phantom
    between.fail(**fault)
    waited = []
    with client(between.url, waited=waited) as pacs:
        back = pacs.fetch(study, series, slices[0].SOPInstanceUID)
    assert back.PixelData == slices[0].PixelData
    assert len(waited) == fault.get("times", 1) == len(between.requests) - 1


def test_waits_grow_and_the_pacs_may_name_them_within_reason(between):
    waited = []
    between.fail("status", status=503, times=4)
    with client(between.url, waited=waited) as pacs, pytest.raises(PacsError, match=r"overloaded.*503.*tried 4 times"):
        pacs.series("1.2.3")
    assert len(waited) == 3 and waited[0] < waited[1] < waited[2] < 0.06
    del waited[:]
    between.fail("status", status=429, headers=[("Retry-After", "7")])
    between.fail("status", status=503, headers=[("Retry-After", "86400")])
    with client(between.url, waited=waited) as pacs:
        pacs.series("1.2.3")
    assert waited == [7.0, 30.0]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 408, 409, 413, 415])
def test_a_refusal_is_final(between, status):
    waited = []
    between.fail("status", status=status, times=9)
    with client(between.url, waited=waited) as pacs, pytest.raises(PacsError, match=str(status)):
        pacs.series("1.2.3")
    assert len(between.requests) == 1 and not waited


def test_a_refused_upload_is_final(between, phantom):
    study, _, slices = phantom
    between.fail("status", "POST", status=409, times=9)
    with client(between.url) as pacs, pytest.raises(PacsError, match="409"):
        pacs.store(result_for(study, slices))
    assert len(between.asked("POST")) == 1


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"00081198": {"vr": "SQ", "Value": [{"00081197": {"vr": "US", "Value": [0xA700]}}]}}, "0xa700"),
        ({}, "does not show it"),
    ],
)
def test_a_pacs_that_takes_the_request_but_not_the_result(between, phantom, answer, message):
    study, _, slices = phantom
    body, kind = json.dumps(answer).encode(), [("Content-Type", "application/dicom+json")]
    between.fail("status", "POST", status=202, headers=kind, body=body)
    with client(between.url) as pacs, pytest.raises(PacsError, match=message):
        pacs.store(result_for(study, slices))


def test_a_pacs_that_is_silent(between):
    between.fail("slow", times=2, seconds=600)
    impatient, waited = Patience(connect=30, read=0.3, attempts=2, wait=0.01), []
    said = pytest.raises(PacsError, match=r"silent for 0\.3 s")
    with client(between.url, patience=impatient, waited=waited) as pacs, said:
        pacs.series("1.2.3")
    assert len(waited) == 1  # it was asked twice
    between.fail("slow", seconds=0.4)
    with client(between.url, patience=replace(impatient, read=60)) as pacs:  # slow, but within the time
        assert pacs.series("1.2.3") == []


def test_no_server_there():
    with socket.socket() as taken:  # bound, but not listening: the port refuses
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/dicom-web"
        with client(url) as pacs, pytest.raises(PacsError, match="no server answers there; is the PACS running"):
            pacs.series("1.2.3")


@pytest.mark.parametrize(
    ("who", "message"),
    [
        ({"LEXSEG_PACS_USER": USER, "LEXSEG_PACS_PASSWORD": "wrong"}, "password or token is wrong"),
        ({"LEXSEG_PACS_TOKEN": "abc"}, "password or token is wrong"),
        ({"OTHER": ""}, "asks who you are"),
    ],
)
def test_a_wrong_password_is_said_to_be_one(between, who, message):
    with client(between.url, **who) as pacs, pytest.raises(PacsError, match=message) as caught:
        pacs.series("1.2.3")
    assert len(between.requests) == 1
    assert "wrong'" not in str(caught.value) and "abc" not in str(caught.value)


def test_a_token_is_sent_and_no_netrc_goes_before_it(between, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with client(between.url, LEXSEG_PACS_TOKEN="abc") as pacs, pytest.raises(PacsError):
        pacs.series("1.2.3")
    assert between.headers[0]["Authorization"] == "Bearer abc"


@pytest.mark.parametrize(
    ("who", "message"),
    [
        ({"LEXSEG_PACS_USER": "a"}, "LEXSEG_PACS_PASSWORD is not set"),
        ({"LEXSEG_PACS_PASSWORD": "a"}, "LEXSEG_PACS_USER is not set"),
        ({"LEXSEG_PACS_TOKEN": "a", "LEXSEG_PACS_USER": "b", "LEXSEG_PACS_PASSWORD": "c"}, "unset one"),
        ({"LEXSEG_PACS_TOKEN": "a\nX-Header: b"}, "line break"),
    ],
)
def test_credentials_are_whole_or_an_error(who, message):
    with pytest.raises(ConfigError, match=message):
        credentials(who)


@pytest.mark.parametrize(
    "url", ["", "pacs", "ftp://pacs/x", "http://", "http://pacs:x/", "http://pacs/?a=b", "http://["]
)
def test_what_is_no_url(url):
    with pytest.raises(ConfigError, match="expected something like"):
        Access(url)


def test_a_password_in_the_url_is_refused_and_not_repeated():
    with pytest.raises(ConfigError, match="LEXSEG_PACS_USER") as caught:
        Access("http://me:secret@pacs/dicom-web")
    assert "secret" not in str(caught.value)


def test_secrets_are_in_no_representation():
    access = Access("http://pacs/dicom-web", auth=credentials({"LEXSEG_PACS_TOKEN": "secret"}))
    assert "secret" not in repr(access)


def test_who_listens_on_the_way_is_told():
    assert Access("http://pacs.hospital/dicom-web").in_the_clear
    assert not Access("http://127.0.0.1:8042/dicom-web").in_the_clear
    assert not Access("https://pacs.hospital/dicom-web").in_the_clear


def test_a_certificate_that_nobody_signed(orthanc, tmp_path, monkeypatch):
    context, certificate = self_signed(components.openssl(), tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    _, others = self_signed(components.openssl(), other)
    with Between(orthanc.port, context) as server:
        waited = []
        with client(server.url, waited=waited) as pacs, pytest.raises(PacsError, match=r"not trusted.*--ca-bundle"):
            pacs.series("1.2.3")
        assert not server.requests and not waited, "nothing was sent, and it was not tried again"
        # what the command names goes before what the environment names
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(others))
        with client(server.url, ca_bundle=certificate) as pacs:
            assert pacs.series("1.2.3") == []
        with client(server.url, ca_bundle=others) as pacs, pytest.raises(PacsError, match="not trusted"):
            pacs.series("1.2.3")


def test_https_where_http_is_spoken(orthanc):
    with client(orthanc.url.replace("http:", "https:")) as pacs, pytest.raises(PacsError, match="does this port speak"):
        pacs.series("1.2.3")


def test_the_proxy_of_the_environment_is_used(between, orthanc, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{between.port}")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    with client(orthanc.url) as pacs:
        pacs.series("1.2.3")
        assert between.requests[0][1].startswith(orthanc.url)  # a whole URL: we were asked as a proxy
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        pacs.series("1.2.3")
    assert len(between.requests) == 1


def test_a_password_goes_nowhere_else(between):
    between.fail("status", status=302, headers=[("Location", "http://127.0.0.1:9/studies/1.2.3?x")])
    with client(between.url) as pacs, pytest.raises(PacsError, match=r"on to http://127\.0\.0\.1:9; give") as caught:
        pacs.series("1.2.3")
    assert "1.2.3" not in str(caught.value)


@pytest.mark.parametrize(
    "body", [b"<html>log in</html>", b'["a"]', b"3", gzip.compress(b"[]")], ids=["html", "list", "number", "gzip"]
)
def test_a_server_that_speaks_no_dicomweb(between, body):
    between.fail("status", status=200, body=body, times=9)
    with client(between.url) as pacs, pytest.raises(PacsError, match=r"not as a DICOMweb server.*8042/dicom-web"):
        pacs.series("1.2.3")
    assert len(between.requests) == 1


def test_another_image_than_asked_for_is_refused(orthanc, phantom, monkeypatch):
    study, series, slices = phantom
    with client(orthanc.url) as pacs:
        monkeypatch.setattr(pacs._web, "retrieve_instance", lambda *_: slices[1])
        with pytest.raises(PacsError, match="another image"):
            pacs.fetch(study, series, slices[0].SOPInstanceUID)


class Pages(http.server.BaseHTTPRequestHandler):
    """Lists seven instances, three at a time, whatever page size is asked for; or always the first three."""

    stuck = False

    def do_GET(self):
        offset = 0 if self.stuck else int(self.path.split("offset=")[1].split("&")[0])
        page = [{"00080018": {"vr": "UI", "Value": [f"1.{n}"]}} for n in range(7)][offset : offset + 3]
        body = json.dumps(page).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.mark.parametrize(("stuck", "n"), [(False, 7), (True, 3)])
def test_short_pages_are_all_read_and_none_for_ever(monkeypatch, stuck, n):
    monkeypatch.setattr(Pages, "stuck", stuck)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        with client(f"http://127.0.0.1:{server.server_address[1]}") as pacs:
            assert len(pacs.instances("1.2", "1.2.3")) == n
        server.shutdown()


def test_no_identifier_reaches_a_log(orthanc, between, phantom, caplog):
    study, series, slices = phantom
    caplog.set_level(logging.INFO)  # what a server that uses this would keep
    between.fail("drop")
    with client(between.url) as pacs:
        pacs.studies(patient="1CT1")
        pacs.fetch(study, series, slices[0].SOPInstanceUID)
        pacs.store(result_for(study, slices))
        with pytest.raises(PacsError) as caught:
            pacs.fetch(study, series, "1.2.3")
    assert "1CT1" not in caplog.text and "1.2.840" not in caplog.text
    assert "1.2.840" not in str(caught.value)
