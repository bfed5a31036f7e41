"""Whole sentences: courtesies, controls, contrasts, questions, and the clauses that a sentence is joined of."""

import re

from lexseg.interaction.operations import (
    Components,
    Confidence,
    Control,
    Cover,
    KeepRegion,
    Operation,
    Region,
    Resize,
    Retarget,
)
from lexseg.interaction.reading.about import About, Misunderstood, NoPlace, OnlyTold, Understood
from lexseg.interaction.reading.clauses import understood
from lexseg.interaction.reading.controls import control_of
from lexseg.interaction.reading.places import Whose, region_of
from lexseg.interaction.reading.retarget import retarget, sides_contrasted
from lexseg.interaction.reading.tags import normal
from lexseg.language.lexicon import Lexicon

_SPLITS = (
    r"[.;!?]+\s+|;",
    r",?\s*\band then\b|,\s*then\b|\bthen\b",
    r",\s*(?:and|but|so)\b",
    r",",
    r"\s-\s",
    r"\b(?:and|but|so)\b",
)
_CLAUSE = re.compile(r"[.;!?]+\s+|,\s*(?=(?:but |and )?(?:i|we|you|it|this|that|there|they)(?:'\w+)?\b)", re.IGNORECASE)
_POLITE = re.compile(r"(?:can|could|would|will) you\b")
_NO = re.compile(r"^no\s*[,.:;-]\s*|^no (?=no\b)|^no (?=i |we |not |that |it |this |the other|on the other)")
_CONTRASTS = (
    re.compile(r"(?P<yes>.+?),? (?:and |but )?(?:not|instead of|rather than) (?P<no>.+)"),
    re.compile(r"not (?P<no>.+?)(?:,? but (?:rather )?|, ?(?:rather )?)(?P<yes>.+)"),
    re.compile(r"instead of (?P<no>.+?), (?P<yes>.+)"),
)


class Sentences:
    """Reads sentences about one mask.

    Args:
        about: what they are about.
        words: the lexicon.
    """

    def __init__(self, about: About, words: Lexicon) -> None:
        self.about, self.words = about, words

    def all(self, text: str) -> Understood:
        """What a sentence of one clause or several asks for.

        Raises:
            Misunderstood: if it is no correction, or not surely.
        """
        clauses = [part for part in _CLAUSE.split(text.strip()) if part.strip(" .,;!?")]
        if len(clauses) > 1 and control_of(normal(text), self.words) is None:
            try:  # "that is the wrong one, I want the right one" is not about a wrong right one
                return self._each(clauses, text)
            except Misunderstood:
                pass
        try:
            return self._one(text)
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
        place: Region | None = None  # that the clause before has named
        for part in parts:
            plain = self._bare(normal(part))
            if not plain or plain == "no" or self.words.words("correct.polite", "correct.passing").fullmatch(plain):
                continue  # "no, smaller"; a courtesy
            if plain.startswith("not ") and any(map(_takes, done)):
                raise Misunderstood("it is not clear which of these is to go; say one thing at a time")
            try:
                done += self.all(part) if part != parts[0] else self._one(part)
            except NoPlace as error:
                done = _there(done, place, error)
            except OnlyTold as told:
                place = told.region
                continue
            place = _place_of(done[-1]) or place
        if len(done) > 1 and re.search(r"\b(?:but|while|without)\b", text) and any(map(_keeps, done)):
            raise Misunderstood("it is not clear what is to stay as it is; say one thing at a time")
        if not done or (len(done) > 1 and any(isinstance(each, Control) for each in done)):
            raise Misunderstood("say one thing at a time")
        if _opposed(done):
            raise Misunderstood("that asks for opposite things; say one of them")
        return tuple(_once(done))

    def _one(self, text: str) -> Understood:
        plain = normal(text)
        bare = self._bare(plain)
        if (control := control_of(plain, self.words) or control_of(bare, self.words)) is not None:
            return (control,)
        if (wanted := self._contrast(plain)) is not None:
            return wanted
        if sides_contrasted(plain, self.words):
            return self._elsewise(text, Misunderstood("which of the two is meant? Say one of them"))
        asks = self.words.kept("correct ask", make=lambda: _starts(self.words, "questions"))
        if asks.match(plain) and not _POLITE.match(plain):
            return self._elsewise(text, self._asked(bare))
        try:
            return (understood(bare, self.about, self.words),)
        except Misunderstood as error:
            return self._elsewise(text, error)

    def _asked(self, bare: str) -> Misunderstood:
        """A question is no correction; what it names may be what the next clause is about."""
        region, _ = region_of(bare, self.words, Whose(self.about.left))
        why = "that is a question; say what is to change"
        return Misunderstood(why) if region is None else OnlyTold(region, why)

    def _elsewise(self, text: str, error: Misunderstood) -> Understood:
        """Another target, where the sentence is no correction."""
        sentence = retarget(text, self.about.sentence, self.words)
        if sentence is None:
            raise error
        if sentence.again is not None:
            return self._one(sentence.again)
        return (Retarget(sentence.asked),)

    def _bare(self, plain: str) -> str:
        """Without courtesies at both ends, and without a "no," before."""
        polite, aside = self.words.union("correct.polite"), self.words.union("correct.passing")
        begin = re.compile(rf"(?:(?:{polite})(?!\w)[ ,]*|(?:{aside}) ?[,.:;!-]+ *)")
        end = re.compile(rf"[ ,]+(?:{polite})$")
        before = None
        while before != plain:
            before = plain
            plain = _NO.sub("", plain)
            if (match := begin.match(plain)) and match.end() < len(plain):
                plain = plain[match.end() :]
            if (match := end.search(plain)) and match.start() > 0 and not plain.endswith(" as well"):
                plain = plain[: match.start()]
        return plain.strip(" ,.;:!?")

    def _contrast(self, plain: str) -> Understood | None:
        """What is wanted of two opposites: "smaller, not bigger", "not bigger but smaller"."""
        for rule in _CONTRASTS:
            match = rule.fullmatch(plain)
            if match is None:
                continue
            try:
                yes, no = (
                    understood(self._bare(normal(match[name])), self.about, self.words) for name in ("yes", "no")
                )
            except Misunderstood:
                continue
            if _opposed([yes, no]):
                return (yes,)
        return None


def _starts(words: Lexicon, table: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{words.union(f'correct.{table}')})(?!\w)", re.IGNORECASE)


def _there(done: list[Operation | Control], place: Region | None, error: NoPlace) -> list[Operation | Control]:
    """For "the apex is missing, please add it" and "it covers the apex, take that out": the place named before.

    Raises:
        NoPlace: if none was, or what was asked of it before is the opposite.
    """
    if place is None:
        raise error
    before = None if not done else _sign(done[-1])
    if before is None and not done:
        return [Cover(place, error.wanted)]
    if before is not error.wanted:
        raise error
    return done


def _place_of(operation: Operation | Control) -> Region | None:
    return operation.region if isinstance(operation, Confidence | Resize | Cover) else None


def _sign(operation: Operation | Control) -> bool | None:
    """Whether more of the mask is asked for; ``None`` where neither more nor less is."""
    if isinstance(operation, Confidence):
        return operation.more
    if isinstance(operation, Resize):
        return operation.grow
    return operation.wanted if isinstance(operation, Cover) else None


def _once(done: list[Operation | Control]) -> list[Operation | Control]:
    """Of "too small, make it larger" the complaint and the request are one thing: what was said last."""
    kept: list[Operation | Control] = []
    for each in done:
        if kept and (each == kept[-1] or (_plain(kept[-1]) and _same(kept[-1], each))):
            kept.pop()
        elif kept and _plain(each) and _place_of(kept[-1]) is not None and _sign(kept[-1]) == _sign(each):
            continue  # "include the left base, you stopped short there"
        kept.append(each)
    return kept


def _plain(operation: Operation | Control) -> bool:
    """Whether it is no more than "more", or "smaller"."""
    if not isinstance(operation, Confidence | Resize) or getattr(operation, "value", None) is not None:
        return False
    return operation.region is None


def _same(first: Operation | Control, second: Operation | Control) -> bool:
    return isinstance(second, Confidence | Resize) and _sign(first) == _sign(second)


def _takes(operation: Operation | Control) -> bool:
    dropped = isinstance(operation, Components) and not operation.keep
    return dropped or (isinstance(operation, Cover) and not operation.wanted)


def _keeps(operation: Operation | Control) -> bool:
    return isinstance(operation, KeepRegion) or (isinstance(operation, Components) and operation.keep)


def _opposed(done: list[Operation | Control]) -> bool:
    """Whether two of these undo one another in the same place."""
    signs: dict[object, set[bool]] = {}
    for each in done:
        if (sign := _sign(each)) is not None:
            signs.setdefault(_place_of(each), set()).add(sign)
    return any(len(both) > 1 for both in signs.values())
