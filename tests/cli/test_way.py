"""How far it is from the command line to a mask: what `lexseg segment` of one picture imports and runs of ours."""

import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

import lexseg

SOURCE = Path(lexseg.__file__).parent
PROJECT = Path(__file__).parents[2] / "pyproject.toml"
MOST_MODULES = 47
MOST_FILES = 25
MOST_CLIMBS = 3
"""How often the sentence goes back to a room above the one that it was in, before the network is asked."""
COUNT = """
import sys, threading
from lexseg.cli import main as door

source, mark = sys.argv[1] + "/", "lexseg"
entered, ours, way = set(), door.main.__code__, []
sentence = sys.argv[sys.argv.index("--text") + 1]

def holds(value):
    if isinstance(value, (list, tuple)):
        return any(map(holds, value))
    return isinstance(value, str) and value == sentence

def note(frame, event, argument):
    name, code = frame.f_code.co_filename, frame.f_code
    if event != "call" or not name.startswith(source):
        return
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    if any(holds(frame.f_locals.get(each)) for each in names):
        way.append(name.removeprefix(source).split("/")[0])
    if code.co_qualname == "OnnxEngine.answer":
        way.append("the network")
    if name in entered:
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
print(*way)
print(len(modules), len(entered), *sorted({"torch", "scipy", "pydicom", "highdicom", "nibabel"} & sys.modules.keys()))
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
    *_, way, counts = told.stdout.splitlines()
    modules, files, *others = counts.split()
    assert others == []
    assert int(modules) <= MOST_MODULES, told.stderr
    assert int(files) <= MOST_FILES
    rooms, asks, _ = way.partition(" the network")
    assert bool(asks) == (becomes == "px")
    assert climbs(rooms.split()) <= MOST_CLIMBS, way


def climbs(rooms: list[str]) -> int:
    (layers, _) = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    floor = {room: i for i, layer in enumerate(layers["layers"]) for room in layer.split(" | ")}
    return sum(floor[after] < floor[before] for before, after in pairwise(rooms))


def test_a_climb_leads_to_a_room_above() -> None:
    assert climbs(["cli", "predict", "predict", "language", "predict", "graphs", "cli"]) == 2
