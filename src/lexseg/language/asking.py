"""What a sentence asks, told by its words alone: whether of one place, of what, and said plainly.

- One narrow rule finds sentences that contradict themselves, "the left lesion in the right lung": a finding that is
  called left is said to lie in what is called right, or the other way round, with nothing between that would make it
  two findings, a comparison or a movement. What it misses is left to what a model has learnt.
- A network knows the words it was trained with best. "What is wrong with the left lung?" and "infection in the left
  lung" ask the same, but the first may be one that it never met: where a sentence means no more than all that is
  looked for in such an image, or in one lung, the model is asked in plain words. A word that the lexicon does not know
  may be what is asked for: a sentence with one is left alone.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from lexseg.language.denial import affirmed, denied
from lexseg.language.lexicon import Concept, Lexicon, Organ, compiled, lexicon
from lexseg.language.sides import Place, place_words, places
from lexseg.language.vocabulary import holds, may_be_finding, names_disease, place_names, resembles, unknown_words

_LETTERS = re.compile(r"[^\W\d_]+")
_SIDES = ("left", "right")
_QUESTION = ("?", "\uff1f")
_ASKS = re.compile(  # people type questions without the mark; "is clear" is none, nor is what ends with a full stop
    r"\W*(?:is|are|was|were|do|does|did|has|have|can|could)\s+(?:there|this|that|these|those|it|the|all|both|any|no|an?|"
    r"everything|anything|something|nothing|everyone|you|we|i|he|she|they|my|his|her|its|left|right)\b(?!.*\.\s*$)",
    re.IGNORECASE | re.DOTALL,
)
_MOST_BEFORE = 5  # words between a side and the last word of the finding
_DESCRIBING = ("size", "shape", "brightness", "shade", "look", "position")  # kinds of attributes: of one finding


class _Said(NamedTuple):
    """How it is said: region of the body as organs name it, and the forms with a side, a height, or both.

    ``paired``: whether the image shows a pair of organs; ``one``: one of a pair, whose side is no place in the image;
    ``lobes``: whether a part of it that is named without a side is left out, as a network that hardly knows its name
    finds less in it (docs/explanation/health.md); ``one_lesion``: whether an image mostly shows one, so that a word of
    shape or size, or "solitary" and "several", describes it and picks nothing. A network that was taught these by masks
    takes "irregular" and "small" for another thing than people do; ``sizes``: whether it is asked with the size all the
    same; ``shade``: how bright all that is looked for is there, so that the word picks nothing either;
    ``near``: the other regions that such an image may show beside its own: a sentence about any further one is of
    another image.
    """

    region: str
    sided: str = "{noun} on the {side}"
    high: str = "{noun} in the {height} part of the image"
    corner: str = "{noun} in the {height} {side} of the image"
    both: str = ""
    both_high: str = ""
    paired: bool = False
    one: bool = False
    lobes: bool = False
    one_lesion: bool = False
    sizes: bool = False
    shade: str = ""
    near: frozenset[str] = frozenset()

    def may_show(self, organ: Organ) -> bool:
        """Whether such an image may show a part of the body that is not its own: the chest's wall, but no lung."""
        return organ.region in self.near and organ.id != _INSIDE

    def form(self, side: str, height: str) -> str:
        """The form for a place, but for the noun; "" where there is none. "" is no side, or no height."""
        if height == "middle" and not self.paired:
            return ""  # of the height or of the width
        if self.both_high and height and side in ("both", ""):
            return self.both_high.replace("{height}", height)
        if side == "both":
            return "" if height else self.both
        form = {(True, False): self.sided, (False, True): self.high, (True, True): self.corner}.get(
            (bool(side), bool(height)), "{noun}"
        )
        return form.replace("{side}", side).replace("{height}", height)


_LUNG, _LUNGS = "{noun} in the {side} lung", "{noun} in both lungs"
_ZONES = "{noun} in the {height} left lung and {height} right lung"
_TISSUES = frozenset({"skin", "soft tissue", "vessels", "nerves", "lymph nodes", "skeleton", "limbs"})
_BESIDE_LUNGS = _TISSUES | {"breast", "abdomen", "neck", "ventricles"}  # of the heart
_SAYS = {
    "chest": _Said(
        "chest", _LUNG, "", "{noun} in the {height} {side} lung", _LUNGS, _ZONES, paired=True, near=_BESIDE_LUNGS
    ),
    "chest-ct": _Said("chest", _LUNG, "", "", _LUNGS, paired=True, near=_BESIDE_LUNGS),  # an axial slice has no heights
    "breast": _Said("breast", one=True, one_lesion=True, shade="dark", near=_TISSUES | {"chest"}),
    "colon": _Said("colon", one_lesion=True, sizes=True, near=_TISSUES | {"abdomen", "pelvis"}),
    "brain": _Said(
        "brain", lobes=True, one_lesion=True, shade="bright", near=_TISSUES | {"head", "neck", "ventricles"}
    ),
    "skin": _Said(
        "skin", one_lesion=True, shade="dark", near=_TISSUES | {"chest", "breast", "abdomen", "head", "neck"}
    ),
}
WORLDS = frozenset(_SAYS)
"""Those that sentences can be said plainly about."""
_LOOKS = ("look", "shade")  # kinds of attributes that pick nothing
_SHAPE, _BRIGHTNESS, _SIZE, _COUNT = "shape", "brightness", "size", "number"
_SIZES = ("small", "large")
_ANY_NUMBER = frozenset({"one", "few"})  # "solitary", "several": of what such images show, no count
_COMMON = frozenset({"peripheral"})  # where such lesions mostly lie; a network takes the word for another place
_HOW = re.compile(r"\bhow\s+$", re.IGNORECASE)  # "how large is it?" is no large one
_INSIDE = "lung"  # of the regions that lie near another, what it does not reach
_COMPARES = re.compile(r"(?:er|est)$", re.IGNORECASE)  # "the brighter lesion" picks wherever lesions are bright
_NUMBER = re.compile(r"\d")  # counts, but in measures, dates, and the names of categories and sequences
# every repetition is bounded, and no number is begun in its midst: a row of digits may be long
_MEASURE = r"\d+(?:[.,]\d+)?(?:[\s-]{0,3}(?:mm|cm)\b)?"
_COUNTS_NOTHING = re.compile(
    rf"(?<!\d)(?:{_MEASURE}\s{{0,3}}(?:[x\u00d7*\u2013-]|by|to)\s{{0,3}}){{0,5}}"
    r"\d+(?:[.,]\d+)?[\s-]{0,3}(?:mm|cm|milli?met\w+|centimet\w+)\b|"
    r"\b\d{1,4}([./-])\d{1,2}\1\d{2,4}\b|\b\d{1,2}(?::\d\d)?\s*o['\u2019 ]?\s*clock\b|"
    r"\b(?:series|images?|slices?|frames?)\W+\d+|"
    r"\bco(?:vid-\d+|v-2)|\bbi-?rads\W*\d\w?|\b(?:paris\W+)?0\W?i\w*|\bt[12]w?\b|"
    r"\b(?:nice|jnet|kudo|sano)(?:\W+type)?\W+\d\w?",
    re.IGNORECASE,
)
_NAMED_AFTER = ("disease", "syndrome")  # with an unknown word before it, the name of a disease of its own
_OWNED = (*_NAMED_AFTER, "tumor")  # and so is one with an unknown owner, or a type of a finding: "Baker's cyst"
_OWNER = ("'s", "\u2019s", "'", "\u2019")


def looked_for(text: str | None) -> tuple[str | None, Literal["not found", "negated"] | None]:
    """What of a sentence is looked for, and the state where nothing is: it contradicts itself, or denies all.

    Who asks "Is the left lung clear?" or "Is there no infection?" denies nothing: what would be wrong is looked for.
    """
    if not text:
        return text, None
    if contradicts(text):
        return None, "not found"
    words = affirmed(text)
    if words is None and asks_whether_not(text):
        named = denied(text)
        words = named if named and lexicon().finding_finder(named) else text
    return words, "negated" if words is None else None


def asks_whether_not(text: str) -> bool:
    """Whether it is asked if something is absent or all is well, with or without a question mark.

    What would speak against it is looked for; to find it is to answer no.
    """
    is_question = text.rstrip().endswith(_QUESTION) or _ASKS.match(text) is not None
    return is_question and affirmed(text) is None  # most sentences are none, and need not be read again


@dataclass(frozen=True, slots=True)
class Named:
    """What a sentence names, looked up once.

    Attributes:
        findings: the findings.
        organs: parts of the body that lie in one region of it.
        places: of :func:`lexseg.language.sides.places`.
        both: whether these are both sides, and said to be: "bilateral", not "the left ... on the right".
        in_organ: the same without the side of an organ that stands right before its name: "mass in the left breast".
        picks: whether words other than of shape, size and brightness pick among what lies there, or count it.
        shaped: whether words of shape may.
        shades: what brightness it names, which picks where not all that is looked for is so.
        sizes: what size it names, but in comparison; it picks where an image shows several.
        size: that of the finding, if it stands before its name: "a large polyp", not one "on a long stalk".
        counted: whether it says that there is one, or several, which picks there too.
        shaded: whether it names nothing but a part of that brightness: "the bright region".
        side_alone: whether it names nothing but a side, nor anything else that has a left and a right.
        general: whether it names nothing, but asks for what is wrong, or just to "outline it".
        ill: whether it says that something is wrong.
        looks: whether it asks what there is to see.
        mere: whether it names nothing but a part of the body, and where.
        alone: the parts of the body that are themselves asked for: :func:`asks_itself`.
        unknown: whether there is a word that the lexicon does not hold: it may be what is asked for.
        kinds: words, as they stand, for kinds of a finding that pictures alone do not tell: "benign", "grade III".
        foreign: those of them that name something which no world's data hold: the lexicon would know what they do.
        strange: those that may name anything, and say no more of what is named after them.
        several: whether findings are named that each lie at a place of their own.
    """

    findings: tuple[Concept, ...]
    organs: tuple[Organ, ...]
    places: frozenset[Place]
    both: bool
    in_organ: frozenset[Place]
    picks: bool
    shaped: bool
    side_alone: bool
    general: bool
    ill: bool
    unknown: bool
    kinds: tuple[str, ...]
    shades: frozenset[str] = frozenset()
    sizes: frozenset[str] = frozenset()
    size: str = ""
    counted: bool = False
    shaded: bool = False
    looks: bool = False
    mere: bool = False
    alone: frozenset[str] = frozenset()
    foreign: tuple[str, ...] = ()
    strange: tuple[str, ...] = ()
    several: bool = False

    @classmethod
    def of(cls, text: str, words: Lexicon | None = None, *, misspelt: bool = False) -> "Named":
        """Look up.

        Args:
            text: one sentence, without what it denies.
            words: of its language; ``None`` is English.
            misspelt: whether words of it were, and are written here as they were meant: where a sentence names nothing,
                there is too little to go by.
        """
        words = words or lexicon()
        found, attributes = words.finding_finder(text), words.attribute_finder(text)
        parts = words.organ_finder(text)
        organs = [(start, organ) for start, _, organ in parts if organ.region]
        where = places(text, words)
        its_names = [(start, end) for start, end, _ in found]  # "hyperintense"
        its_names += [(start, end) for start, end, _ in parts]  # "large bowel"
        its_names += (both := [match.span() for match in _both_sides(words).finditer(text) if _both(where)])
        rows = [
            (start, row, text[start:end])
            for start, end, row in attributes
            if not any(first <= start and end <= last for first, last in its_names) and not _HOW.search(text[:start])
        ]
        plainly = [(start, str(row["id"]), row["kind"]) for start, row, word in rows if not _COMPARES.search(word)]
        shades, counts, sizes = (
            {name for _, name, kind in plainly if kind == each} for each in (_BRIGHTNESS, _COUNT, _SIZE)
        )
        counts &= _ANY_NUMBER
        sized = [(start, name) for start, name, kind in plainly if kind == _SIZE]
        kinds = {row["kind"] for _, row, _ in rows if row["id"] not in {*shades, *sizes, *counts, *_COMMON}}
        bare = not (found or organs or rows) and words.words("things").search(text) is None
        # there is little to go by, so no word may be misspelt
        held = (
            bare
            and not misspelt
            and all(holds(word.casefold(), words) for word in _LETTERS.findall(text) if len(word) > 1)
        )
        ill = words.words("ill").search(text) is not None
        looks = words.words("general").search(text) is not None
        unknown = unknown_words(text, words)
        named_after = [word for word in unknown if any(_names_after(word, text[:at], each) for at, _, each in found)]
        foreign = tuple(word for word in unknown if word in named_after or names_disease(word, words))
        heads = [text[:start].rstrip(" -") for start, _ in its_names]  # "tension pneumothorax" is a pneumothorax
        strange = tuple(
            word
            for word in unknown
            if word not in foreign and may_be_finding(word, words) and not any(each.endswith(word) for each in heads)
        )
        mere = bool(organs) and not (found or ill or looks) and _says_no_more(text, parts, words)
        itself = frozenset[str]() if found or ill or looks else asks_itself(text, words)
        return cls(
            findings=tuple(each for _, _, each in found if not (named_after and (each.type or each.id in _OWNED))),
            organs=tuple(organ for _, organ in organs),
            places=where,
            both=bool(both),
            in_organ=places(_without_sides_of(text, [start for start, _ in organs], words), words)
            if where and organs
            else where,
            picks=bool(kinds - {*_LOOKS, _SHAPE}) or _NUMBER.search(_COUNTS_NOTHING.sub("", text)) is not None,
            shaped=_SHAPE in kinds,
            side_alone=held and not itself and any(side for side, _ in where),
            general=held and (ill or looks),
            ill=ill,
            kinds=tuple(dict.fromkeys(match.group() for match in words.words("kinds").finditer(text))),
            unknown=bool(unknown),
            shades=frozenset(shades),
            sizes=frozenset(sizes),
            size=next((name for at, name in sized if found and at < found[0][0]), ""),
            counted=bool(counts),
            shaded=bool(shades) and not found and not unknown and any(not organ.region for _, _, organ in parts),
            looks=looks,
            mere=mere,
            alone=itself,
            foreign=foreign,
            strange=strange,
            several=len(found) > 1 and len(where) > 1 and _at_places_of_their_own(text, words),
        )

    def plain(self, nouns: Mapping[str, str]) -> dict[str, str]:
        """The sentence in plain words: :func:`in_plain_words`."""
        asks = self.findings or self.organs or self.side_alone or self.general or self.shaded
        if not asks or self.picks or self.unknown or self.alone:
            return {}
        found = {}
        for world, noun in nouns.items():
            said = _SAYS[world]
            picks = self.shaped or self.sizes or self.counted
            # a number and a size or a shape are a caption, which a network knows best as it stands: 72 captions of
            # Kvasir-SEG's 100 validation images, asked plainly, lost .028 of Dice
            caption = self.counted and bool(self.shaped or self.sizes)
            if caption or (picks and not said.one_lesion) or self.shades - {said.shade}:
                continue
            if self._may_be_of(world) and (form := self._form(said)) is not None:
                size = self.size if said.sizes and not self.places else ""
                found[world] = form.format(noun=f"{size} {noun}".lstrip())
        own = next((found[world] for world in found if self._tells(world)), None)
        return found if own is None else found | {"": own}

    def _form(self, said: _Said) -> str | None:
        """How it is said there, but for the noun; ``None`` where it names several places, or one that has no form."""
        where = self.in_organ if said.one else self.places
        two = where != self.places and any(side for side, _ in where)  # sides of the organ, and of the image
        if two or (len(where) > 1 and not self.both):
            return None
        side, height = next(iter(where), ("", ""))
        return said.form("both" if len(where) > 1 else side, height) or None

    @property
    def nonsense(self) -> tuple[str, ...]:
        """Unknown words that resemble no known one, and nothing else by which the lexicon knows what is asked."""
        known = self.findings or self.organs or self.kinds or self.ill or self.looks
        like = all(resembles(word, lexicon()) for word in self.strange)
        return () if known or like else self.strange

    @property
    def well(self) -> frozenset[str]:
        """The worlds of which it is asked, if it is what a sentence denies: "the lungs" of "the lungs are clear"."""
        mere = not (self.findings or self.unknown) and bool(self.organs)
        return self.taught | frozenset(world for world in WORLDS if mere and self._may_be_of(world, parts=True))

    @property
    def taught(self) -> frozenset[str]:
        """The worlds of which it surely asks what is taught there: :func:`surely_of`."""
        if self.unknown:
            return frozenset()
        if self.general:
            return WORLDS
        if self.side_alone:
            return frozenset(world for world, said in _SAYS.items() if said.paired)
        if self.shaded:
            return frozenset(world for world, said in _SAYS.items() if self._shaded_in(said))
        asks = self.findings or (self.ill and self.organs)
        return frozenset(world for world in WORLDS if asks and self._may_be_of(world, parts=True))

    def untaught(self, learnt: Mapping[str, Sequence[str]]) -> frozenset[str]:
        """The worlds of which it surely asks nothing that is taught there: :func:`surely_not_of`."""
        if not (self.findings or self.organs or self.alone or self.foreign or self.nonsense):
            return frozenset()
        return frozenset(
            world for world, names in learnt.items() if world in WORLDS and names and self._is_none_of(world, names)
        )

    def doubted(self, learnt: Mapping[str, Sequence[str]]) -> frozenset[str]:
        """The worlds of which it may ask for something that nobody knows: a network must be surer that it was taught.

        It names an unknown word that resembles none of the lexicon's, and nothing else.
        """
        strange = {word.casefold() for word in self.strange if not resembles(word, lexicon())}
        if self.findings or not strange:
            return frozenset()
        return frozenset(
            world
            for world, names in learnt.items()
            if world in WORLDS and names and not strange & _Told.of(names).words
        )

    def _is_none_of(self, world: str, names: Sequence[str]) -> bool:
        """Whether it surely asks nothing that is taught in a world, where a model says that it was taught ``names``."""
        told, said = _Told.of(names), _SAYS[world]
        own = [organ.region == said.region or organ.id in told.organs for organ in self.organs]
        at_home = any(world in finding.asked and finding.anatomy == (said.region,) for finding in self.findings)
        if self.alone and not self.alone & told.drawn:
            return True
        if own and not any(own) and not at_home and not all(said.may_show(organ) for organ in self.organs):
            return True  # such an image does not show it
        findings = [told.holds(finding, world) for finding in self.findings]
        if any(word.casefold() in told.words for word in (*self.foreign, *self.nonsense)):
            return False
        if self.nonsense:
            return True
        if any(findings) or self.strange:
            return False
        return bool(findings or self.foreign) or self._is_structure(said, told)

    def _is_structure(self, said: _Said, told: "_Told") -> bool:
        """Whether a part of the body is asked for itself: of an organ in which findings lie, what is wrong in it is."""
        if self.looks or self.ill or not self.organs:
            return False
        return not all(
            organ.id in told.organs or (organ.region == said.region and (organ.whole or organ.part))
            for organ in self.organs
        )

    def untold(self, worlds: Collection[str]) -> tuple[str, ...]:
        """What kind of finding it names, of kinds that the data of these worlds do not tell apart."""
        types = [each.id for each in self.findings if each.type and {*each.asked, *each.taught} & {*worlds}]
        return tuple(dict.fromkeys((*types, *self.kinds))) if worlds else ()

    def beside(self, learnt: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
        """By world, the findings it names that are not taught there, beside one that is.

        Args:
            learnt: as of :func:`surely_not_of`.
        """
        found = {}
        for world, names in learnt.items():
            told = _Told.of(names)
            others = [each.id for each in self.findings if not told.holds(each, world)]
            if world in WORLDS and names and 0 < len(others) < len(self.findings):
                found[world] = tuple(dict.fromkeys(others))
        return found

    def _may_be_of(self, world: str, *, parts: bool = False) -> bool:
        """Whether all findings are called alike there, and no organ lies elsewhere or, without ``parts``, is a part.

        What a finding lies within says which is meant, but where an image mostly shows one.
        """
        said = _SAYS[world]
        within = bool(self.findings) and (parts or said.lobes or said.one_lesion)
        parts = parts or (said.lobes and not self.places)
        if self.side_alone and not self.general and not said.paired:
            return False
        if self.shaded and not self._shaded_in(said):
            return False
        return all(world in finding.asked for finding in self.findings) and all(
            organ.region == said.region and (organ.whole or (parts and organ.part) or (within and organ.within))
            for organ in self.organs
        )

    def _shaded_in(self, said: _Said) -> bool:
        """Whether the part is as bright as what is looked for, and of no organ that lies elsewhere."""
        return self.shades == {said.shade} and all(organ.region == said.region for organ in self.organs)

    def _tells(self, world: str) -> bool:
        """Whether a finding that is found only there, or a part of the body, tells the world."""
        region = _SAYS[world].region
        own = any(world in finding.asked and finding.anatomy == (region,) for finding in self.findings)
        return own or any(organ.region == region and organ.whole for organ in self.organs)


class _Told(NamedTuple):
    """What names that a model was taught hold: ids of findings and organs, and words that the lexicon does not know.

    ``drawn``: the organs that are such a name.
    """

    findings: frozenset[str]
    organs: frozenset[str]
    drawn: frozenset[str]
    words: frozenset[str]

    @classmethod
    def of(cls, names: Sequence[str]) -> "_Told":
        """Looked up once for each model."""
        words = lexicon()

        def make() -> "_Told":
            return cls(
                frozenset(each.id for name in names for _, _, each in words.finding_finder(name)),
                frozenset(each.id for name in names for _, _, each in words.organ_finder(name)),
                frozenset(
                    each.id
                    for name in names
                    if not words.finding_finder(name)
                    and (parts := words.organ_finder(name))
                    and _says_no_more(name, parts, words)
                    for _, _, each in parts
                ),
                frozenset(word.casefold() for name in names for word in unknown_words(name, words)),
            )

        return words.kept("taught", *names, make=make)

    def holds(self, finding: Concept, world: str) -> bool:
        """Whether a finding is taught in a world, by the lexicon or by the model."""
        return world in finding.asked or world in finding.taught or finding.id in self.findings


def asks_itself(text: str, words: Lexicon | None = None) -> frozenset[str]:
    """The parts of the body that a sentence asks for themselves, and not for what is wrong in them.

    It tells to mark them ("segment the left lung", "where is the right lower lobe?") or, without a verb or a question
    mark, names nothing but a whole organ or both ("the lungs"). "The left lung", "the lungs?" and "check the left lung"
    ask what is wrong there, and so does what names a finding, or anything else.

    Args:
        text: one sentence.
        words: of its language; ``None`` is English.

    Returns:
        Their ids.
    """
    words = words or lexicon()
    parts = words.organ_finder(text)
    short = {row[side]: row["part"] for row in words.value("sides.short") for side in _SIDES if "part" in row}  # "LLL"
    own = [(start, end, organ) for start, end, organ in parts if organ.region or organ.part]
    letters = {word.upper() for word in _LETTERS.findall(text)}
    named = {organ.id for _, _, organ in own} | {short[word] for word in letters & short.keys()}
    if not named or words.finding_finder(text) or not _says_no_more(text, parts, words):
        return frozenset()
    where = places(text, words)
    alone = all(organ.whole for _, _, organ in own) and (not where or _both(where))
    if not (words.words("marks").search(_cut(text, own)) or (alone and not text.rstrip().endswith(_QUESTION))):
        return frozenset()
    return frozenset(named)


def _cut(text: str, spans: Sequence[tuple[int, int, Organ]]) -> str:
    for start, end, _ in reversed(spans):
        text = f"{text[:start]} {text[end:]}"
    return text


def _says_no_more(text: str, parts: Sequence[tuple[int, int, Organ]], words: Lexicon) -> bool:
    """Whether a text names parts of the body and places, and all else only tells to mark them."""
    rest = words.words("itself", "marks", "sides.both").sub(" ", _cut(text, parts))
    if words.spaced:
        return all(word.casefold() in place_names(words) for word in _LETTERS.findall(rest))
    where = sorted(place_names(words), key=len, reverse=True)
    return _LETTERS.search(re.sub("|".join(where), " ", rest)) is None


def _names_after(word: str, before: str, finding: Concept) -> bool:
    """Whether an unknown word right before a finding makes it one of its own: "Hodgkin disease", "Baker's cyst"."""
    before = before.rstrip(" -")
    owned = word.endswith(_OWNER) or before.endswith(tuple(f"{word}{mark}" for mark in _OWNER))
    if owned and (finding.type or finding.id in _OWNED):
        return before.rstrip("'\u2019").endswith(word)
    named = word[0].isupper() or word.endswith("s")
    return finding.id in _NAMED_AFTER and named and before.endswith(word) and not resembles(word, lexicon())


def _both_sides(words: Lexicon) -> re.Pattern[str]:
    before = r"(?<![\w-])" if words.spaced else ""
    return compiled(rf"{before}{words.union('sides.both')}")  # which may begin a word: "bibasal"


def _both(where: frozenset[Place]) -> bool:
    """Whether places are both sides, at one height or at none."""
    return len(where) == 2 and {side for side, _ in where} == {*_SIDES} and len({height for _, height in where}) == 1


def _at_places_of_their_own(text: str, words: Lexicon) -> bool:
    """Whether two parts of a sentence each name a finding and another place: "left opacity, right mass"."""
    parts = re.split(rf"[,;.\uff0c\uff1b\u3002]|\b{words.union('joints.split')}\b", text, flags=re.IGNORECASE)
    return len({places(part, words) for part in parts if words.finding_finder(part)} - {frozenset()}) > 1


def _without_sides_of(text: str, organs: Sequence[int], words: Lexicon) -> str:
    """A text without the sides that stand right before organs, which begin at these characters: "the left breast"."""
    for match in reversed(list(place_words(text, "horizontal", words))):
        if any(text[match.end() : start].strip(" -") == "" for start in organs if start > match.end()):
            text = text[: match.start()] + text[match.end() :]
    return text


def in_plain_words(text: str, nouns: Mapping[str, str], words: Lexicon | None = None) -> dict[str, str]:
    """What a sentence asks, said plainly, by the world of the image that it is asked of.

    "What is wrong with the left lung?" is ``{"chest": "infection in the left lung", ...}``. "And on the right?" names
    neither organ nor finding: what is meant is what such an image shows. Under "" stands what it is where the words
    alone tell the world. A sentence with a height ("left base"), two sides, a number, a size, a rank, another finding
    or an unknown word is left alone; where there is no pair of organs, one with a side, too.

    Args:
        text: one sentence, without what it denies.
        nouns: by world, of `WORLDS`, how a model's training calls all that it looks for there.
        words: of its language; ``None`` is English.
    """
    return Named.of(text, words).plain(nouns)


def plain_sentences(nouns: Mapping[str, str]) -> tuple[str, ...]:
    """All that :func:`in_plain_words` can come to: a few sentences for each world.

    Args:
        nouns: as there.
    """
    where = [(side, height) for side in ("", *_SIDES, "both") for height in ("", "upper", "middle", "lower")]
    forms = [(_SAYS[world].form(*place), noun) for world, noun in nouns.items() for place in where]
    forms += [(f"{size} {{noun}}", noun) for world, noun in nouns.items() if _SAYS[world].sizes for size in _SIZES]
    return tuple(dict.fromkeys(form.format(noun=noun) for form, noun in forms if form))


def surely_of(text: str, words: Lexicon | None = None) -> frozenset[str]:
    """The worlds of which a sentence surely asks what is taught there, however strange it sounds to a network.

    It names a finding, and none but those that such images' data call by one name; no other organ; and no unknown word,
    which may be what is asked for. "A large, rounded polyp at the top" surely asks of the colon. "And on the right?"
    asks of any image that shows a pair of organs.

    Args:
        text: one sentence, without what it denies.
        words: of its language; ``None`` is English.
    """
    return Named.of(text, words).taught


def surely_not_of(text: str, learnt: Mapping[str, Sequence[str]], words: Lexicon | None = None) -> frozenset[str]:
    """The worlds of which a sentence surely asks nothing that is taught there, however familiar it sounds to a network.

    It names findings, and none of them is one that such images' data hold; and no unknown word. "Large right
    pneumothorax" is nothing to films of pneumonia. "An opacity and a pneumothorax" may be: one of the two is theirs.
    Or it names an unknown word that is formed as names of diseases are ("meningoencephalitis"), or a part of the body
    alone in which nothing is looked for ("the nipple"), or one that no such image shows ("a tumor of the liver", on a
    mole).

    Args:
        text: one sentence, without what it denies.
        learnt: by world, what a model says that it was taught there; of others, and of those where it says nothing,
            nothing is sure.
        words: of its language; ``None`` is English.
    """
    return Named.of(text, words).untaught(learnt)


def contradicts(text: str, words: Lexicon | None = None) -> bool:
    """Whether a sentence says of one finding that it lies on both sides.

    Args:
        text: one sentence or several.
        words: of its language; ``None`` is English.
    """
    words = words or lexicon()
    rule = words.kept("contradiction", make=lambda: _Rule(words))
    plain = re.sub(r"[\s\-/]+", " ", text)
    return any(rule.holds(plain, match) for match in rule.sides.finditer(plain))


class _Rule:
    """What is called after one side, and where it is said to lie."""

    def __init__(self, words: Lexicon) -> None:
        self._words = words
        rows = [(row, side) for table in ("pairs", "short") for row in words.value(f"sides.{table}") for side in _SIDES]
        rows = [(row, side) for row, side in rows if row.get("kind") != "direction"]  # "the leftmost lesion"
        self._side = {row[side].lower(): side for row, side in rows}
        names = "|".join(sorted(map(re.escape, self._side), key=len, reverse=True))
        short = "|".join(row[side] for row in words.value("sides.short") for side in _SIDES) or "(?!)"
        lying, within, the, body = (words.union(f"place.{name}") for name in ("lying", "in", "the", "body"))
        self.sides = re.compile(rf"\b(?:{names})\b", re.IGNORECASE)
        self._said = re.compile(
            rf"\.? (?P<said>(?:[^\W\d_]+ ){{0,{_MOST_BEFORE}}}?[^\W\d_]+) "
            rf"(?:{lying} ){{0,2}}{within} (?:{the} )?"
            rf"(?P<other>(?:{short})\b|(?:{names})(?=\b\.?(?: {body}\b|[-]sided|\W*$)))",
            re.IGNORECASE,
        )

        self._after: re.Pattern[str] | None = None
        if words.value("sides.after_nouns"):
            self._after = compiled(
                rf" (?:{lying} ){{0,2}}{within} (?:{the} ?)?(?:[^\W\d_]+ ){{0,2}}?(?P<other>{names})\b"
            )

    def holds(self, text: str, one: re.Match[str]) -> bool:
        """Whether what follows a side is one finding that lies in the other."""
        if self._after is not None and (match := self._after.match(text, one.end())) is not None:
            # "derrame izquierdo en el pulmón derecho": the side stands after what is called so
            said = " ".join(re.split(r"[,.;:]", text[: one.start()])[-1].split()[-_MOST_BEFORE:])
            return self._differ(one, match) and bool(said) and self._is_one_finding(said)
        match = self._said.match(text, one.end())
        return match is not None and self._differ(one, match) and self._is_one_finding(match["said"])

    def _differ(self, one: re.Match[str], other: re.Match[str]) -> bool:
        return self._side[one.group().lower()] != self._side[other["other"].lower()]

    def _is_one_finding(self, said: str) -> bool:
        """Whether words are a finding, with nothing but what describes it and where it is beside its name."""
        words, rest, names = self._words, said, False
        for start, end, _ in reversed(words.finding_finder(said)):
            names = names or end == len(said) or self._after is not None
            rest = rest[:start] + " " * (end - start) + rest[end:]
        for start, end, _ in reversed(words.organ_finder(rest)):
            rest = rest[:start] + " " * (end - start) + rest[end:]
        for start, end, row in reversed(words.attribute_finder(rest)):
            if row["kind"] in _DESCRIBING:
                rest = rest[:start] + " " * (end - start) + rest[end:]
        rest = words.kept("heights", make=lambda: _heights(words)).sub(" ", rest)
        of = words.rows("place.of")
        if said.split()[0].casefold() in of:  # "left of the mass"
            return False
        left = [each for each in rest.split() if each.casefold() not in of]
        if not names and left and (unknown := unknown_words(left[-1], words)) and said.endswith(unknown[-1]):
            names = may_be_finding(left.pop(), words)
        return names and not left


def _heights(words: Lexicon) -> re.Pattern[str]:
    rows = [re.escape(row[key]) for row in words.value("heights.pairs") for key in ("upper", "lower")]
    rows += [*words.expanded("heights.middle"), *words.expanded("heights.lower_alone")]
    return words.whole_words("|".join(rows) or "(?!)")
