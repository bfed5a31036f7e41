"""A real Orthanc with its DICOMweb plugin, on a free port of this machine, with an empty store of its own."""

import contextlib
import json
import os
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pydicom
import requests

USER, PASSWORD = "radiology", "pässword"


@dataclass
class Orthanc:
    url: str
    port: int
    process: subprocess.Popen
    user: tuple[str, str] = (USER, PASSWORD)

    def session(self):
        session = requests.Session()
        session.auth, session.trust_env = tuple(word.encode() for word in self.user), False
        return session

    def put(self, *paths):
        """Store files by Orthanc's own interface, not by what is tested."""
        for path in paths:
            answer = self.session().post(f"http://127.0.0.1:{self.port}/instances", data=Path(path).read_bytes())
            answer.raise_for_status()

    def count(self, study, modality):
        """How many instances of a modality the study holds, by Orthanc's own interface."""
        query = {"Level": "Instance", "Query": {"StudyInstanceUID": study, "Modality": modality}}
        return len(self.session().post(f"http://127.0.0.1:{self.port}/tools/find", json=query).json())

    def read(self, instance):
        """The bytes of an instance, by Orthanc's own interface."""
        base, session = f"http://127.0.0.1:{self.port}", self.session()
        (found,) = session.post(f"{base}/tools/lookup", data=instance).json()
        content = session.get(f"{base}{found['Path']}/file").content
        return pydicom.dcmread(pydicom.filebase.DicomBytesIO(content))

    def forget(self, study, modality):
        """Delete all instances of a modality from a study."""
        base, session = f"http://127.0.0.1:{self.port}", self.session()
        query = {"Level": "Instance", "Query": {"StudyInstanceUID": study, "Modality": modality}}
        for instance in session.post(f"{base}/tools/find", json=query).json():
            session.delete(f"{base}/instances/{instance}").raise_for_status()


@contextlib.contextmanager
def running(programs, folder, users=None):
    """Start Orthanc, and end it: ``programs`` are those of :func:`components.orthanc`, ``users`` passwords by names."""
    program, plugin = programs
    for _ in range(5):  # another test may take the port between our look and Orthanc's start
        server = _start(program, plugin, folder, users or {USER: PASSWORD})
        if server is not None:
            break
    else:
        raise RuntimeError((folder / "log").read_text())
    try:
        yield server
    finally:
        server.process.kill()  # its store goes with it, and asked politely it takes two seconds
        server.process.wait()


def _start(program, plugin, folder, users):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "StorageDirectory": str(folder / "store"),
        "IndexDirectory": str(folder / "store"),
        "Plugins": [str(plugin)],
        "HttpPort": port,
        "DicomServerEnabled": False,
        "WebDavEnabled": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": users,
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    (folder / "orthanc.json").write_text(json.dumps(settings, ensure_ascii=False), encoding="utf-8")
    with open(folder / "log", "wb") as log:
        command = [program, "--no-jobs", folder / "orthanc.json"]
        process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | {"TZ": "UTC"})
    server = Orthanc(f"http://127.0.0.1:{port}/dicom-web", port, process, next(iter(users.items())))
    for _ in range(300):
        if process.poll() is not None:
            return None
        with contextlib.suppress(requests.ConnectionError):
            if server.session().get(f"http://127.0.0.1:{port}/system", timeout=5).ok:
                return server
        time.sleep(0.05)
    process.kill()
    return None
