"""The six worlds that the bundled model is trained on, as referring sets.

``python tests/worlds.py DATA OUT`` makes them of the sets in DATA (docs/reference/data-of-our-numbers.md), and prints
the manifests in the order of the recipe's ``data.weights``.
"""

import csv
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lexseg.datasets.refer import ReferSettings, refer
from lexseg.datasets.refer.gather import MaskReading

sys.path.insert(0, str(Path(__file__).parent))
from composites import make  # beside this file, also where it is run as a script

SEED = 7


@dataclass(frozen=True)
class World:
    """One referring set. Attributes: source: folder of DATA; columns: of captions; settings: of ``lexseg refer``."""

    source: str
    columns: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)


COMMON = {
    "captions": True,
    "wordings": 4,
    "requests": 4,
    "paraphrases": 5,
    "general": 3,
    "foreign": 4,
    "absent": 6,
    "seed": SEED,
}
WORLDS = {
    "chest": World("qata_covid19", ("text", "text_sgseg"), {"anatomy": "chest"}),
    # its text is a caption of another film, and false of every one of these
    "chest-healthy": World("healthy_cxr", ("text",), {"anatomy": "chest"}),
    # films of two films' halves: healthy lungs in the ill films' grey values
    "chest-halves": World(
        "", (), {"anatomy": "chest", "captions": False, "paraphrases": 0, "general": 2, "foreign": 2}
    ),
    "chest-nih": World(
        "nih_cxr", ("text",), {"anatomy": "chest", "general": 6, "absent": 2, "captions": False, "paraphrases": 0}
    ),
    "breast": World("breast_us_birads", ("text", "text_full"), {"anatomy": "breast"}),
    "breast-busi": World("busi_subset", ("text", "text_short"), {"anatomy": "breast", "others": 3}),
    "colon": World("polyp_kvasir", ("text", "text_short", "text_long"), {"anatomy": "colon"}),
    "lung-ct": World(
        "covid_ct", ("text",), {"anatomy": "chest-ct", "reading": MaskReading(class_column="target"), "general": 6}
    ),
    "brain": World("brain_mri_lgg", ("text", "text_full"), {"anatomy": "brain", "others": 3}),
    "skin": World("skin_ph2", ("text",), {"anatomy": "skin"}),
}


def build(data: Path, output: Path, names: Iterable[str] = WORLDS) -> dict[str, Path]:
    """Make the sets that are not there yet; the manifest of each, in the order of the recipe."""
    manifests = {}
    for name in names:
        world, folder = WORLDS[name], output / name
        if not folder.exists():
            source = data / world.source / "cases.csv"
            if not world.source:
                halves = output / "sources" / name
                source = halves / "cases.csv"
                if not source.exists():
                    make(data / "qata_covid19" / "cases.csv", data / "healthy_cxr" / "cases.csv", halves, SEED)
            if "finding" in _columns(source):
                source = _with_present(source, output / "sources" / name)
            refer(
                [source], folder, ReferSettings(**{**COMMON, **world.settings}), text_columns=world.columns or ("text",)
            )
        manifests[name] = folder / "cases.csv"
    if "chest" in manifests:
        one, both = _by_sides(manifests.pop("chest"))
        manifests = {"chest-unilateral": one, "chest-bilateral": both} | manifests
    return manifests


def _columns(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8") as file:
        return next(csv.reader(file))


def _with_present(source: Path, folder: Path) -> Path:
    """A manifest beside links to the same files, whose column ``present`` is made from ``finding``."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in ("images", "masks"):
        link = folder / part
        if not link.exists():
            link.mkdir()
            for file in (source.parent / part).iterdir():
                (link / file.name).hardlink_to(file) if _same_device(file, link) else _copy(file, link / file.name)
    with source.open(newline="", encoding="utf-8") as file:
        rows = [row | {"present": "no" if row["finding"] == "none" else "yes"} for row in csv.DictReader(file)]
    _write(folder / "cases.csv", rows)
    return folder / "cases.csv"


def _same_device(file: Path, folder: Path) -> bool:
    return file.stat().st_dev == folder.stat().st_dev


def _copy(file: Path, to: Path) -> None:
    to.write_bytes(file.read_bytes())


def _by_sides(manifest: Path) -> tuple[Path, Path]:
    """The films that are ill on one side, whose other lung is asked for, and all others."""
    with manifest.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    healthy = {r["image"] for r in rows if r["expression_kind"] == "none" and r["query"] in ("side=left", "side=right")}
    paths = manifest.with_name("unilateral.csv"), manifest.with_name("bilateral.csv")
    for path, chosen in zip(paths, (True, False), strict=True):
        _write(path, [row for row in rows if (row["image"] in healthy) is chosen])
    return paths


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    print(",".join(map(str, build(Path(sys.argv[1]), Path(sys.argv[2])).values())))
