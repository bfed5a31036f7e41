"""What a referring data set holds, in numbers."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lexseg.cases.case import Case
from lexseg.datasets.refer.attributes import Referent
from lexseg.datasets.refer.expressions import Expression


@dataclass(slots=True)
class Statistics:
    """Counts, kept while the set is made.

    Attributes:
        images: that were looked at.
        kinds: rows by kind, captions included.
        families: expressions by what they say.
        regions: expressions by the place they ask for.
        targets: images by how many targets that can be spoken of alone they have.
        others: targets that cannot be: specks, and pieces of lesions.
        doubts: queries that were given up, by reason.
        skipped: images without a row, by reason.
        splits: rows by split.
        sentences: distinct sentences by split.
    """

    images: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    families: Counter[str] = field(default_factory=Counter)
    regions: Counter[str] = field(default_factory=Counter)
    targets: Counter[int] = field(default_factory=Counter)
    others: int = 0
    doubts: Counter[str] = field(default_factory=Counter)
    skipped: dict[str, list[str]] = field(default_factory=dict)
    splits: Counter[str] = field(default_factory=Counter)
    sentences: dict[str, int] = field(default_factory=dict)

    def image(self, targets: Sequence[Referent], expressions: Sequence[Expression], doubts: Mapping[str, int]) -> None:
        """Count an image and its expressions."""
        described = sum(target.describable for target in targets)
        self.targets[described] += 1
        self.others += len(targets) - described
        self.doubts.update(doubts)
        for expression in expressions:
            self.families[f"{expression.query.family} ({'none' if expression.kind == 'none' else 'found'})"] += 1
            self.regions[expression.query.region or "anywhere"] += 1

    def skip(self, case: str, reason: str) -> None:
        """Count an image that gives no rows."""
        self.skipped.setdefault(reason, []).append(case)

    def why_skipped(self) -> str:
        """``12 no mask, 3 no unambiguous expression``."""
        return ", ".join(f"{len(ids)} {reason}" for reason, ids in self.skipped.items())

    def count_rows(self, rows: Sequence[Case]) -> None:
        """Count the rows of the new manifest."""
        sentences: dict[str, set[str]] = {}
        for row in rows:
            self.kinds[row.expression_kind or "caption"] += 1
            split = row.split or "none stated"
            self.splits[split] += 1
            sentences.setdefault(split, set()).update(row.texts)
        self.sentences = {split: len(found) for split, found in sentences.items()}

    def to_dict(self) -> dict[str, Any]:
        """All counts as plain JSON values."""
        return {
            "images": self.images,
            "rows_by_kind": _ordered(self.kinds),
            "rows_by_split": _ordered(self.splits),
            "distinct_sentences_by_split": self.sentences,
            "expressions_by_family": _ordered(self.families),
            "expressions_by_region": _ordered(self.regions),
            "images_by_number_of_targets": {str(n): self.targets[n] for n in sorted(self.targets)},
            "targets_not_spoken_of_alone": self.others,
            "queries_given_up": _ordered(self.doubts),
            "images_skipped": self.skipped,
        }

    def write(self, folder: Path) -> None:
        """Write ``statistics.json`` and ``statistics.md``."""
        values = self.to_dict()
        (folder / "statistics.json").write_text(json.dumps(values, indent=2, ensure_ascii=False), encoding="utf-8")
        lines = ["# What this referring data set holds", "", f"{self.images} images were looked at."]
        values["images_skipped"] = {reason: len(ids) for reason, ids in self.skipped.items()}
        for title, counts in values.items():
            if isinstance(counts, dict) and counts:
                lines += ["", f"## {title.replace('_', ' ').capitalize()}", "", "| | number |", "|---|---:|"]
                lines += [f"| {name} | {number} |" for name, number in counts.items()]
        (folder / "statistics.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _ordered(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
