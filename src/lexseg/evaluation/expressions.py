"""What the cases are asked: their sentences, other wordings of them, and the honesty probes."""

from collections.abc import Collection, Hashable, Sequence
from dataclasses import replace

import numpy as np

from lexseg.cases.case import NAMES_NOTHING, Case
from lexseg.errors import ConfigError
from lexseg.evaluation.probes import (
    ALL_PROBES,
    CONTROLS,
    PROBES,
    REFERRING_PROBES,
    Questions,
    Sentence,
    ask,
    controls,
    sentence_of,
)
from lexseg.language.sides import Laterality, convert_laterality

WORDINGS = 3
"""How many wordings of an expression are asked, if the user does not say; the first is the one that is scored."""

_LEFT_OUT = "left out on request"


def is_referring(cases: Sequence[Case]) -> bool:
    """Whether these are expressions that name targets, and not only sentences about whole images."""
    return any(case.expression_kind is not None for case in cases)


def probe_names(cases: Sequence[Case]) -> tuple[str, ...]:
    """The probes that cases of this kind are asked."""
    return (*PROBES, *REFERRING_PROBES) if is_referring(cases) else PROBES


def check_probes(names: Collection[str]) -> None:
    """Raises ConfigError for a probe that there is not."""
    if unknown := sorted(set(names) - set(ALL_PROBES)):
        raise ConfigError(f"there is no probe {', '.join(map(repr, unknown))}; choose among {', '.join(ALL_PROBES)}")


def questions_about(
    cases: Sequence[Case],
    laterality: Laterality | None,
    *,
    seed: int = 0,
    probes: Collection[str] | None = None,
    wordings: int = WORDINGS,
    controlled: bool = False,
) -> Questions:
    """All that a model is asked about the cases.

    Args:
        cases: the cases.
        laterality: of the model's words.
        seed: of what is drawn.
        probes: those to make; ``None`` makes all that these cases allow.
        wordings: how many wordings of an expression are asked, the first included.
        controlled: whether the controls are made, whatever is named.
    """
    questions = ask([sentence_of(case, laterality) for case in cases], seed=seed)
    made, missing = dict(questions.probes), dict(questions.missing)
    if is_referring(cases):
        for name, texts in _expressions(cases, questions.given, seed).items():
            if texts == questions.given:
                missing[name] = _WHY_NOT[name]
            else:
                made[name] = texts
    if controlled or set(probes or ()) & set(CONTROLS):
        made |= controls(questions.given)
    always = CONTROLS if controlled else ()
    for name in (*made, *missing):
        if probes is not None and name not in (*probes, *always):
            made.pop(name, None)
            missing[name] = _LEFT_OUT
    return replace(
        questions,
        probes={name: made[name] for name in ALL_PROBES if name in made},
        missing=missing,
        shuffled_by=questions.shuffled_by if "shuffled" in made else None,
        wordings=tuple(_wordings(case, laterality, wordings) for case in cases),
    )


_WHY_NOT = {
    "other": "no image has two expressions with different targets",
    "absent": "no image has an expression without a target beside one with",
}


def _wordings(case: Case, laterality: Laterality | None, most: int) -> tuple[Sentence, ...]:
    if case.expression_kind is None:
        return ()
    return tuple(convert_laterality(text, case.laterality, laterality) for text in case.texts[1:most])


def _expressions(cases: Sequence[Case], given: Sequence[Sentence], seed: int) -> dict[str, tuple[Sentence, ...]]:
    """For each case with a target another expression of its image; its own where there is no such other."""
    by_image: dict[Hashable, list[int]] = {}
    for index, case in enumerate(cases):
        if case.expression_kind is not None and given[index] is not None:
            by_image.setdefault(case.image, []).append(index)
    other, absent = list(given), list(given)
    for members in by_image.values():
        without = [i for i in members if cases[i].expression_kind == "none"]
        named = [i for i in members if cases[i].expression_kind not in NAMES_NOTHING]
        for i in named:
            rng = np.random.default_rng((seed, i))
            different = [j for j in named if _target(cases[j]) != _target(cases[i])]
            # a target that shares nothing with this one tells more than one that holds it
            apart = [j for j in different if not _shared(cases[i], cases[j])] or different
            if apart:
                other[i] = given[int(rng.choice(apart))]
            if without:
                absent[i] = given[int(rng.choice(without))]
    return {"other": tuple(other), "absent": tuple(absent)}


def _target(case: Case) -> Hashable:
    return case.mask, case.label, None if case.target_ids is None else frozenset(case.target_ids)


def _shared(one: Case, other: Case) -> bool:
    """Whether two targets are known to have an instance in common."""
    return bool(set(one.target_ids or ()) & set(other.target_ids or ()))
