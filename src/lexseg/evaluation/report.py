"""An evaluation's results in the files that hold them."""

import csv
import json
from pathlib import Path

from lexseg.evaluation.measured import Measured
from lexseg.evaluation.output import PAGE, REPORT, TABLE


class Report(Measured):
    """What an evaluation found, and the files that it becomes."""

    __slots__ = ()

    def write(self, folder: Path, *, include_text: bool = False) -> None:
        """Writes ``report.json``, ``cases.csv`` and ``report.html``.

        Args:
            folder: an existing folder.
            include_text: show sentences in the table and on the page; they are patient data.
        """
        from lexseg.evaluation.page import build_page  # matplotlib, which nothing else here needs

        text = json.dumps(self.summary, indent=2, ensure_ascii=False, allow_nan=False)
        (folder / REPORT).write_text(text + "\n", encoding="utf-8")
        rows = self.rows(include_text=include_text)
        with (folder / TABLE).open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, fieldnames=list(rows[0]))
            table.writeheader()
            table.writerows(rows)
        (folder / PAGE).write_text(build_page(self, include_text=include_text), encoding="utf-8")
