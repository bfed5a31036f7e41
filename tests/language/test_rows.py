"""No row of a lexicon is idle: dropped, or exchanged with its neighbour's, a committed check fails."""

import functools

import pytest

from lexicon_checks import Mutant, caught, expectations, mutants, result, table_of, values_of
from lexseg.language import lexicon

LANGUAGES = ("en",)
# the tables that have checks; `python tests/lexicon_checks.py en TABLE` writes those of another one
TABLES = [(each, name) for each in LANGUAGES for name in dict.fromkeys(map(table_of, expectations(each)))]
# rows that no check tells yet
UNTOLD = {
    "deny.before: not(?= {finding}\\b)",
    "deny.only_looks_like_it: not (?:circumscribed|well)",
    "deny.only_looks_like_it: no\\.? ?\\d+",
    "place.of: of",
    "heights.owner_before: of",
}
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
        found.setdefault(table_of(check), []).append(check)
    return found


def idle(language: str, chosen: list[Mutant]) -> list[str]:
    base, checks = lexicon(language), checks_by_table(language)
    tried = [each for each in chosen if each.row not in UNTOLD]
    return [each.row for each in tried if not caught(each, each.lexicon(base), checks[each.table])]


@pytest.mark.parametrize("language", LANGUAGES)
def test_some_rows_are_not_idle(language: str) -> None:
    values = values_of(language)
    chosen = [mutant for own, table in TABLES if own == language for mutant in mutants(values, table)][::STEP]
    assert len(chosen) > 10 and idle(language, chosen) == []


@pytest.mark.slow
@pytest.mark.parametrize(("language", "table"), TABLES)
def test_no_row_is_idle(language: str, table: str) -> None:
    chosen = list(mutants(values_of(language), table))
    assert chosen and idle(language, chosen) == []
