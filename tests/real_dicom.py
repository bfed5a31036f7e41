"""Real DICOM files that pydicom brings along."""

from pathlib import Path

import pydicom.data

FILES = Path(pydicom.data.__file__).parent / "test_files"
