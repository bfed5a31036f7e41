"""What is wrong with a row, a file or a whole data set: collected, so that all of it can be mended at once."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, or worth knowing.

    Attributes:
        severity: an ``error`` stops the work, a ``warning`` should be read, an ``info`` may be.
        row: line of the manifest, counted as a text editor does; ``None`` if it concerns the whole.
        column: the manifest's column; ``None`` if none in particular.
        message: what is wrong, what was expected and, where it is not plain, what to do.
        source: the manifest, or the file that was read.
    """

    severity: Severity
    row: int | None
    column: str | None
    message: str
    source: Path | None = None

    @property
    def where(self) -> str:
        """``cases.csv, row 7, column mask``."""
        parts = [] if self.source is None else [str(self.source)]
        if self.row is not None:
            parts.append(f"row {self.row}")
        if self.column is not None:
            parts.append(f"column {self.column}")
        return ", ".join(parts)

    def __str__(self) -> str:
        where = self.where
        return f"{where}: {self.message}" if where else self.message


def describe(problems: Iterable[Problem], *, limit: int = 50) -> str:
    """The problems as lines of text, the first ``limit`` of them, and how many more there are."""
    listed = [str(problem) for problem in problems]
    lines = [f"  {line}" for line in listed[:limit]]
    if len(listed) > limit:
        lines.append(f"  ... and {len(listed) - limit} more")
    return "\n".join(lines)
