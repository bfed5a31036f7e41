"""Many users at once, and a server that is killed in mid-job; ``make soak`` measures its speed and its memory."""

import gzip
import json
import sys
import tempfile
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from serving import FILM, site, until

sys.path.insert(0, str(Path(__file__).parents[1] / "soak"))
from load import Client, family, run_clients, served


@pytest.mark.slow
def test_many_clients_at_once_then_a_kill_in_mid_job_and_a_restart(bundled, tmp_path, monkeypatch):
    state, scratch, upload = tmp_path / "state", tmp_path / "tmp", tmp_path / "volume.nii.gz"
    state.mkdir()
    scratch.mkdir()
    film = np.asarray(Image.open(FILM).convert("L").resize((96, 96))).astype(np.int16)
    volume = nib.Nifti1Image(np.repeat(film.T[..., None], 400, axis=2), np.eye(4))
    upload.write_bytes(gzip.compress(volume.to_bytes(), 1))
    monkeypatch.setenv("TMPDIR", str(scratch))
    with served(state) as (process, port):
        seen = run_clients(port, clients=32, questions=4)
        assert seen.errors == [] and len(seen.seconds) == 32 * 4

        client = Client(port)
        _, image = client.upload(upload)
        _, job = client.segment(image["id"], sentences=["infection of Zaphod"], frames=[0, 399])
        while not (now := json.loads(client.call("GET", f"/v1/jobs/{job['id']}")[1]))["done"]:
            time.sleep(0.02)
        assert now["state"] == "running"
        readers = family(process.pid)[1:]
        assert readers and list(scratch.iterdir())
        process.kill()
        process.wait()
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in readers))  # they end with it
    for path in state.iterdir():
        assert "Zaphod" not in path.read_text() and "ERROR" not in path.read_text()

    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    with site(bundled, state=state, port=port) as restarted:
        told = restarted.get(f"/v1/jobs/{job['id']}")
        assert told.status == 200 and told.json["state"] == "interrupted" and told.json["results"] == []
        assert told.json["error"]["code"] == "interrupted" and "again" in told.json["error"]["message"]
        gone = restarted.get(f"/v1/images/{image['id']}")
        assert gone.status == 404 and "upload it again" in gone.json["error"]["message"]
        (folder,) = scratch.iterdir()  # the killed server's is gone, half files and all
        assert not any(path.is_dir() for path in folder.iterdir())
        restarted.open(upload)
    assert not list(scratch.iterdir())
