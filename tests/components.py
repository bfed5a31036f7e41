"""Programs that tests need and pip does not bring. Absent, a test is skipped; where CI has installed them, it fails."""

import os
import shutil
import sysconfig
from pathlib import Path
from typing import NoReturn

import pytest

_PLUGIN_FOLDERS = ("/usr/share/orthanc/plugins", "/usr/lib/orthanc", "/usr/local/share/orthanc/plugins")


def orthanc() -> tuple[Path, Path]:
    """The server Orthanc, and its DICOMweb plugin."""
    program = _program("Orthanc", "orthanc orthanc-dicomweb")
    plugins = [p for folder in _PLUGIN_FOLDERS for p in sorted(Path(folder).glob("libOrthancDicomWeb.so*"))]
    if not plugins:
        _absent("Orthanc's DICOMweb plugin", "orthanc-dicomweb")
    return program, plugins[0]


def dciodvfy() -> Path:
    """David Clunie's checker of DICOM files."""
    return _program("dciodvfy", "dicom3tools")


def dcmtk(name: str) -> Path:
    """A program of DCMTK, which shows images by presentation states."""
    return _program(name, "dcmtk")


def dcmqi() -> Path:
    """What makes NRRD of a DICOM SEG; it comes with the development install."""
    return _program("segimage2itkimage", pip="dcmqi")


def chromium() -> Path:
    """A browser."""
    return _program("chromium", "chromium")


def ohif() -> Path:
    """The viewer OHIF; where CI could install it, it must be there."""
    found = Path(__file__).parent / "viewers" / "node_modules" / "@ohif" / "app" / "dist"
    if not found.is_dir():
        message = "OHIF is not installed; npm ci --ignore-scripts --prefix tests/viewers"
        pytest.fail(message) if os.environ.get("LEXSEG_OHIF") == "required" else pytest.skip(message)
    return found


def web_runtime() -> Path:
    """The packages that a model in a browser needs; where CI could install them, they must be there."""
    found = Path(__file__).parent / "export" / "web" / "node_modules"
    if not found.is_dir():
        message = "what a model in a browser needs is not installed; make web-runtime"
        pytest.fail(message) if os.environ.get("LEXSEG_WEB") == "required" else pytest.skip(message)
    return found


def openssl() -> Path:
    """What makes certificates."""
    return _program("openssl", "openssl")


def _program(name: str, package: str = "", *, pip: str = "") -> Path:
    scripts = sysconfig.get_path("scripts")
    found = shutil.which(name, path=f"{scripts}:{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin")
    if found is None:
        _absent(name, package, pip)
    return Path(found)


def _absent(name: str, package: str, pip: str = "") -> NoReturn:
    how = f"pip install {pip}" if pip else f"on Debian: apt-get install --no-install-recommends {package}"
    message = f"{name} is not installed; {how}"
    if os.environ.get("LEXSEG_COMPONENTS") == "required":
        pytest.fail(message)
    pytest.skip(message)
