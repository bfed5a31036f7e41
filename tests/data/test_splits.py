import csv
import random
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexseg.data.case import Case
from lexseg.data.manifest import read_manifest
from lexseg.data.splits import assign_splits, leaks, parse_fractions, split_cases
from lexseg.errors import DataError


def some_cases(number, **columns):
    return [Case(str(k), Path(f"/{k}.png"), **columns) for k in range(number)]


def count(cases):
    return Counter(case.split for case in cases)


def test_the_fractions_are_met():
    assert count(split_cases(some_cases(1000))) == {"train": 700, "val": 150, "test": 150}
    assert count(split_cases(some_cases(10), (0.8, 0.2, 0))) == {"train": 8, "val": 2}
    assert count(split_cases(some_cases(10), {"train": 0.5, "test": 0.5})) == {"train": 5, "test": 5}


def test_order_and_rows_stay():
    cases = some_cases(20)
    assert [case.id for case in split_cases(cases)] == [case.id for case in cases]


def test_the_seed_decides_and_the_order_of_rows_does_not():
    cases = some_cases(50)
    shuffled = random.Random(0).sample(cases, 50)
    chosen = {case.id: case.split for case in split_cases(cases)}
    assert {case.id: case.split for case in split_cases(shuffled)} == chosen
    assert {case.id: case.split for case in split_cases(cases, seed=1)} != chosen


def test_a_split_is_no_accident_of_the_version():
    # written down: a change would move test cases of published splits into training
    chosen = [case.split for case in split_cases(some_cases(12), seed=3)]
    assert " ".join(map(str, chosen)) == "train train train val val train train train train train test test"


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(-4, 9)), min_size=1, max_size=40), st.integers(0, 5))
@settings(max_examples=200, deadline=None)
def test_what_belongs_together_stays_together(rows, seed):
    cases = [
        Case(str(k), Path(f"/{image}.png"), patient=str(patient) if patient >= 0 else None)
        for k, (image, patient) in enumerate(rows)
    ]
    try:
        divided = split_cases(cases, seed=seed)
    except DataError:
        divided = []
    assert not leaks(divided)
    if divided:
        assert set(count(divided)) == {"train", "val", "test"}


def test_links_reach_through_others():
    # images a, b of patient 1; image b also of patient 2, who has c
    rows = [("a", "1"), ("b", "1"), ("b", "2"), ("c", "2")]
    linked = [Case(f"{i}{p}", Path(f"/{i}.png"), patient=p) for i, p in rows]
    for seed in range(10):
        divided = split_cases(linked + some_cases(12), seed=seed)
        assert len({case.split for case in divided[:4]}) == 1


def test_every_split_gets_some():
    for seed in range(20):
        assert set(count(split_cases(some_cases(3), seed=seed))) == {"train", "val", "test"}
    big = [Case(f"b{k}", Path(f"/b{k}.png"), patient="big") for k in range(50)]
    assert set(count(split_cases([*big, *some_cases(2)]))) == {"train", "val", "test"}


def test_too_few():
    with pytest.raises(DataError, match=r"2 separate patients or images .* 3 splits \(train, val, test\)"):
        split_cases(some_cases(2))
    with pytest.raises(DataError):
        split_cases(some_cases(100, patient="one"))


def test_the_split_does_not_hang_on_what_is_read_along(make_set):
    path = make_set(*[{"text": "x"}] * 12)
    alone = read_manifest(path)
    prefixed = [Case(f"set/{c.id}", c.image, source=c.source, row=c.row) for c in alone]
    assert [c.split for c in split_cases(alone)] == [c.split for c in split_cases(prefixed)]


class TestAssign:
    def test_stated_splits_are_kept(self):
        cases = some_cases(5, split="test")
        assert assign_splits(cases) == cases

    def test_each_manifest_without_splits_is_divided_by_itself(self):
        known = some_cases(4, split="test", source=Path("/a.csv"))
        new = [Case(f"n{k}", Path(f"/n{k}.png"), source=Path("/b.csv"), row=k) for k in range(20)]
        divided = assign_splits([*known, *new])
        assert divided[:4] == known
        assert count(divided[4:]) == {"train": 14, "val": 3, "test": 3}

    def test_half_stated_is_an_error(self):
        cases = [
            Case("a", Path("/a.png"), split="train", source=Path("/m.csv"), row=2),
            Case("b", Path("/b.png"), source=Path("/m.csv"), row=3),
        ]
        with pytest.raises(DataError, match=r"m\.csv, row 3, column split: no split, but other rows have one"):
            assign_splits(cases)

    def test_written_down(self, tmp_path):
        divided = assign_splits(some_cases(10), output=tmp_path / "splits.csv")
        with open(tmp_path / "splits.csv", newline="") as file:
            assert [(r["id"], r["split"]) for r in csv.DictReader(file)] == [(c.id, c.split) for c in divided]


class TestLeaks:
    def test_patient_and_image(self):
        source = Path("m.csv")
        cases = [
            Case("1", Path("/a.png"), patient="P", split="train", source=source, row=2),
            Case("2", Path("/b.png"), patient="P", split="train", source=source, row=3),
            Case("3", Path("/c.png"), patient="P", split="test", source=source, row=4),
            Case("4", Path("/a.png"), split="val", source=source, row=5),
        ]
        found = leaks(cases)
        assert [(p.severity, p.row, p.column) for p in found] == [("error", 4, "patient"), ("error", 5, "image")]
        assert found[0].message == "patient 'P' is in 'test' here, but in 'train' in row 2"

    def test_none_without_splits(self):
        assert not leaks(some_cases(3, patient="P"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("70/15/15", (0.7, 0.15, 0.15)),
        ("80/20", (0.8, 0.2, 0)),
        ("0.5/0.25/0.25", (0.5, 0.25, 0.25)),
        ("0/0/100", (0, 0, 1)),
    ],
)
def test_fractions(text, expected):
    assert parse_fractions(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "70", "70/15/16", "70/-15/45", "a/b/c", "70,15,15", "25/25/25/25", "nan/50/50"])
def test_no_fractions(text):
    with pytest.raises(ValueError, match="70/15/15"):
        parse_fractions(text)


def test_real_patients_stay_together(data_root):
    cases = read_manifest(data_root / "qata_covid19" / "cases.csv")
    divided = split_cases(cases)
    where = defaultdict(set)
    for case in divided:
        where[case.patient].add(case.split)
    assert all(len(splits) == 1 for splits in where.values())
    shares = {name: number / len(cases) for name, number in count(divided).items()}
    assert shares == pytest.approx({"train": 0.7, "val": 0.15, "test": 0.15}, abs=0.005)
