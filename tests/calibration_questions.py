"""Validation questions of the six worlds, in drawn wordings, half of them about what is not there.

``python tests/calibration_questions.py SETS [--seed N]`` reads the referring sets that ``tests/worlds.py`` made, writes
``questions-N.csv`` into the folder of each, and prints them with commas between. Of two seeds the rows are different.
"""

import argparse
import csv
import random
from pathlib import Path

NUMBERS = {
    "chest/unilateral": 260, "chest/bilateral": 220, "chest-healthy/cases": 130, "chest-nih/cases": 200,
    "breast/cases": 100, "breast-busi/cases": 60, "colon/cases": 140, "lung-ct/cases": 60, "brain/cases": 160,
    "skin/cases": 60,
}  # fmt: skip
SEEDS = 4  # samples that share no row


def sample(manifest: Path, number: int, seed: int) -> list[dict[str, str]]:
    """Rows of the validation split, the absent ones first, each with one of its wordings."""
    with manifest.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "val" and row["expression_kind"] != "foreign"]
    random.Random(11).shuffle(rows)
    rng = random.Random(seed)
    chosen = []
    for absent in (True, False):
        own = [row for row in rows if (row["expression_kind"] == "none") is absent][seed::SEEDS]
        chosen += own[: number // 2]
    for row in chosen:
        row["text"] = rng.choice([row[name] for name in row if name.startswith("text") and row[name]])
    return [{name: value for name, value in row.items() if not name.startswith("text_")} for row in chosen]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", type=Path)
    parser.add_argument("--seed", type=int, default=0, choices=range(SEEDS))
    args = parser.parse_args()
    written = []
    for name, number in NUMBERS.items():
        manifest = args.sets / f"{name}.csv"
        rows = sample(manifest, number, args.seed)
        path = manifest.with_name(f"{manifest.stem}-questions-{args.seed}.csv")
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        written.append(str(path))
    print(",".join(written))


if __name__ == "__main__":
    main()
