"""How far it is from the command line to a mask: what `lexseg segment` of one picture imports and runs of ours."""

import subprocess
import sys
from pathlib import Path

import pytest

import lexseg

SOURCE = Path(lexseg.__file__).parent
MOST_MODULES = 57
MOST_FILES = 40
COUNT = """
import sys, threading
from lexseg.cli import main as door

source, mark = sys.argv[1] + "/", "lexseg"
entered, ours = set(), door.main.__code__

def note(frame, event, argument):
    name = frame.f_code.co_filename
    if event != "call" or not name.startswith(source) or name in entered:
        return
    while frame is not None and frame.f_code is not ours:
        if frame.f_code.co_filename.startswith("<frozen importlib"):  # run by an import: nothing is entered
            return
        frame = frame.f_back
    entered.add(name)

threading.setprofile(note)
sys.setprofile(note)
status = door.main(sys.argv[2:])
sys.setprofile(None)
modules = sorted(name for name, module in sys.modules.items() if name.split(".")[0] == mark)
print(len(modules), len(entered), *sorted({"torch", "pydicom", "highdicom", "nibabel"} & sys.modules.keys()))
print("\\n".join(modules), file=sys.stderr)
sys.exit(status)
"""


@pytest.mark.parametrize("text, becomes", [("opacity in the left lung", "not in scope"), ("breast tumour", "px")])
def test_a_picture_is_segmented_by_few_modules_and_needs_neither_torch_nor_dicom(
    text: str, becomes: str, tmp_path: Path
) -> None:
    image = SOURCE / "assets" / "examples" / "images" / "breast_case012.png"
    asked = ["segment", str(image), "--text", text, "--output", str(tmp_path)]
    told = subprocess.run([sys.executable, "-c", COUNT, str(SOURCE), *asked], capture_output=True, text=True)
    assert told.returncode == 0 and becomes in told.stdout, told.stderr
    modules, files, *others = told.stdout.splitlines()[-1].split()
    assert others == []
    assert int(modules) <= MOST_MODULES, told.stderr
    assert int(files) <= MOST_FILES
