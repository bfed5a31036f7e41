"""The expressions of one image: proposed, executed, chosen and put into words."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from lexseg.cases.case import ExpressionKind
from lexseg.datasets.refer import propose
from lexseg.datasets.refer.anatomy import Anatomy
from lexseg.datasets.refer.attributes import MOST_DESCRIBED, Referent
from lexseg.datasets.refer.grammar import Form, mirrored_query, wordings
from lexseg.datasets.refer.nouns import Nouns
from lexseg.datasets.refer.query import Denoted, Query, execute
from lexseg.datasets.refer.requests import requests
from lexseg.language.sides import Laterality, mentions_side

NONE_SHARE = 0.3
"""How many of an image's expressions name nothing in it, where it has targets."""

_COUNTABLE = ("size", "over", "under", "shape", "brightness", "relation")


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that names exactly its targets.

    Attributes:
        query: what it asks for, in image coordinates.
        ids: of the targets.
        kind: one, several or none.
        texts: its wordings, in the laterality of the case.
    """

    query: Query
    ids: tuple[int, ...]
    kind: ExpressionKind
    texts: tuple[str, ...]


@dataclass(slots=True)
class Tried:
    """What was tried on an image. Attributes: expressions: chosen; doubts: how often a query was given up, and why."""

    expressions: list[Expression] = field(default_factory=list)
    doubts: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class _Named:
    """A query and what it names."""

    query: Query
    ids: tuple[int, ...]


def express(
    targets: Sequence[Referent],
    anatomy: Anatomy,
    nouns: Mapping[str | None, Nouns],
    *,
    number: int,
    wordings_each: int,
    laterality: Laterality | None,
    rng: np.random.Generator,
    absent: int = 4,
    general: int = 0,
    requests_each: int = 0,
) -> Tried:
    """Choose expressions for an image.

    Args:
        targets: all of its targets.
        anatomy: what is imaged.
        nouns: what each class is called; of the key ``None`` where there are no classes.
        number: how many expressions, at most.
        wordings_each: how many wordings of each, at most.
        laterality: whose left the words mean; unknown counts as the image's.
        rng: of the choice.
        absent: how many an image without targets has, at most.
        requests_each: how many further wordings of each, at most, are requests as people type them.
        general: how many more ask for whatever there is, wherever it lies ("Is there any infection?").
    """
    found = Tried()
    groups = _execute(targets, anatomy, list(nouns), found.doubts)
    chosen = _choose(groups, bool(targets), number if targets else min(number, absent), rng)
    for named in [*chosen, *_again(groups.get("all", []), general, rng)]:
        own = nouns[named.query.name]
        texts = _texts(named, targets, anatomy, own, wordings_each, laterality, rng)
        texts = tuple(dict.fromkeys((*texts, *_typed(named, anatomy, own, requests_each, laterality, rng))))
        if texts:
            kind: ExpressionKind = "none" if not named.ids else "one" if len(named.ids) == 1 else "several"
            found.expressions.append(Expression(named.query, named.ids, kind, texts))
    return found


def _execute(
    targets: Sequence[Referent], anatomy: Anatomy, names: Sequence[str | None], doubts: Counter[str]
) -> dict[str, list[_Named]]:
    """All queries that name exactly their targets, by the group they were proposed in."""
    crowded = sum(target.describable for target in targets) > MOST_DESCRIBED
    measured = all(target.length_mm is not None for target in targets)
    present = {name for target in targets for name in target.classes}
    proposed: dict[str, list[Query]] = {}
    for name in names:
        groups = {"all": [Query(name=name)]}
        if name is None or name in present:
            groups |= {
                "plain": propose.plain(name),
                "placed": propose.placed(anatomy, name),
                "across": propose.across(anatomy, name),
                "negated": list(propose.negated(name)),
                "contradictory": list(propose.contradictions(anatomy, name)),
                "ranked": [] if crowded else propose.ranked(name),
                "likened": [] if crowded else propose.likened(anatomy, name, lengths=measured),
            }
        for group, queries in groups.items():
            proposed.setdefault(group, []).extend(queries)
    executed: dict[str, list[_Named]] = {}
    for group, queries in proposed.items():
        for query in queries:
            answer = execute(query, targets, anatomy)
            if answer.doubt:
                doubts[answer.doubt] += 1
            elif _worth_saying(query, answer):
                executed.setdefault(group, []).append(_Named(query, answer.ids))
    return executed


def _worth_saying(query: Query, answer: Denoted) -> bool:
    """Not what is odd to ask: for both sides of a place where there is nothing, or for the rank among none."""
    return bool(answer.ids) or (query.count is None and query.without is None)


def _choose(
    groups: Mapping[str, Sequence[_Named]], any_targets: bool, number: int, rng: np.random.Generator
) -> list[_Named]:
    """Take the plain ones first, then of each group in turn; some that name nothing among them."""
    named = {group: [each for each in members if each.ids] for group, members in groups.items()}
    empty = {group: [each for each in members if not each.ids] for group, members in groups.items()}
    if not any_targets:
        return _in_turn(empty, ("all", "plain", "placed", "contradictory", "plain"), number, rng)
    # the healthy side is what matters: asked for twice, and so most of what names nothing
    healthy = empty.pop("plain", []) if named.get("plain") else []
    most_none = round(NONE_SHARE * number)
    none = healthy[:most_none]
    if healthy and most_none > 1:
        none, most_none = [*healthy[:1], *healthy[:1]], most_none + 1
    rare = "contradictory" if rng.random() < 0.7 else "likened"
    none += _in_turn(empty, ("placed", rare, "plain", "all", "across"), most_none - len(none), rng)
    chosen = named.pop("plain", [])[: number - len(none)]
    last = ("all", "likened") if rng.random() < 0.6 else ("likened", "all")
    order = [*([] if chosen else ["all"]), "placed", "negated", "ranked", "across", "placed", *last]
    return chosen + _in_turn(named, order, number - len(none) - len(chosen), rng) + none


def _again(members: Sequence[_Named], number: int, rng: np.random.Generator) -> list[_Named]:
    """``number`` of them, each as often as another: they come with other words each time."""
    turns = [members[i] for _ in range(-(-number // max(1, len(members)))) for i in rng.permutation(len(members))]
    return turns[:number]


def _in_turn(
    groups: Mapping[str, Sequence[_Named]], order: Sequence[str], number: int, rng: np.random.Generator
) -> list[_Named]:
    """At most ``number`` of the groups' members: one of each group in the order given, then again from the start."""
    waiting = {group: [members[i] for i in rng.permutation(len(members))] for group, members in groups.items()}
    chosen: list[_Named] = []
    while len(chosen) < number and any(waiting.get(group) for group in order):
        for group in order:
            if waiting.get(group) and len(chosen) < number:
                chosen.append(waiting[group].pop())
    return chosen


def _texts(
    named: _Named,
    targets: Sequence[Referent],
    anatomy: Anatomy,
    nouns: Nouns,
    number: int,
    laterality: Laterality | None,
    rng: np.random.Generator,
) -> tuple[str, ...]:
    query = mirrored_query(named.query) if laterality == "patient" else named.query
    pool: list[str] = []
    for form in _forms(named, targets, nouns):
        said = wordings(query, form, nouns, anatomy)
        pool += _for_patients(said, anatomy.whole) if laterality == "patient" else said
    chosen = rng.permutation(len(pool))[:number]
    return tuple(dict.fromkeys(pool[i] for i in chosen))


def _typed(
    named: _Named, anatomy: Anatomy, nouns: Nouns, number: int, laterality: Laterality | None, rng: np.random.Generator
) -> list[str]:
    """Requests for a query that says where and no more; of a name that is singular, whatever the number of targets."""
    if not number:
        return []
    query = mirrored_query(named.query) if laterality == "patient" else named.query
    pool = requests(query, nouns, anatomy)
    pool = _for_patients(pool, anatomy.whole) if laterality == "patient" else pool
    return [pool[i] for i in rng.permutation(len(pool))[:number]]


@lru_cache(maxsize=4096)
def _for_patients(said: tuple[str, ...], whole: tuple[str, ...]) -> tuple[str, ...]:
    """Without "the left half of the picture", which is the picture's left whoever else's left is meant."""
    picture = re.compile(rf"\b(?:{'|'.join(whole)})\b")
    return tuple(text for text in said if not (picture.search(text) and mentions_side(text)))


def _forms(named: _Named, targets: Sequence[Referent], nouns: Nouns) -> tuple[Form, ...]:
    """Singular only for one target, plural only for several; names without a plural where nothing is counted."""
    query = named.query
    if query.rank is not None:
        return ("one",)
    if query.count is not None:
        return ("many",) if isinstance(query.count, int) or not nouns.mass else ("many", "mass")
    countable = any(getattr(query, each) is not None for each in _COUNTABLE)
    mass: tuple[Form, ...] = () if countable or not nouns.mass else ("mass",)
    if not named.ids:
        return (*mass, "one", "many")
    if len(named.ids) == 1:
        return (*mass, "one")
    told = [target for target in targets if target.id in named.ids and not target.speck]
    # how many lesions pieces make is not known
    if mass and not all(target.whole for target in told):
        return mass
    return (*mass, "many") if len(told) > 1 else (*mass, "one")
