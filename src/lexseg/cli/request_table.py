"""A table of images and of what is asked of them, as the command line may name one."""

import csv
import io
from pathlib import Path

from lexseg.cases.case import Case
from lexseg.cases.delimiter import own_names, separator_of
from lexseg.cases.problem import Problem
from lexseg.cases.row import COLUMNS, RowReader
from lexseg.errors import ConfigError

Texts = tuple[str | None, ...]


def read_table(path: Path, texts: Texts) -> tuple[list[tuple[Case, Texts]], list[Problem]]:
    """The rows of a table, each with what is asked of its image, and what is wrong with the rest.

    Args:
        path: a CSV with the column ``image`` and optionally ``text``, ``laterality``, ``language`` and ``spacing``.
        texts: the sentences that are given beside it, for a table that has none; ``(None,)`` is none.

    Raises:
        ConfigError: if sentences are given beside a table that has its own.
    """
    asked: list[tuple[Case, Texts]] = []
    problems: list[Problem] = []

    def wrong(row: int | None, message: str) -> None:
        problems.append(Problem("error", row, None, message, path))

    try:
        content = path.read_text(encoding="utf-8-sig")
        separator = separator_of(content, ("image",))
        rows = csv.DictReader(io.StringIO(content, newline=""), strict=True, delimiter=separator)
        columns = own_names([name.strip() for name in rows.fieldnames or ()], (*COLUMNS, "text"))
        rows.fieldnames = columns
        if "image" not in columns:
            wrong(
                1, f"the header lacks 'image'; expected the columns image,text, found {', '.join(columns) or 'nothing'}"
            )
            return [], problems
        if "text" in columns and texts != (None,):
            raise ConfigError(f"{path} has a column 'text', and --text is given too; use one of them")
        if (
            "text" not in columns
            and texts == (None,)
            and (set(columns) - {"image", "laterality", "language", "spacing"})
        ):
            wrong(
                1,
                f"the header lacks 'text' (found {', '.join(columns)}); name the column of the sentences "
                "'text', or give --text",
            )
            return [], problems
        reader = RowReader(path, ("text",))
        for row in rows:
            line = rows.line_num
            if None in row or None in row.values():
                wrong(
                    line, f"{len(columns)} fields were expected; a sentence with a comma must stand in quotation marks"
                )
                continue
            wanted = {name: row.get(name) for name in ("image", "text", "laterality", "language", "spacing")}
            case, found = reader.read(line, {"id": f"row {line}"} | wanted)
            problems += found
            if not any(problem.severity == "error" for problem in found):
                own = (case.text or None,) if "text" in columns else texts
                asked.append((case, own))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        wrong(None, f"cannot be read as a UTF-8 CSV table: {getattr(error, 'strerror', None) or error}")
    if not asked and not problems:
        wrong(None, "the table has no rows")
    return asked, problems
