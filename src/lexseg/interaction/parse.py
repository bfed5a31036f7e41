"""From a sentence to what it asks to be done to a mask.

Rules, no network: a sentence is done as a whole or not at all, each of its words must play a part, and what could mean
two opposite things is refused.
"""

import re
from dataclasses import dataclass, replace
from typing import Literal

from lexseg.errors import LexSegError
from lexseg.interaction.operations import (
    Amount,
    Clear,
    Components,
    Confidence,
    Control,
    Cover,
    KeepRegion,
    Move,
    Operation,
    Region,
    Resize,
    Retarget,
    Shape,
    Spot,
    Threshold,
)
from lexseg.interaction.places import Whose, direction_of, region_of
from lexseg.interaction.retarget import retarget, sides_contrasted
from lexseg.interaction.tags import Tagged, normal, number_of, tagged
from lexseg.language.lexicon import Lexicon, lexicon

Understood = tuple[Operation | Control, ...]
_CONTROLS: tuple[Literal["undo", "redo", "reset", "accept", "repeat"], ...] = (
    "undo", "redo", "reset", "accept", "repeat",
)  # fmt: skip
_MOST = 500  # letters of a correction
_SPLITS = (r"[.;!]\s+|;", r",?\s*\band then\b|,\s*then\b|\bthen\b", r",\s*(?:and|but)\b", r",", r"\b(?:and|but)\b")


class Misunderstood(LexSegError):
    """A sentence that is no correction, or not one that is sure: nothing is changed.

    Attributes:
        unknown: its words that nobody knows.
    """

    def __init__(self, message: str, unknown: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.unknown = unknown


@dataclass(frozen=True, slots=True)
class About:
    """What a correction is about.

    Attributes:
        sentence: that the mask was asked with.
        left: the side of the picture that the user's "left" is.
        last: what was done last; "more" goes on with it.
    """

    sentence: str | None = None
    left: Literal["left", "right"] = "left"
    last: Operation | None = None


def parse(text: str, about: About | None = None, words: Lexicon | None = None) -> Understood:
    """What a sentence asks for.

    Args:
        text: the sentence; several may be joined by commas, "and", "then".
        about: what it is about.
        words: the lexicon; ``None`` is English, the only one with words for corrections.

    Returns:
        what is to be done, in order; one :class:`Control` alone, or operations on the mask.

    Raises:
        Misunderstood: if it is none, or not surely; the message says which words are not known, or what is unclear.
    """
    reader = _Reader(about or About(), words or lexicon())
    if not text.strip():
        raise Misunderstood("nothing was said; say what is to change, such as 'a bit more generous'")
    if len(text) > _MOST:
        raise Misunderstood(f"a correction has at most {_MOST} letters; say one thing at a time")
    return reader.all(text)


class _Reader:
    """Reads sentences about one mask."""

    def __init__(self, about: About, words: Lexicon) -> None:
        self.about, self.words = about, words
        self.whose = Whose(about.left)

    def all(self, text: str) -> Understood:
        first: Misunderstood | None = None
        try:
            return self.one(text)
        except Misunderstood as error:
            first = error
        for split in _SPLITS:
            parts = [part for part in re.split(split, text.strip(), flags=re.IGNORECASE) if part.strip(" .,;!?")]
            if len(parts) < 2:
                continue
            try:
                return self._each(parts, text)
            except Misunderstood:
                continue
        raise first

    def _each(self, parts: list[str], text: str) -> Understood:
        done: list[Operation | Control] = []
        for part in parts:
            plain = self._bare(normal(part))
            if not plain or plain == "no":  # "no, smaller"; a courtesy
                continue
            done += self.all(part) if len(parts) > 1 and part != parts[0] else self.one(part)
        if len(done) > 1 and re.search(r"\b(?:but|while|without)\b", text) and any(map(_keeps, done)):
            raise Misunderstood("it is not clear what is to stay as it is; say one thing at a time")
        if not done or (len(done) > 1 and any(isinstance(each, Control) for each in done)):
            raise Misunderstood("say one thing at a time")
        if _opposed(done):
            raise Misunderstood("that asks for opposite things; say one of them")
        return tuple(done)

    def one(self, text: str) -> Understood:
        plain = normal(text)
        bare = self._bare(plain)
        if (control := self._control(plain) or self._control(bare)) is not None:
            return (control,)
        if (again := self._contrast(plain)) is not None:
            return again
        if sides_contrasted(plain, self.words):
            return self._elsewise(text, Misunderstood("which of the two is meant? Say one of them"))
        if self.words.kept("correct ask", make=lambda: self._starts("questions")).match(plain) and not _polite(plain):
            return self._elsewise(text, Misunderstood("that is a question; say what is to change"))
        said = tagged(bare, self.words)
        try:
            return self._clause(said)
        except Misunderstood as error:
            return self._elsewise(text, error)

    def _elsewise(self, text: str, error: Misunderstood) -> Understood:
        """Another target, where the sentence is no correction."""
        sentence = retarget(text, self.about.sentence, self.words)
        if sentence is None:
            raise error
        if sentence.again is not None:
            return self.one(sentence.again)
        return (Retarget(sentence.asked),)

    # --- whole sentences ------------------------------------------------------------------

    def _starts(self, table: str) -> re.Pattern[str]:
        return re.compile(rf"(?:{self.words.union(f'correct.{table}')})(?!\w)", re.IGNORECASE)

    def _bare(self, plain: str) -> str:
        """Without courtesies at both ends, and without a "no," before."""
        polite = self.words.union("correct.polite")
        begin, end = re.compile(rf"(?:{polite})(?!\w)[ ,]*"), re.compile(rf"[ ,]+(?:{polite})$")
        before = None
        while before != plain:
            before = plain
            plain = re.sub(
                r"^no\s*[,.:;-]\s*|^no (?=no\b)|^no (?=i |we |not |that |it |this |the other|on the other)", "", plain
            )
            if (match := begin.match(plain)) and match.end() < len(plain):
                plain = plain[match.end() :]
            if (match := end.search(plain)) and match.start() > 0:
                plain = plain[: match.start()]
        return plain.strip(" ,.;:!?")

    def _control(self, plain: str) -> Control | None:
        times = 1
        match = re.fullmatch(
            r"(undo|redo|revert|cancel|take back)(?: the| my)?(?: last)? (\w+)"
            r"(?: (?:steps?|times?|changes?|corrections?|edits?|things?))?",
            plain,
        )
        if match and (number := {"once": 1, "twice": 2}.get(match[2]) or number_of(match[2], self.words)):
            return Control("redo" if match[1] == "redo" else "undo", number)
        if match := re.fullmatch(r"(?:go )?back (\w+)(?: (?:steps?|times?))", plain):
            times = number_of(match[1], self.words)
            return Control("undo", times) if times else None
        for do in _CONTROLS:
            if re.fullmatch(self.words.union(f"correct.{do}"), plain):
                return Control(do)
        return None

    def _contrast(self, plain: str) -> Understood | None:
        """What is wanted of two opposites: "smaller, not bigger", "not bigger but smaller"."""
        for rule in (
            r"(?P<yes>.+?),? (?:and |but )?(?:not|instead of|rather than) (?P<no>.+)",
            r"not (?P<no>.+?)(?:,? but (?:rather )?|, ?(?:rather )?)(?P<yes>.+)",
            r"instead of (?P<no>.+?), (?P<yes>.+)",
        ):
            match = re.fullmatch(rule, plain)
            if match is None:
                continue
            try:
                yes, no = self._plain_clause(match["yes"]), self._plain_clause(match["no"])
            except Misunderstood:
                continue
            if _opposed([*yes, *no]):
                return yes
        return None

    def _plain_clause(self, text: str) -> Understood:
        bare = self._bare(normal(text))
        return self._clause(tagged(bare, self.words))

    # --- one clause ------------------------------------------------------------------

    def _clause(self, said: Tagged) -> Understood:
        if (line := self._threshold(said)) is not None:
            return (line,)
        region, rest = region_of(said.text, self.words, self.whose)
        if rest != said.text:  # a line such as "above the diaphragm" is taken out
            said = replace(tagged(rest, self.words), length=said.length)
        if said.unknown:
            named = ", ".join(f"'{word}'" for word in said.unknown)
            raise Misunderstood(f"not understood: {named}; nothing was changed", said.unknown)
        for rule in (self._shape, self._move, self._parts, self._size, self._cover):
            found = rule(said, region)
            if found is not None:
                return (found,)
        raise Misunderstood("that asks for nothing that is known here; nothing was changed")

    def _threshold(self, said: Tagged) -> Operation | None:
        if not said.has("threshold", "sensitivity"):
            return None
        value = re.search(r"(?:to|of|=|at|is) ?(0?[.,]\d+|\d{1,2} ?%)", said.text)
        percent = said.length is not None and said.length.unit == "%"
        if (value or percent) and said.has("threshold") and not said.has("never", "not", "no", "sensitivity"):
            share = float(value[1].strip(" %").replace(",", ".")) if value else 0.0
            share = said.length.value / 100 if percent and said.length is not None else share
            if not 0 < share < 1:
                raise Misunderstood("a threshold lies between 0 and 1")
            return Threshold(share)
        if said.unknown or said.has("never", "not", "no"):
            return None
        up = said.has("grow", "more", "bigger", "up", "too_low", "big") or bool(re.search(r"\bhigher\b", said.text))
        down = said.has("shrink", "less", "smaller", "down", "too_high", "small") or bool(
            re.search(r"\blower\b", said.text)
        )
        if up == down or said.has("too"):
            return None
        return Confidence(up if said.has("sensitivity") else not up, _amount(said))

    def _shape(self, said: Tagged, region: Region | None) -> Operation | None:
        if not said.has("smooth", "rough", "holes", "fill", "join") or said.without(*_SHAPED, *_WHERE, *_IDLE):
            return None
        if said.has("never", "not", "no", "less") and not (
            (said.has("holes", "fill") or "gap" in said.text) and said.has("no", "not")
        ):
            raise Misunderstood("it is not clear what is to be done; say 'smooth it', 'fill the holes' or 'one piece'")
        kinds = [said.has("smooth", "rough"), said.has("holes"), said.has("join")]
        if sum(kinds) > 1 or (said.has("remove", "add", "grow", "shrink", "keep", "only") and not said.has("holes")):
            return None
        if kinds[0]:
            if said.has("too") and said.has("smooth"):
                raise Misunderstood("a mask cannot be made rougher; 'undo' takes the smoothing back")
            return Shape("smooth", _amount(said), region)
        if said.has("holes"):
            return None if said.has("add", "grow") else Shape("fill", region=region)
        if said.has("join"):
            return Shape("join", region=region)
        return Shape("fill") if region is None and not said.has("component") else None

    def _move(self, said: Tagged, region: Region | None) -> Operation | None:
        if said.has("too_high", "too_low") and not said.without("too_high", "too_low", "filler", "polite"):
            return Move("down" if said.has("too_high") else "up", _amount(said))
        if not said.has("move") or said.without("move", "also", "not", "never", "no", *_HOW, *_WHERE, *_IDLE):
            return None
        to = direction_of(said, region, self.whose, self.words)
        if to is None or said.has("never", "not", "no", "more", "less") or said.has("grow", "shrink", "add", "remove"):
            raise Misunderstood("say where it is to be moved: to the left, to the right, up or down")
        length = said.length
        return Move(
            to, _amount(said), None if length is None else length.value, None if length is None else _unit(said)
        )

    def _parts(self, said: Tagged, region: Region | None) -> Operation | None:
        """Connected parts: "only the largest", "drop the left one", "remove the specks"."""
        selectors = said.count("largest", "smallest", "specks")
        noun = said.has("component")
        spotted = noun and region is not None and region.beyond is None and len(region.spots) == 1
        if (not selectors and not spotted) or said.without(*_PARTED, *_WHERE, *_IDLE):
            return None
        if said.length is not None or said.has("more", "less", "too_much", "too_little", "bigger", "smaller", "grow"):
            return None
        if selectors > 1 or said.has("add", "also", "missing") or said.has("never"):
            return None if said.has("add", "also", "missing") and not selectors else _unclear()
        keep = self._kept(said)
        if keep is None:
            return None
        if selectors and region is not None and not said.has("anatomy"):
            raise Misunderstood("say either which size or which place is meant")
        numbers = [number_of(text, self.words) for tag, text in said.tags if tag == "number"]
        ranked = any(word in said.text.split() for word in ("second", "third", "fourth"))
        if said.has("specks"):
            return Components(False, "specks") if not keep else None
        if selectors:
            which: Literal["largest", "smallest"] = "largest" if said.has("largest") else "smallest"
            rank, count = (numbers[0], 1) if ranked and numbers else (1, numbers[0] if numbers else 1)
            if rank > 1 and which == "smallest":
                return None
            return Components(keep, which, max(1, count), rank)
        if numbers and not ranked and numbers[0] > 1:
            return None
        if ranked:
            return None
        assert region is not None
        return Components(keep, "spot", spot=region.spots[0])

    def _kept(self, said: Tagged) -> bool | None:
        """Whether what is named is kept and all else goes, or is taken away; ``None`` where neither is said."""
        taken = said.has("remove", "wrong", "no", "rest", "except") or (
            said.has("not") and not said.has("keep", "only")
        )
        if said.has("except"):
            return True if said.has("remove") and not said.has("never", "not", "no") else None
        if said.has("rest"):
            return True if said.has("keep", "only", "remove") and not said.has("not", "no") else None
        if said.has("keep", "only"):
            if said.has("remove") and not said.has("keep"):
                return False if not said.has("not", "no") else None  # "remove only the left one"
            return True if not taken else None
        if not taken:
            return None
        if said.has("not", "no") and said.has("remove", "wrong"):
            return None
        return False

    def _size(self, said: Tagged, region: Region | None) -> Operation | None:
        """More or less of the mask, in words of confidence, of size, or by a length."""
        if said.without(*_SIZED, *_HOW, *_WHERE, *_IDLE):
            return None
        sign = _sign(said)
        if said.length is not None:
            if said.length.value <= 0:
                raise Misunderstood("a length is above 0")
            if sign is None and said.has("add") != said.has("remove"):
                sign = 1 if said.has("add") else -1
            if sign is None:
                raise Misunderstood("say whether it is to be larger or smaller by that much")
            if said.length.unit == "%" and sign < 0 and said.length.value >= 100:
                raise Misunderstood("a mask can be made smaller by less than 100 %")
            return Resize(sign > 0, "usual", said.length.value, _unit(said), region)
        share = re.search(r"\bby (?:a|one) (third|quarter|fifth|tenth)\b", said.text)
        if share is not None and sign is not None and region is None:
            return Resize(
                sign > 0, "usual", {"third": 33.0, "quarter": 25.0, "fifth": 20.0, "tenth": 10.0}[share[1]], "%"
            )
        if said.has("twice", "halved") and region is None and not said.has("not", "never", "no", "wished", "past"):
            if said.has("twice"):
                return Resize(True, "usual", 100.0, "%") if not said.has("shrink") else None
            return Resize(False, "usual", 50.0, "%") if not said.has("grow", "bigger") else None
        bare = not said.has(*_SIZE, "too_much", "too_little", "more", "less")
        if sign is None:
            return None if bare else _unclear()
        if said.has("component", "largest", "specks") and said.has("only", "keep", "rest"):
            return None
        if said.has("bigger", "smaller", "big", "small", "grow", "shrink"):
            if said.has("grow") and said.has("anatomy") and region is not None and _into(said):
                return Cover(region, True, _amount(said))
            if said.has("up", "down") and region is None:
                region = Region((Spot("", "upper" if said.has("up") else "lower"),), "mask")
            return Resize(sign > 0, _amount(said), region=region)
        if said.has("too_much", "too_little", "more", "less") and not said.has(*_SIZE) and _alone(said):
            return self._go_on(sign, _amount(said), region)
        return Confidence(sign > 0, _amount(said), region)

    def _go_on(self, sign: int, amount: Amount, region: Region | None) -> Operation:
        """For "more" and "a bit less": of what was done last, where that made the mask larger."""
        last = self.about.last
        if region is None and _smaller(last):
            raise Misunderstood("more of the mask, or still less of it? say 'larger' or 'smaller', or 'again'")
        if region is None and isinstance(last, Resize | Confidence):
            if isinstance(last, Resize):
                return Resize(sign > 0, amount, region=last.region)
            return Confidence(sign > 0, amount, last.region)
        if region is None and isinstance(last, Cover):
            return Confidence(sign > 0, amount, last.region)
        return Confidence(sign > 0, amount, region)

    def _cover(self, said: Tagged, region: Region | None) -> Operation | None:
        """Regions: "not the part above the diaphragm", "also the apex", "keep only the left"."""
        if said.without(*_COVERED, *_WHERE, *_IDLE):
            return None
        taken, added = said.has("remove", "wrong"), said.has("add", "missing", "affected")
        negated = said.has("not", "no", "never")
        if region is None:
            if taken and said.has("all") and not negated and not said.has("except", "add", "missing", "keep", "wrong"):
                return Clear()
            if (
                said.has("missing")
                and not said.has("anatomy")
                and not taken
                and not negated
                and not said.has("keep", "only")
            ):
                return Confidence(True, _amount(said))
            if (taken or said.has("add")) and not said.has("rest"):
                raise Misunderstood("say where, such as 'at the top', 'in the left lower zone' or 'the left one'")
            return None
        if said.has("keep") and said.has("all") and said.has("except") and not negated and not taken:
            return Cover(region, False)  # "keep everything except the apex"
        if said.has("rest", "except", "keep") or (said.has("only") and not (taken or added)):
            kept = self._kept(said)
            return KeepRegion(region) if kept else None
        if said.has("never") and not taken and said.has("add"):
            return Cover(region, False)
        if said.has("never") or (negated and taken) or (taken and added and not said.has("also")):
            return _unclear()
        if taken and not added:
            return Cover(region, False)
        if negated:
            if said.has("missing"):
                return _unclear()
            return Cover(region, False) if _short(said) or said.has("finding", "affected", "add") else _unclear()
        if added or said.has("also"):
            return Cover(region, True, _amount(said))
        if said.has("finding") and re.search(r"\bthere (?:is|are)\b", said.text):
            return Cover(region, True, _amount(said))
        return None


# --- what a clause holds ------------------------------------------------------------------

_PLUS = ("generous", "generouser", "big", "bigger", "grow", "sensitivity")
_MINUS = ("strict", "stricter", "small", "smaller", "shrink")
_SIZE = (*_PLUS, *_MINUS)
# what each kind of correction may be made of
_IDLE = ("filler", "polite", "all", "finding")
_WHERE = ("place", "anatomy", "part_noun", "half", "edge", "centre", "component")
_HOW = ("slight", "much", "vast", "up", "down")
_SHAPED = (
    "smooth",
    "rough",
    "holes",
    "fill",
    "join",
    "too",
    "so",
    "not",
    "no",
    "never",
    "slight",
    "much",
    "vast",
    "more",
    "less",
    "also",
    "number",
    "remove",
    "add",
    "grow",
    "shrink",
    "only",
    "keep",
)
_PARTED = (
    "largest",
    "smallest",
    "specks",
    "number",
    "keep",
    "only",
    "remove",
    "wrong",
    "not",
    "no",
    "never",
    "rest",
    "except",
    "also",
    "more",
    "less",
    "add",
    "missing",
    "bigger",
    "smaller",
    "grow",
    "too_much",
    "too_little",
)
_SIZED = (
    *_SIZE,
    "past",
    "wished",
    "too",
    "so",
    "enough",
    "not",
    "no",
    "never",
    "more",
    "less",
    "too_much",
    "too_little",
    "add",
    "remove",
    "also",
    "only",
    "twice",
    "halved",
    "missing",
)
_COVERED = (
    "remove",
    "wrong",
    "add",
    "missing",
    "affected",
    "also",
    "keep",
    "only",
    "rest",
    "except",
    "not",
    "no",
    "never",
    "slight",
    "much",
    "vast",
)
_COMPARED = ("generouser", "stricter", "bigger", "smaller")
_VERBS = ("grow", "shrink")


def _sign(said: Tagged) -> int | None:
    """Whether more or less of the mask is asked for, 1 or -1; ``None`` where neither is, or both are."""
    names = [tag for tag, _ in said.tags]
    sized = [(i, tag) for i, tag in enumerate(names) if tag in _SIZE]
    signs = {1 if tag in _PLUS else -1 for _, tag in sized}
    if len(signs) > 1:
        return None
    if said.has("never"):
        # "do not be so strict" is less of it; "do not grow" asks for nothing
        return None if not said.has("so", "too") or not sized or said.has(*_VERBS, *_COMPARED) else -signs.pop()
    if said.has("past") and not said.has("too", "enough"):
        return None  # "it got bigger": a wish, or a complaint?
    if re.search(r"\b(?:it|mask|outline|contour|border|edge|segmentation) (?:is|looks|seems) [a-z ]*$", _before(said)):
        return None if not said.has("wished") else -signs.pop() if len(signs) == 1 and _compared(said) else None
    if said.has("wished"):
        return -signs.pop() if len(signs) == 1 and _compared(said) else None
    if said.has("too_much", "too_little"):
        quantity = 1 if said.has("too_little") else -1
        clash = said.has("remove", "missing", "shrink") or said.has("not", "no") or said.has("too_much", "enough") > 1
        grown = bool(sized) and signs != {-quantity}
        return None if clash or grown or (said.has("too_much") and said.has("too_little")) else quantity
    if not sized:
        return _quantity(said)
    tag = sized[0][1]
    sign = signs.pop()
    if len(sized) > 1 and not all(t in _VERBS or t in _COMPARED for _, t in sized):
        return None
    negated = said.has("not", "no")
    if tag in _COMPARED or tag in _VERBS:
        blocked = negated or said.has("less", "too", "enough", "so")
        if said.has("enough") and negated and tag in _VERBS and not said.has("less", "too"):
            return sign  # "not enlarged enough"
        if (said.has("add", "missing") and sign < 0) or (said.has("remove") and sign > 0):
            return None
        return None if blocked else sign
    if said.has("enough"):
        return sign if negated and not said.has("too", "less", "more") else None
    if said.has("too"):
        if negated and any(re.search(r"\b(?:is|are|was|were)\b", text) for t, text in said.tags if t == "not"):
            return None  # "it is not too big": no complaint
        return -sign if not said.has("more", "less") else None
    if negated:
        return -sign if said.has("so") or not said.has("more", "less") else None
    if said.has("less"):
        return -sign if not said.has("more") else None
    if said.has("more"):
        return sign
    if tag in ("big", "small"):
        wished = re.search(r"\b(?:make|should|must|needs?|has to|ought|could)\b", said.text)
        return sign if wished and not said.has("remove", "add") else None
    return sign


def _compared(said: Tagged) -> bool:
    """Whether a size is compared: "larger", "less strict", without a denial."""
    return said.has(*_COMPARED) and not said.has("not", "no", "less", "too", "enough", *_VERBS)


def _before(said: Tagged) -> str:
    """What stands before a comparison, where there is one: of "it is bigger" nobody knows what is wished."""
    if not said.has(*_COMPARED) or said.has("should"):
        return ""
    word = next(text for tag, text in said.tags if tag in _COMPARED)
    return said.text[: said.text.index(word)].rstrip() + " "


def _quantity(said: Tagged) -> int | None:
    """As "more of the apex", "remove more", "include less" say it; ``None`` where nothing is said of how much."""
    more, less = said.has("more"), said.has("less")
    if more == less or said.has("not", "no"):
        return None
    if said.has("remove", "wrong"):
        return -1 if more and not said.has("add", "missing", "wrong") else None
    if said.has("missing"):
        return 1 if more else None
    return 1 if more else -1


def _amount(said: Tagged) -> Amount:
    if said.has("vast") or said.count("much") > 1:  # "much, much more"
        return "vast"
    return "slight" if said.has("slight") else "much" if said.has("much") else "usual"


def _unit(said: Tagged) -> Literal["mm", "px", "%"]:
    assert said.length is not None
    return "mm" if said.length.unit == "mm" else "px" if said.length.unit == "px" else "%"


def _alone(said: Tagged) -> bool:
    """Whether nothing but "more", "less" and how much of it is said."""
    return not said.without(
        *(
            "more",
            "less",
            "slight",
            "much",
            "vast",
            "too_much",
            "too_little",
            "filler",
            "polite",
            "also",
            "not",
            "never",
        ),
        *("place", "anatomy", "part_noun", "edge", "half", "centre", "up", "down"),
    )


def _short(said: Tagged) -> bool:
    """Whether a clause is no more than "not the apex"."""
    return not said.without(
        *("not", "no", "place", "anatomy", "part_noun", "edge", "half", "centre", "filler", "polite", "all", "also"),
        "finding",
    )


def _into(said: Tagged) -> bool:
    return re.search(r"\b(?:in ?to|over|to the|towards? the|across)\b", said.text) is not None


def _keeps(operation: Operation | Control) -> bool:
    return isinstance(operation, KeepRegion) or (isinstance(operation, Components) and operation.keep)


def _smaller(last: Operation | None) -> bool:
    if isinstance(last, Confidence):
        return not last.more
    if isinstance(last, Resize):
        return not last.grow
    return (isinstance(last, Cover) and not last.wanted) or isinstance(last, KeepRegion | Components | Clear)


def _opposed(done: list[Operation | Control]) -> bool:
    """Whether two of these undo one another in the same place."""
    signs: dict[object, set[bool]] = {}
    for each in done:
        if isinstance(each, Confidence):
            signs.setdefault(each.region, set()).add(each.more)
        elif isinstance(each, Resize):
            signs.setdefault(each.region, set()).add(each.grow)
        elif isinstance(each, Cover):
            signs.setdefault(each.region, set()).add(each.wanted)
    return any(len(both) > 1 for both in signs.values())


def _polite(plain: str) -> bool:
    return re.match(r"(?:can|could|would|will) you\b", plain) is not None


def _unclear() -> Operation | None:
    raise Misunderstood("it is not clear what is meant; say it in other words, one thing at a time")
