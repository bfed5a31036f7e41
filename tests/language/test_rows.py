"""No row of a lexicon is idle: dropped, or exchanged with its neighbour's, a committed check fails."""

import functools

import pytest

from lexicon_checks import Mutant, caught, expectations, mutants, result, values_of
from lexseg.language import lexicon

LANGUAGES = ("en", "de")
TABLES = [(each, name) for each in LANGUAGES for name, rows in values_of(each).items() if isinstance(rows, list | dict)]
STEP = 40  # one mutant of so many is tried where there is little time


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_check_holds(language: str) -> None:
    words = lexicon(language)
    wrong = [check for check in expectations(language) if result(check, words) != check["is"]]
    assert wrong == []


@functools.cache
def checks_by_table(language: str) -> dict[str, list]:
    found: dict[str, list] = {}
    for check in expectations(language):
        found.setdefault(check["for"].partition(":")[0].partition(".")[0], []).append(check)
    return found


def idle(language: str, chosen: list[Mutant]) -> list[str]:
    base, checks = lexicon(language), checks_by_table(language)
    return [each.row for each in chosen if not caught(each, each.lexicon(base), checks.get(each.table, []))]


@pytest.mark.parametrize("language", LANGUAGES)
def test_some_rows_are_not_idle(language: str) -> None:
    chosen = list(mutants(values_of(language)))[::STEP]
    assert len(chosen) > 20 and idle(language, chosen) == []


@pytest.mark.slow
@pytest.mark.parametrize(("language", "table"), TABLES)
def test_no_row_is_idle(language: str, table: str) -> None:
    chosen = list(mutants(values_of(language), table))
    assert chosen and idle(language, chosen) == []
