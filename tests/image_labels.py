"""Manifests of real chest films of which only the whole film is labelled, made from the development data."""

import csv
import random
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

FINDINGS = {"nih_cxr": "pneumonia", "healthy_cxr": "pneumonia", "qata_covid19": "pulmonary infection"}


def labelled_films(
    data_root: Path, name: str, folder: Path, n: Mapping[str, int], *, text: str = "", split: str | None = None
) -> Path:
    """A manifest whose ``present`` is made from ``finding``, its images beside it.

    The set's own ``text`` is a false caption and its masks of films without findings are files of zeros, so neither is
    taken over: every film is asked the same, and no row has a mask.

    Args:
        data_root: the development data.
        name: ``nih_cxr`` or ``healthy_cxr``.
        folder: a new folder for the manifest.
        n: how many films of each answer, ``yes`` and ``no``.
        text: what is asked; "" asks for what the set calls its finding.
        split: of the manifest made; ``None`` keeps the set's own.
    """
    with (data_root / name / "cases.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    random.Random(0).shuffle(rows)
    chosen: list[dict[str, str]] = []
    for answer, number in n.items():
        some = [row for row in rows if (row["finding"] == "none") == (answer == "no")][:number]
        assert len(some) == number, f"{name} has no {number} films of the answer {answer}"
        chosen += [film(row, answer, text or FINDINGS[name], split) for row in some]
    return with_images(data_root / name, folder, chosen)


def film(row: Mapping[str, str], present: str, text: str, split: str | None) -> dict[str, str]:
    kept = {column: row[column] for column in ("id", "image", "patient", "finding", "laterality")}
    return {**kept, "split": split or row["split"], "text": text, "present": present}


def with_images(source: Path, folder: Path, rows: Sequence[dict[str, str]]) -> Path:
    """``cases.csv`` of these rows, with copies of the files that they name."""
    for row in rows:
        for column in ("image", "mask"):
            if row.get(column):
                (folder / row[column]).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source / row[column], folder / row[column])
    path = folder / "cases.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(column for row in rows for column in row)), restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path
