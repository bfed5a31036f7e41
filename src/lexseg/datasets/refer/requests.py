"""Requests as people type them: wordings beside those of the frames, of as many forms as the foreign questions have.

A network that meets ten thousand foreign words in every form and true ones in a few learns that an odd form is foreign.
So true questions come as orders, chatty questions, notes in a hurry and lines of a list, about the same queries and
places as :mod:`lexseg.datasets.refer.grammar` says them.
"""

import re
from functools import lru_cache

import numpy as np

from lexseg.datasets.refer.anatomy import Anatomy
from lexseg.datasets.refer.nouns import Nouns
from lexseg.datasets.refer.places import places
from lexseg.datasets.refer.query import Query
from lexseg.language.denial import affirmed
from lexseg.seeds import case_generator

POOL = {"all": 600, "side": 500, "side+zone": 150, "zone+column": 100}
"""How many requests a query has, by what it says; others have none."""

NAMES: dict[str, tuple[str, ...]] = {
    "chest": (
        *("airspace process", "parenchymal change", "viral infiltrate", "pneumonic change"),
        *("lung involvement", "alveolar filling", "COVID lesion", "bronchopneumonic focus", "ill-defined density"),
        *("airspace shadowing", "pulmonary shadow", "lung inflammation", "infectious change", "septic infiltrate"),
        *("air-space consolidation", "infectious infiltrate", "lung consolidation", "COVID-19 infiltrate", "opacity"),
        *("pneumonitis", "viral pneumonia", "bacterial pneumonia", "atypical pneumonia", "infiltrate"),
    ),
    "breast": (
        *("suspicious mass", "solid lesion", "solid mass", "breast nodule", "neoplastic focus"),
        *("space-occupying lesion",),
        *("focal mass", "breast tumour", "lump", "palpable lump", "sonographic mass", "hypoechoic focus", "tumour"),
    ),
    "colon": (
        *("polypoid growth", "adenoma", "mucosal polyp", "bowel polyp", "polypoid mass", "elevated lesion", "polyp"),
        *("neoplastic lesion", "mucosal protrusion", "raised lesion", "polypous lesion", "colon adenoma"),
    ),
    "brain": (
        *("tumour", "astrocytoma", "oligodendroglioma", "infiltrating tumour", "bright signal", "signal change"),
        *("T2/FLAIR hyperintensity", "neoplastic tissue", "mass lesion", "glial tumour", "FLAIR lesion"),
        *("abnormal signal",),
    ),
    "skin": (
        *("naevus", "pigmented naevus", "dark spot", "brown spot", "skin spot", "pigmented area", "skin mark", "mole"),
        *("melanocytic naevus", "pigmented patch", "dermal lesion", "pigmented growth"),
    ),
}  # fmt: skip

_OPEN: tuple[str, ...] = (
    "",
    "",
    "",
    "",
    "please ",
    "pls ",
    "kindly ",
    "can you ",
    "could you please ",
    "I'd like you to ",
    "we need to ",
)
_OPEN += ("I want to ", "help me ", "let us ", "now ", "next, ", "ok, ", "try to ", "go ahead and ", "your task: ")
_VERB: tuple[str, ...] = (
    "segment",
    "outline",
    "delineate",
    "trace",
    "circle",
    "draw a contour around",
    "put a boundary on",
    "shade",
)
_VERB += ("mask out", "fill in", "isolate", "extract", "pick out", "indicate", "display", "visualise", "demarcate")
_VERB += ("map", "highlight", "find", "locate", "identify", "detect", "spot", "tag", "show me", "bring up", "label")
_VERB += ("encircle", "mark out", "contour", "reveal", "capture", "select", "frame", "single out", "track down")
_DEGREE: tuple[str, ...] = (
    "",
    "",
    "",
    "",
    "",
    "subtle ",
    "faint ",
    "obvious ",
    "known ",
    "suspected ",
    "probable ",
    "likely ",
    "new ",
)
_DEGREE += ("residual ", "visible ", "possible ", "definite ", "active ", "marked ", "apparent ", "reported ")
_DET: tuple[str, ...] = (
    "the ",
    "the ",
    "any ",
    "all ",
    "all of the ",
    "every bit of the ",
    "each area of ",
    "",
    "whatever ",
    "this ",
)
_TAIL: tuple[str, ...] = (
    "",
    "",
    "",
    "",
    " please",
    ", please.",
    " for me",
    ", thanks",
    " if there is any",
    " if present",
    ".",
    "!",
    " asap",
)
_TAIL += (
    " in this picture",
    " on this image",
    " here",
    " now",
    " for the report",
    " as a mask",
    " as precisely as you can",
)
_ASK = (
    *("is {n} present {p}?", "do we have {n} {p}?", "does this patient have {n} {p}?", "does the image show {n} {p}?"),
    *("would you say there is {n} {p}?", "do you think there is {n} {p}?", "are there signs of {n} {p}?"),
    *("is there evidence for {n} {p}?", "could this be {n} {p}?", "how big is the {n} {p}?"),
    *("where exactly is the {n} {p}?", "how much {n} is there {p}?", "what does the {n} {p} look like?"),
    *("which pixels show {n} {p}?", "any hint of {n} {p}?"),
    *("which area shows {n} {p}?", "any signs of {n} {p}?", "can {n} be made out {p}?", "has {n} appeared {p}?"),
    *("anything that resembles {n} {p}?", "what about {n} {p}", "so, {n} {p}?"),
    *("how extensive is the {n} {p}?", "is it {n} {p}", "might there be {n} {p}?", "who sees {n} {p}?"),
)  # fmt: skip
_NOTE = (
    *("{n} {p}", "{n} {p}??", "? {n} {p}", "r/o {n} {p}", "assess for {n} {p}", "evaluate for {n} {p}", "f/u {n} {p}"),
    *("follow-up of {n} {p}", "{n} {p} - outline", "{n} {p}, mask", "mask: {n} {p}", "finding: {n} {p}", "ROI {n} {p}"),
    *("area of {n} {p}", "region with {n} {p}", "region affected by {n} {p}", "tissue with {n} {p}", "{n} region {p}"),
    *("looking for {n} {p}", "concern for {n} {p}", "worried about {n} {p}", "history of {n} {p}", "{n}, {p}"),
    *("1. {n} {p}", "- {n} {p}", "target = {n} {p}", "label: {n} {p}", "boundaries of {n} {p}", "edges of the {n} {p}"),
    *("shape of the {n} {p}", "segmentation of {n} {p}", "outline of {n} {p}", "location of {n} {p}"),
    *("impression: {n} {p}",),
    *("consistent with {n} {p}", "in keeping with {n} {p}", "compatible with {n} {p}", "appearances of {n} {p}"),
)  # fmt: skip
_SHORT: tuple[tuple[str, str], ...] = (
    (r"\bplease\b", "pls"),
    (r"\bleft\b", "lt"),
    (r"\bright\b", "rt"),
    (r"\bwith\b", "w/"),
    (r"\bdisease\b", "dz"),
)
_SHORT += ((r"\bpneumonia\b", "PNA"), (r"\bconsolidation\b", "consol"), (r"\band\b", "&"), (r"\byou\b", "u"))


def requests(query: Query, nouns: Nouns, anatomy: Anatomy) -> tuple[str, ...]:
    """What people may type for a query; its sides are said as they are, which is right in image laterality.

    Args:
        query: what to ask for; of one that says more than where, there are none.
        nouns: what the targets are called.
        anatomy: what is imaged.
    """
    return _pool(query, nouns, anatomy)


@lru_cache(maxsize=512)
def _pool(query: Query, nouns: Nouns, anatomy: Anatomy) -> tuple[str, ...]:
    size = POOL.get(query.family, 0)
    mirrored = str(query).replace("left", "*").replace("right", "*")  # equal draws for both sides
    rng = case_generator(0, 0, f"requests/{anatomy.name}/{mirrored}")
    found: dict[str, None] = {}
    for _ in range(3 * size):
        if len(found) == size:
            break
        text = _request(query, nouns, anatomy, rng)
        if affirmed(text) == text:
            found[text] = None
    return tuple(found)


def _request(query: Query, nouns: Nouns, anatomy: Anatomy, rng: np.random.Generator) -> str:
    def one(options: tuple[str, ...]) -> str:
        return options[int(rng.integers(len(options)))]

    own = (*nouns.mass, *(singular for singular, _ in nouns.count))
    noun = one(NAMES[anatomy.name]) if anatomy.name in NAMES and query.name is None and rng.random() < 0.5 else one(own)
    noun = one(_DEGREE) + noun
    side = query.side or query.column or ""
    where = one(places(query, anatomy).after).format(s=side, S=side[:1].upper(), w=one(anatomy.whole))
    kind = rng.random()
    if kind < 0.4:
        text = f"{one(_OPEN)}{one(_VERB)} {one(_DET)}{noun} {where}".rstrip() + one(_TAIL)
    else:
        text = one(_ASK if kind < 0.65 else _NOTE).format(n=noun, p=where)
    return _typed(re.sub(r"\s+([?.,]|$)", r"\1", " ".join(text.split())).rstrip(" ,:-"), rng)


def _typed(text: str, rng: np.random.Generator) -> str:
    """As it is typed: with or without capitals and stops, at times in the clinic's abbreviations."""
    style, shorten = rng.random(), rng.random() < 0.12
    if shorten:
        for pattern, short in _SHORT:
            if rng.random() < 0.6:
                text = re.sub(pattern, short, text)
    if style < 0.45:
        return text[:1].upper() + text[1:]
    return text.upper() if style > 0.97 else text.rstrip(".?!") if style > 0.85 else text
