"""Does a model know a healthy image, and what it has never learnt? Asked in words that no training has.

``python tests/health.py MODEL DATA OUT.json [--most N]`` asks MODEL about validation films of the sets in DATA and
writes the shares, with intervals over films. What is asked stands in ``inscope_kept_apart.json`` and
``foreign_kept_apart.json``.
"""

import argparse
import csv
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lexseg import Segmenter
from lexseg.metrics.calibration import auroc
from lexseg.predict.segmentation import Segmentation

HERE = Path(__file__).parent
SETS = {
    "chest": ("qata_covid19", "nih_cxr", "healthy_cxr"),
    "breast": ("breast_us_birads", "busi_subset"),
    "colon": ("polyp_kvasir",),
    "chest-ct": ("covid_ct",),
    "brain": ("brain_mri_lgg",),
    "skin": ("skin_ph2",),
}
QUESTIONS = 6
"""Asked of every film, drawn for it from the world's list; on healthy films one of them is a whole caption."""


_PLACED = re.compile(
    r"left|right|bilat|both|\b[LR][UML][LZ]\b|bas[ei]|apex|apic|upper|lower|mid|hilar|cardiac|periph|multi|white|centre|center|top|bottom|corner",
    re.IGNORECASE,
)


def general(texts: Sequence[str]) -> list[str]:
    """Those that name no place: true of every image that shows what they name."""
    return [text for text in texts if not _PLACED.search(text)]


def films(data: Path, name: str, split: str, most: int) -> list[dict[str, str]]:
    """Rows of a set's split, one an image, evenly spread over its order."""
    with (data / name / "cases.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["image"]: row for row in csv.DictReader(file) if row["split"] == split}
    chosen = sorted(rows.values(), key=lambda row: row["image"])
    places = np.linspace(0, len(chosen) - 1, min(most, len(chosen))).round().astype(int)
    return [chosen[i] | {"file": str(data / name / chosen[i]["image"])} for i in places]


def asked(model: Segmenter, row: dict[str, str], texts: Sequence[str]) -> Iterator[Segmentation]:
    """The answers about one film."""
    session = model.set_image(row["file"])
    for text in texts:
        yield session.segment(text)


def share(groups: Sequence[Sequence[bool]]) -> dict[str, Any]:
    """The share of yes, with a bootstrap interval over groups (films)."""
    sums = np.array([[sum(g), len(g)] for g in groups], dtype=float)
    rng = np.random.default_rng(0)
    draws = [sums[rng.integers(len(sums), size=len(sums))].sum(0) for _ in range(1000)]
    low, high = np.quantile([a / b for a, b in draws], (0.025, 0.975))
    total = sums.sum(0)
    return {"share": round(total[0] / total[1], 4), "interval": [round(low, 4), round(high, 4)], "n": int(total[1])}


def empty(answer: Segmentation) -> bool:
    """Whether nothing is painted."""
    return not answer.mask.any()


def health(model: Segmenter, data: Path, words: dict[str, list[str]], most: int) -> dict[str, Any]:
    """Rows 1 to 3 and 6: films without findings, presence within a source, ill films of another source."""
    rng = np.random.default_rng(1)
    anywhere = general(words["chest"])
    out: dict[str, Any] = {}

    def draw(pool: Sequence[str], n: int) -> list[str]:
        return [pool[i] for i in rng.permutation(len(pool))[:n]]

    nih = films(data, "nih_cxr", "val", 10_000)
    none = [row for row in nih if row["finding"] == "none"]
    ill = [row for row in nih if row["finding"] == "pneumonia"]
    for name, rows in (("nih", none), ("healthy_cxr", films(data, "healthy_cxr", "val", most))):
        out[f"healthy {name}: empty"] = share(
            [[empty(a) for a in asked(model, row, [*draw(words["chest"], QUESTIONS - 1), row["text"]])] for row in rows]
        )
    presence: dict[bool, list[float]] = {True: [], False: []}
    refused, lost = [], []
    for rows, there in ((none, False), (ill, True)):
        for row in rows:
            answers = list(asked(model, row, draw(anywhere, QUESTIONS)))
            presence[there].append(float(np.mean([raw_presence(a) for a in answers])))
            if there:
                refused.append([a.state == "not in scope" for a in answers])
                lost.append([empty(a) for a in answers])
    values = np.array(presence[True] + presence[False])
    out["nih: presence AUROC (mean of six questions)"] = auroc(values, np.arange(len(values)) < len(presence[True]))
    out["nih, ill: empty"], out["nih, ill: not in scope"] = share(lost), share(refused)
    return out


def raw_presence(answer: Segmentation) -> float:
    """Presence, 0 where the model refuses to say."""
    return float(answer.presence or 0.0)


def foreign(model: Segmenter, data: Path, words: dict[str, Any], most: int) -> dict[str, Any]:
    """Row 5: foreign words on each world's images: painted."""
    out = {}
    for world, sets in SETS.items():
        rows = films(data, sets[0], "val", most)
        kinds = {k: v[world] if isinstance(v, dict) else v for k, v in words.items() if not isinstance(v, str)}
        for kind, texts in kinds.items():
            asking = [[t] for t in texts] if isinstance(texts, list) else []
            answers = [list(asked(model, rows[i % len(rows)], texts)) for i, texts in enumerate(asking)]
            out[f"foreign {kind} on {world}: painted"] = share([[not empty(a) for a in each] for each in answers])
    return out


def in_scope(model: Segmenter, data: Path, words: dict[str, list[str]], most: int) -> dict[str, Any]:
    """True questions of each world on its ill images: refused, and empty."""
    out = {}
    for world, sets in SETS.items():
        for name in sets:
            if name in ("healthy_cxr", "nih_cxr"):
                continue
            rows = [r for r in films(data, name, "val", most) if float(r.get("mask_fraction") or 0) > 0]
            anywhere = general(words[world])
            answers = [
                list(asked(model, row, [anywhere[(2 * i + k) % len(anywhere)] for k in range(2)]))
                for i, row in enumerate(rows)
            ]
            out[f"true on {name}: not in scope"] = share(
                [[a.state == "not in scope" for a in each] for each in answers]
            )
            out[f"true on {name}: empty"] = share([[empty(a) for a in each] for each in answers])
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("data", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--most", type=int, default=120)
    args = parser.parse_args()
    model = Segmenter.from_pretrained(args.model)
    true = json.loads((HERE / "inscope_kept_apart.json").read_text(encoding="utf-8"))
    strange = json.loads((HERE / "foreign_kept_apart.json").read_text(encoding="utf-8"))
    result = health(model, args.data, true, args.most) | in_scope(model, args.data, true, args.most // 3)
    result |= foreign(model, args.data, strange, 10)
    args.output.write_text(json.dumps(result, indent=1), encoding="utf-8")
    for name, value in result.items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
