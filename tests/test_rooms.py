"""The house as a whole: no module comes back to itself, and each room says what it holds."""

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import lexseg

SOURCE = Path(lexseg.__file__).parent
Graph = Mapping[str, set[str]]


def modules() -> dict[str, Path]:
    found = {}
    for path in SOURCE.rglob("*.py"):
        parts = ("lexseg", *path.relative_to(SOURCE).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path, known: Mapping[str, Path]) -> set[str]:
    """What a module imports of ours: at its head, for types alone, or within a function."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            found |= {name if name in known else node.module for name in names}
    return found & known.keys()


def circles(graph: Graph) -> Iterator[list[str]]:
    """Modules that can be reached from themselves: by Kahn's order, what remains when all that ends is taken away."""
    left = {name: set(after) - {name} for name, after in graph.items()}
    while ends := [name for name, after in left.items() if not after]:
        for name in ends:
            del left[name]
        for after in left.values():
            after.difference_update(ends)
    if left:
        yield sorted(left)


def test_no_module_comes_back_to_itself() -> None:
    known = modules()
    assert len(known) > 300
    assert not list(circles({name: imports(path, known) for name, path in known.items()}))


def test_a_circle_would_be_found() -> None:
    assert list(circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}, "e": set()})) == [["a", "b", "c", "d"]]
    assert not list(circles({"a": {"b", "c"}, "b": {"c"}, "c": set()}))


def test_each_room_says_what_it_holds_and_where_one_enters() -> None:
    rooms = [path for path in SOURCE.iterdir() if (path / "__init__.py").exists()]
    assert 14 <= len(rooms) <= 20
    for room in rooms:
        said = ast.get_docstring(ast.parse((room / "__init__.py").read_text(encoding="utf-8"))) or ""
        assert len(said) > 200 and "door" in said.lower(), room.name


@pytest.mark.slow
def test_a_picture_is_segmented_without_the_readers_of_other_formats(tmp_path: Path) -> None:
    film = SOURCE / "assets/examples/images/cxr_00027426_000.png"
    code = (
        "import sys; from lexseg.cli.main import main\n"
        f"assert main(['segment', {str(film)!r}, '--text', 'opacity', '--output', {str(tmp_path)!r}]) == 0\n"
        "print('\\n'.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"pydicom", "highdicom", "nibabel", "nrrd", "lexseg.scans.study", "lexseg.outputs.nifti"}
    ours = {name for name in loaded if name.split(".")[0] == "lexseg"}
    assert "lexseg.predict.segmenter" in ours
    assert len(ours) <= 130  # half of them are the network's
