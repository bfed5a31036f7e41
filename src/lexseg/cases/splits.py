"""Splits: who is trained on, who selects the model, who is scored."""

import csv
import hashlib
import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import get_args

from lexseg.cases.case import Case, Split
from lexseg.cases.problem import Problem, describe
from lexseg.cases.row import meant
from lexseg.errors import DataError
from lexseg.files import replace_file

SPLITS: tuple[Split, ...] = get_args(Split)
DEFAULT_FRACTIONS = (0.70, 0.15, 0.15)

Fractions = Sequence[float] | Mapping[Split, float]


def parse_fractions(text: str) -> tuple[float, float, float]:
    """``70/15/15`` as fractions of train, val and test. ``80/20`` leaves test out.

    Raises:
        ValueError: if these are not two or three numbers of 0 or more that add up to 100 (or to 1).
    """
    try:
        parts = [float(part) for part in text.split("/")]
    except ValueError:
        parts = []
    parts += [0.0] * (len(parts) == 2)
    total = sum(parts)
    if len(parts) != 3 or min(parts) < 0 or not any(abs(total - whole) < 1e-6 for whole in (1, 100)):
        raise ValueError(f"{text!r} is no split; expected train/val/test that add up to 100, such as 70/15/15")
    return parts[0] / total, parts[1] / total, parts[2] / total


def split_cases(cases: Sequence[Case], fractions: Fractions = DEFAULT_FRACTIONS, seed: int = 0) -> list[Case]:
    """Divide cases among the splits.

    What belongs together stays together: cases of one patient, cases of one image (or of copies of one file), and
    whoever these link. Such groups are dealt out in an order that only the seed and the images' names decide, not the
    order of the rows nor which other manifests are read, each to the split that still lacks the most cases. Every split
    of a fraction above 0 gets some.

    Args:
        cases: the cases; the splits they have are ignored.
        fractions: of train, val and test, adding up to 1 (within 1e-6).
        seed: of the order.

    Returns:
        the same cases in the same order, with ``split`` filled in.

    Raises:
        DataError: if there are fewer groups than splits.
    """
    wanted = dict(fractions) if isinstance(fractions, Mapping) else dict(zip(SPLITS, fractions, strict=True))
    if abs(sum(wanted.values()) - 1) > 1e-6 or min(wanted.values()) < 0:
        raise ValueError(f"the fractions {wanted} do not add up to 1")
    names = [name for name in SPLITS if wanted.get(name, 0) > 0]
    groups = _groups(cases)
    if len(groups) < len(names):
        raise DataError(
            f"{len(groups)} separate patients or images cannot be divided into {len(names)} splits ({', '.join(names)})"
        )
    _shuffle(groups, cases, seed)
    targets = {name: wanted[name] * len(cases) for name in names}
    dealt: dict[Split, list[list[int]]] = {name: [] for name in names}
    for group in groups:
        lacking = max(names, key=lambda name: targets[name] - sum(map(len, dealt[name])))
        dealt[lacking].append(group)
    _fill_empty(dealt)
    chosen = {index: name for name, members in dealt.items() for group in members for index in group}
    return [replace(case, split=chosen[index]) for index, case in enumerate(cases)]


def assign_splits(
    cases: Sequence[Case],
    fractions: Fractions = DEFAULT_FRACTIONS,
    seed: int = 0,
) -> list[Case]:
    """Give every case a split: the one its manifest states, or where a manifest states none, a new one.

    Args:
        cases: of one or several manifests.
        fractions: see `split_cases`; manifests without splits are divided each by itself, those with common images
            together.
        seed: see `split_cases`.

    Returns:
        the same cases in the same order.

    Raises:
        DataError: if a manifest states the split of some of its cases only, or if there are too few cases to divide.
    """
    by_source: dict[Path | None, list[int]] = defaultdict(list)
    for index, case in enumerate(cases):
        by_source[case.source].append(index)
    result = list(cases)
    problems: list[Problem] = []
    undivided: list[list[int]] = []
    for source, indices in by_source.items():
        without = [index for index in indices if cases[index].split is None]
        if not without:
            continue
        if len(without) < len(indices):
            message = "no split, but other rows have one; fill in all or none"
            problems.extend(Problem("error", cases[index].row, "split", message, source) for index in without)
            continue
        undivided.append(indices)
    if problems:
        raise DataError(f"the cases cannot be divided:\n{describe(problems)}")
    for indices in _sharing_images(cases, undivided):
        for index, case in zip(indices, split_cases([cases[i] for i in indices], fractions, seed), strict=True):
            result[index] = case
    return result


def fold_cases(cases: Sequence[Case], folds: int, fold: int, seed: int = 0) -> list[Case]:
    """Divide cases for cross-validation: one fold validates, the others train; rows of the test split stay there.

    What belongs together stays together, as in `split_cases`. Each manifest's groups are dealt out in an order that the
    seed and the images' names decide, each to the fold that has the fewest cases of that manifest.

    Args:
        cases: the cases; which of them trained or validated until now does not matter.
        folds: how many, 2 or more.
        fold: the one that validates, from 0.
        seed: of the order.

    Returns:
        the same cases in the same order, each with a split.

    Raises:
        DataError: if there are fewer groups than folds.
    """
    if not 0 <= fold < folds or folds < 2:
        raise ValueError(f"fold {fold} of {folds}")
    able = [index for index, case in enumerate(cases) if case.split != "test"]
    groups = [[able[i] for i in group] for group in _groups([cases[i] for i in able])]
    if len(groups) < folds:
        raise DataError(f"{len(groups)} separate patients or images cannot be divided into {folds} folds")
    _shuffle(groups, cases, seed)
    sizes: Counter[tuple[Path | None, int]] = Counter()
    totals: Counter[int] = Counter()
    result = list(cases)
    for group in groups:
        source = cases[group[0]].source
        into = min(range(folds), key=lambda k: (sizes[source, k], totals[k], k))
        sizes[source, into] += len(group)
        totals[into] += len(group)
        for index in group:
            result[index] = replace(cases[index], split="val" if into == fold else "train")
    return result


def dealing_order(cases: Sequence[Case], seed: int) -> list[list[int]]:
    """Indices of the cases in groups that stay together (as in `split_cases`), in an order that the seed decides."""
    groups = _groups(cases)
    _shuffle(groups, cases, seed)
    return groups


def write_splits(path: Path, splits: Iterable[tuple[str, Split | None]]) -> None:
    """Write a file that `read_splits` reads: ``id,split``, in this order."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["id", "split"])
    writer.writerows(splits)
    replace_file(path, buffer.getvalue().encode())


def read_splits(path: Path | str) -> dict[str, Split]:
    """The splits that a training run has written down (``RUN/split.csv``: ``id,split``).

    Raises:
        DataError: the file cannot be read, or holds something else; with the row.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as CSV: {getattr(error, 'strerror', None) or error}") from error
    if not rows or rows[0] != ["id", "split"]:
        raise DataError(f"{path}: the columns id,split were expected, as in the split.csv of a run")
    splits: dict[str, Split] = {}
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != 2 or row[1] not in SPLITS or row[0] in splits:
            near = meant(row[1], SPLITS) if len(row) == 2 and row[1] not in SPLITS else None
            raise DataError(
                f"{path}, row {number}: an id of its own and one of {', '.join(SPLITS)} were expected"
                + (f", and {row[1][:40]!r} stands there; did you mean {near}?" if near else "")
            )
        splits[row[0]] = row[1]
    return splits


def apply_splits(cases: Sequence[Case], path: Path | str) -> list[Case]:
    """The cases with the splits of such a file, in place of those of their manifest.

    A run on several manifests knows a case as ``FOLDER/id``, and so it is found here, too.

    Raises:
        DataError: as `read_splits`, or if a case is not in the file.
    """
    splits = read_splits(path)
    result, missing = [], []
    for case in cases:
        names = [case.id] + ([f"{case.source.resolve().parent.name}/{case.id}"] if case.source else [])
        split = next((splits[name] for name in names if name in splits), None)
        if split is None:
            missing.append(Problem("error", case.row, "id", f"{case.id!r} is not in {path}", case.source))
        else:
            result.append(replace(case, split=split))
    if missing:
        raise DataError(f"{len(missing)} of {len(cases)} cases have no split in {path}:\n{describe(missing)}")
    return result


def leaks(cases: Iterable[Case]) -> list[Problem]:
    """Patients and images that stand in two splits: an error for each row that is not in the split of the first.

    Copies of one file are one image.
    """
    problems = []
    first: dict[tuple[str, str], Case] = {}
    cases = list(cases)
    files = _files(cases)
    for case in cases:
        if case.split is None:
            continue
        keys = [("image", files[case.image])] + [("patient", case.patient)] * (case.patient is not None)
        for column, value in keys:
            other = first.setdefault((column, str(value)), case)
            if other.split == case.split:
                continue
            shown = repr(value) if column == "patient" else repr(case.image.name)
            elsewhere = f"row {other.row}" if other.source == case.source else other.where
            copy = "a copy of it " if column == "image" and other.image != case.image else ""
            message = f"{column} {shown} is in {case.split!r} here, but {copy}in {other.split!r} in {elsewhere}"
            problems.append(Problem("error", case.row, column, message, case.source))
    return problems


def _files(cases: Sequence[Case]) -> dict[Path, str]:
    """What tells images apart: the path of the first of all copies of a file, whatever the others are called."""
    alike: dict[int, list[Path]] = defaultdict(list)
    known = {case.image: str(case.image) for case in cases}
    for path in known:
        with suppress(OSError):  # reading it will say so
            if path.is_file():
                alike[path.stat().st_size].append(path)
    first: dict[bytes, str] = {}
    for paths in alike.values():
        for path in paths if len(paths) > 1 else ():
            with suppress(OSError), open(path, "rb") as file:
                known[path] = first.setdefault(hashlib.file_digest(file, "sha256").digest(), str(path))
    return known


def _sharing_images(cases: Sequence[Case], parts: Sequence[list[int]]) -> list[list[int]]:
    """The parts, those joined that hold the same images."""
    files = _files([cases[index] for part in parts for index in part])
    joined: list[tuple[set[str], list[int]]] = []
    for part in parts:
        images, indices = {files[cases[index].image] for index in part}, part
        for other in [each for each in joined if not images.isdisjoint(each[0])]:
            joined.remove(other)
            images, indices = images | other[0], sorted([*indices, *other[1]])
        joined.append((images, indices))
    return [indices for _, indices in joined]


def _name(case: Case) -> str:
    """What a case is called whoever else is read along: its image's path as the manifest writes it."""
    if case.source is None:
        return case.id
    folder = case.source.resolve().parent
    return case.image.relative_to(folder).as_posix() if case.image.is_relative_to(folder) else case.id


def _shuffle(groups: list[list[int]], cases: Sequence[Case], seed: int) -> None:
    """Into an order that the seed and the images' names decide."""
    groups.sort(key=lambda group: hashlib.sha256(f"{seed}\0{min(_name(cases[i]) for i in group)}".encode()).digest())


def _groups(cases: Sequence[Case]) -> list[list[int]]:
    """Indices of cases that a shared patient or image links, directly or through others (union-find)."""
    files = _files(cases)
    parent = list(range(len(cases)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    first: dict[tuple[str, str], int] = {}
    for index, case in enumerate(cases):
        keys = [("image", files[case.image])] + ([("patient", case.patient)] if case.patient else [])
        for key in keys:
            parent[root(index)] = root(first.setdefault(key, index))
    members: dict[int, list[int]] = defaultdict(list)
    for index in range(len(cases)):
        members[root(index)].append(index)
    return list(members.values())


def _fill_empty(dealt: dict[Split, list[list[int]]]) -> None:
    """Move a smallest group to each split that got none, from the split with the most groups."""
    for groups in dealt.values():
        if groups:
            continue
        counts = Counter({other: len(members) for other, members in dealt.items()})
        giver = dealt[max(counts, key=lambda other: counts[other])]
        smallest = min(giver, key=len)
        giver.remove(smallest)
        groups.append(smallest)
