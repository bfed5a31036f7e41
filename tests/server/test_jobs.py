"""Questions about volumes: progress, answers, cancelling, and a server that is killed in the middle."""

import contextlib
import errno
import gc
import gzip
import io
import json
import os
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from lexseg.predict.volumes import segment_volume
from lexseg.scans.open import open_scan
from lexseg.server.journal import Journal
from serving import FILM, site

RIGHT = "infection in the right lung"


@pytest.fixture(scope="module")
def long_volume():
    """A film as 160 slices: long enough to be interrupted."""
    film = np.asarray(Image.open(FILM).convert("L").resize((96, 96))).astype(np.int16)
    return gzip.compress(nib.Nifti1Image(np.repeat(film.T[..., None], 160, axis=2), np.eye(4)).to_bytes(), 1)


def test_a_range_of_frames_is_a_job(server, data_root, bundled):
    path = data_root / "io_samples" / "nifti" / "totalseg_example_ct_sm.nii.gz"
    image = server.open(path)
    answer = server.post(f"/v1/images/{image['id']}/segment", sentences=[RIGHT, "no nodule"], frames=[14, 21])
    assert answer.status == 202 and answer.headers["location"] == f"/v1/jobs/{answer.json['id']}"
    assert answer.json["state"] in ("queued", "running") and answer.json["total"] == 8
    done = server.wait(answer.json, "done")
    assert done["done"] == 8 and done["error"] is None and done["seconds_left"] is None
    found, negated = done["results"]
    own = segment_volume(bundled, open_scan(path), [RIGHT], frames=range(14, 22))[0]
    assert found["state"] == "found" and negated["state"] == "negated"
    assert found["frames"] == [14, 21] and found["frames_found"] == own.describe()["frames_found"]
    assert found["area"]["px"] == own.describe()["voxels"] > 0 and found["ml"] == own.describe()["ml"]
    for frame in (14, found["largest"]["frame"]):
        picture = Image.open(io.BytesIO(server.get(f"{found['links']['mask']}?frame={frame}").body))
        assert np.array_equal(np.asarray(picture) > 0, own.mask(frame))
        told = server.get(f"{found['links']['json']}?frame={frame}").json
        assert bool(told["polygons"]) == own.mask(frame).any()
    assert server.get(f"{found['links']['mask']}?frame=22").code == "no_such_frame"
    volume = nib.Nifti1Image.from_bytes(gzip.decompress(server.get(found["links"]["nifti"]).body))
    assert volume.shape == nib.load(path).shape and np.asarray(volume.dataobj).sum() == own.describe()["voxels"]
    assert "lung" not in json.dumps(done)


def test_a_job_tells_how_far_it_is_and_ends_when_it_is_cancelled(server, long_volume):
    image = server.open(long_volume)
    ask = f"/v1/images/{image['id']}/segment"
    first = server.post(ask, sentences=[RIGHT], frames=[0, 159]).json
    second = server.post(ask, sentences=[RIGHT], frames=[0, 159]).json
    seen = []
    while len(seen) < 3:
        now = server.get(f"/v1/jobs/{first['id']}").json
        assert now["state"] in ("queued", "running")
        if now["done"] and now["done"] not in seen:
            seen.append(now["done"])
            assert now["seconds_left"] > 0
    assert seen == sorted(seen) and seen[-1] < 160
    assert server.get(f"/v1/jobs/{second['id']}").json["state"] == "queued"
    assert server.ask(image, RIGHT, frame=3)[0]["frame"] == 3  # one frame need not wait for the job's end
    assert server.get(f"/v1/jobs/{first['id']}").json["state"] == "running"
    server.call("DELETE", f"/v1/jobs/{second['id']}")
    assert server.get(f"/v1/jobs/{second['id']}").json["state"] == "cancelled"
    server.call("DELETE", f"/v1/jobs/{first['id']}")
    ended = server.wait(first, "cancelled")
    assert ended["results"] == [] and ended["done"] < 160


def test_closing_the_image_ends_its_jobs(server, long_volume):
    image = server.open(long_volume)
    job = server.post(f"/v1/images/{image['id']}/segment", sentences=[RIGHT], frames=[0, 159]).json
    assert server.call("DELETE", f"/v1/images/{image['id']}").status == 204
    server.wait(job, "cancelled")
    assert not (server.service.root / image["id"]).exists()


def test_nothing_of_a_closed_image_is_told_by_its_jobs_or_stays_on_the_disk(server, long_volume):
    image = server.open(long_volume)
    job = server.post(f"/v1/images/{image['id']}/segment", sentences=[RIGHT], frames=[0, 1]).json
    server.wait(job, "done")
    pixels = f"{image['id']}/frames"
    assert any(pixels in held for held in _held())
    assert server.call("DELETE", f"/v1/images/{image['id']}").status == 204
    assert server.get(f"/v1/jobs/{job['id']}").code == "no_such_job"
    gc.collect()
    assert not any(pixels in held for held in _held())


def test_jobs_of_an_image_that_made_room_for_another_hold_none_of_its_pixels(server, long_volume):
    image = server.open(long_volume)
    job = server.post(f"/v1/images/{image['id']}/segment", sentences=[RIGHT], frames=[0, 1]).json
    assert len(server.wait(job, "done")["results"]) == 1
    server.service.images.close(image["id"])
    gc.collect()
    assert not any(f"{image['id']}/frames" in held for held in _held())
    told = server.get(f"/v1/jobs/{job['id']}").json
    assert told["state"] == "done" and told["results"] == []


def _held():
    """The files that this process holds open, also those that were removed."""
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            yield os.readlink(link)


def test_too_many_jobs_are_refused(strict):
    values = np.repeat(np.eye(20, dtype=np.int16)[..., None], 900, axis=2)
    image = strict.open(gzip.compress(nib.Nifti1Image(values, np.eye(4)).to_bytes()))
    ask = f"/v1/images/{image['id']}/segment"
    first = strict.post(ask, sentences=["left"], frames=[0, 899])
    refused = strict.post(ask, sentences=["left"], frames=[0, 899])
    assert first.status == 202 and refused.status == 503 and refused.code == "busy" and refused.headers["retry-after"]
    strict.call("DELETE", f"/v1/jobs/{first.json['id']}")
    strict.wait(first.json, "cancelled")


def test_jobs_that_nobody_knows(server):
    for method in ("GET", "DELETE"):
        unknown = server.call(method, "/v1/jobs/nobody")
        assert unknown.status == 404 and unknown.code == "no_such_job"


def test_a_server_that_is_stopped_ends_its_jobs_and_notes_it(bundled, long_volume, tmp_path):
    with site(bundled, state=tmp_path, port=1) as stopped:
        image = stopped.open(long_volume)
        job = stopped.post(f"/v1/images/{image['id']}/segment", sentences=[RIGHT], frames=[0, 159]).json
        root, pids = stopped.service.root, stopped.service.intake.pids
        stopped.wait(job, "running")
    # ended, and not waited for: it has not been done
    journal = Journal(tmp_path, 1)
    assert journal.before == {job["id"]: "interrupted"}
    journal.close()
    assert not root.exists() and not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_a_journal_outlives_a_line_that_was_cut_short(tmp_path, monkeypatch):
    journal = Journal(tmp_path, 1)
    for id_, state in (("a", "queued"), ("b", "queued"), ("a", "running"), ("c", "queued"), ("c", "cancelled")):
        journal.write(id_, state)
    blocked = Journal(tmp_path, 1)  # another server with the same port and folder
    blocked.write("d", "queued")
    assert blocked.before == {}
    journal.close()
    with (tmp_path / "jobs-1.jsonl").open("ab") as file:
        file.write(b'{"id": "e", "sta')
    again = Journal(tmp_path, 1)
    assert again.before == {"a": "interrupted", "b": "interrupted", "c": "cancelled"}
    monkeypatch.setattr("lexseg.server.journal._KEPT", 5)
    for number in range(60):
        again.write(f"n{number}", "done")
    again.close()
    lines = (tmp_path / "jobs-1.jsonl").read_text().splitlines()
    assert len(lines) < 30 and json.loads(lines[-1]) == {"id": "n59", "state": "done"}
    assert (tmp_path / "jobs-1.jsonl").read_bytes().endswith(b"\n")
    assert Journal(None, 1).before == {}


class Full:
    """The file of a disk that is full for a while."""

    def __init__(self, file):
        self.file, self.full = file, True

    def write(self, content):
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self.file.write(content)

    def __getattr__(self, name):
        return getattr(self.file, name)


def test_a_full_disk_does_not_end_the_work(tmp_path, caplog):
    journal = Journal(tmp_path, 1)
    journal._file = full = Full(journal._file)
    journal.write("secret", "queued")
    full.full = False
    journal.write("secret", "done")
    journal.close()
    (warning,) = caplog.messages
    assert "could not be written: No space left" in warning and "secret" not in warning
    assert Journal(tmp_path, 1).before == {"secret": "done"}
