"""What is heard of a sentence by its words alone, before any network runs: whose sides, what of it is looked for.

Imports neither numpy nor torch.

A model in a browser hears by this very module (:mod:`lexseg.export.in_browser`).
"""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, Protocol

from lexseg.encoders.text.reader import Reader
from lexseg.errors import ConfigError, TextError, check_flags
from lexseg.language.asking import Named, asks_whether_not, looked_for
from lexseg.language.denial import denied, left_out
from lexseg.language.foreign import to_model_words
from lexseg.language.lexicon import languages, lexicon
from lexseg.language.sides import Laterality, convert_laterality, mentions_side
from lexseg.language.vocabulary import in_another_script, language_to_name, read_as
from lexseg.models.config import WordsScope
from lexseg.predict.answered import KnowsWorlds, State
from lexseg.predict.options import Denied, Options, Sentence

if TYPE_CHECKING:
    from lexseg.scans.scan import Scan

MOST_UNKNOWN = 0.2
SURER = 0.9
"""A sentence of words that nobody knows is taken for one of a world's from this score on, not from one half."""
_IMAGE_ALONE = "this model looks at the image alone: the sentence changes nothing"
_NOT_SAID = "the model does not say whose left its words mean: the sentence is used as it stands"
_WHETHER_NOT = (
    "the question is whether something is absent or all is well: what would speak against it was looked for, and "
    "'found' answers it with no"
)
_READ_AS = "words that look misspelt are read as {}; if others are meant, write them out"
_ORGAN = "the model draws what looks abnormal in an organ, never the organ itself"
_TYPES = "whether it is {} the model cannot tell: it finds all that looks abnormal in such an image, of whatever kind"
_BESIDE = "the model has not learnt to find {} in such an image: this answer does not tell whether it is there"
_LEAVES_OUT = (
    "the place that the sentence leaves out is not cut out of the mask: the rest of the sentence was asked; take that "
    "place away by a correction"
)
_PAST = (
    "the sentence tells of the past ('status post' or the like): the image shows what is there now, and that was "
    "looked for"
)
_SEVERAL = "the sentence names findings at several places, and was asked as one: ask for each in a sentence of its own"
_LEAVES_ALL_OUT = "the sentence says what to leave out, and not what to find: write what to find"
_WHOSE = (
    "the header does not say which side of the picture is the patient's left: the words are taken in the model's own "
    "convention; say whose left is meant (laterality image or patient, --laterality on the command line)"
)


def taken(own: Laterality | None) -> str:
    """What is taken for granted of a picture without a header, such as a PNG, where a sentence names a side.

    Args:
        own: the model's own convention; ``None`` if unknown.
    """
    whose = {"image": "those of the picture", "patient": "the patient's, seen face to face"}
    other = {"image": "the patient's are meant, say --laterality patient", "patient": "not, say --laterality image"}
    if own is None:
        return "neither the picture nor the model says whose left and right are: the sentence is asked as it stands"
    return (
        f"left and right are taken for {whose[own]}, as the model has learnt them: a picture does not say whose they "
        f"are, and an L or R that is drawn on it is not read; if {other[own]}"
    )


@dataclass(frozen=True, slots=True)
class Sides:
    """What is known of a picture's sides.

    Attributes:
        patient_left: the side of the picture where the patient's left lies; ``None`` if unknown.
        headed: whether the picture has a header that could have said so. Pictures without one are what a model's own
            convention was made for.
    """

    patient_left: Literal["left", "right"] | None = None
    headed: bool = False

    @classmethod
    def of(cls, scan: "Scan") -> "Sides":
        """The sides of a scan's frames."""
        return cls(scan.patient_left, scan.format != "image")

    def doubts(self, whose: Laterality | None, names_side: bool) -> list[str]:
        """What is doubtful where a sentence names a side, and neither the caller nor the header says whose it is.

        Args:
            whose: as :func:`sides_of` found it.
            names_side: whether the sentence does.
        """
        known = not self.headed or whose is not None or self.patient_left is not None
        return [_WHOSE] if names_side and not known else []


def sides_of(
    patient_left: Literal["left", "right"] | None, given: Laterality | None = None
) -> tuple[Laterality | None, Laterality | None]:
    """Whose words they are, and how a model is to be asked.

    A model's convention "patient" supposes a picture that hangs as usual, the patient's left at its right. Where a
    picture hangs the other way round, the patient's sides are the picture's: the patient's words are then asked as the
    image's.

    Args:
        patient_left: the side of the picture where the patient's left lies; ``None`` if unknown.
        given: whose left the caller's "left" is; ``None`` takes the patient's where the picture's sides are known.

    Returns:
        Whose left it is, and what ``Segmenter``'s ``laterality`` is to be; ``None`` is the model's own convention.

    Raises:
        ConfigError: if ``given`` is neither ``image``, ``patient`` nor ``None``.
    """
    if given not in (None, "image", "patient"):
        raise ConfigError(f"laterality {given!r}: expected 'image' or 'patient'")
    if given is None and patient_left is not None:
        given = "patient"
    return given, "image" if given == "patient" and patient_left == "left" else given


class JudgesWords(KnowsWorlds, Protocol):
    """What a model has learnt: :class:`lexseg.models.scope.Scope`, as far as hearing asks it."""

    @property
    def judges_words(self) -> bool: ...


class Hears(Protocol):
    """What hearing needs of the model that is to answer: :class:`lexseg.predict.network.Network` is one."""

    threshold: float
    laterality: Laterality | None

    @property
    def text_encoder(self) -> Reader | None: ...

    @property
    def plain(self) -> Mapping[str, str]: ...

    @property
    def scope(self) -> "JudgesWords | None": ...

    def read_ahead(self, texts: Sequence[str | None]) -> None: ...

    def known_words(self, text: str | None) -> WordsScope | None: ...


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What is heard of a sentence, whatever the image shows.

    Attributes:
        text: the sentence as it was given; ``None`` is the null sentence.
        words: what of it is looked for, in the model's own convention.
        plain: the same in plain words, by the world of the image
            (:func:`lexseg.language.asking.in_plain_words`).
        settled: the state, where the words alone decide it and nothing is looked for.
        known: where the words lie in what the model has learnt; ``None`` where its scope is unknown, or a report denies
            them. Where the lexicon tells all that is asked, no network has judged them: :func:`told`.
        threshold: probability from which on a pixel is foreground, 0..1.
        laterality: whose left the sentence's "left" is; ``None`` where nobody says.
        anyway: whether it is looked for also where it is not in scope.
        doubts: why the answer may not be what the user expects; the sentence is not quoted.
        language: of ``text``, as ISO 639-1 code; ``None`` is English.
        untold: of what the words name, what an answer does not tell, by the world of the image: findings that were not
            learnt there, beside one that was; under "" kinds that no image tells.
    """

    text: str | None
    words: str | None
    settled: State | None
    known: WordsScope | None
    threshold: float
    laterality: Laterality | None
    anyway: bool = False
    doubts: tuple[str, ...] = ()
    language: str | None = None
    plain: Mapping[str, str] = field(default_factory=dict)
    untold: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def asked(self, world: str | None) -> str | None:
        """What the network is asked with about an image of a world; ``None`` where that is unknown."""
        return asked_with(self.words, self.plain, world)

    def untold_of(self, world: str | None) -> tuple[str, ...]:
        """What of what the words name an answer about an image of a world does not tell."""
        return (*self.untold.get("", ()), *(self.untold.get(world, ()) if world else ()))

    def doubts_of(self, world: str | None, *, looked: bool) -> tuple[str, ...]:
        """What is doubtful about an answer: :func:`doubts_of`."""
        return doubts_of(self.doubts, self.untold if looked else {}, world)

    @classmethod
    def of(
        cls, segmenter: "Hears", sentence: Sentence, options: Options, sides: Sides, world: str | None = None
    ) -> "Heard":
        """Read a sentence: check it, find out whose sides it names, what it denies, and what is doubtful about it.

        Args:
            segmenter: what is to answer.
            sentence: that is asked.
            options: how it is asked.
            sides: of the image that it is about.
            world: of that image; ``None`` where it is unknown, or the sentence is about several.

        Raises:
            TextError: if the sentence is blank or longer than the text encoder reads, or there is no lexicon of its
                language.
            ConfigError: for an impossible threshold or laterality.
        """
        return hear(segmenter, [(sentence, options, sides)], [world])[0]


@dataclass(frozen=True, slots=True)
class Spoken:
    """What the words of a sentence come to, whatever model and image they are asked of.

    Attributes:
        words: what of it is looked for, in the model's own convention.
        plain: the same in plain words, by the world of the image.
        taught: the worlds whose findings it surely names (:func:`lexseg.language.asking.surely_of`).
        untaught: those whose findings it surely does not name (:func:`lexseg.language.asking.surely_not_of`).
        doubted: those of which the network must be surer (:meth:`lexseg.language.asking.Named.doubted`).
        settled: the state, where the words alone decide it and nothing is looked for.
        judged: by which words else it is to be told whether the model has learnt such; ``None`` is the null sentence.
        laterality: whose left the sentence's "left" is; ``None`` where nobody says.
        doubts: why the answer may not be what the user expects; the sentence is not quoted.
        untold: as of :class:`Heard`.
    """

    words: str | None
    plain: Mapping[str, str]
    taught: frozenset[str]
    untaught: frozenset[str]
    doubted: frozenset[str]
    settled: State | None
    judged: str | None
    laterality: Laterality | None
    doubts: tuple[str, ...]
    untold: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def most_likely_read(self) -> str | None:
        """What a text encoder will most likely read, whatever the image is; ``None`` where that cannot be told."""
        forms: set[str | None] = {*self.plain.values()} or {self.words}
        if self.settled is not None:
            return self.judged
        return next(iter(forms)) if len(forms) == 1 else None

    @classmethod
    def of(
        cls,
        sentence: str | None,
        *,
        reader: Reader | None,
        own: Laterality | None,
        given: Laterality | None,
        language: str | None,
        sides: Sides,
        nouns: Mapping[str, str],
        learnt: Mapping[str, Sequence[str]],
    ) -> "Spoken":
        """Read a sentence: check it, find out whose sides it names, what it denies, and what is doubtful about it.

        Args:
            sentence: that is asked; ``None`` is the null sentence.
            reader: of the model's words; ``None`` for an image-only model.
            own: whose left "left" is in the words that the model was trained on; ``None`` if unknown.
            given: whose left it is in the sentence; ``None`` takes the patient's where the image knows its sides.
            language: of the sentence, as ISO 639-1 code; ``None`` is English.
            sides: of the image that it is about.
            nouns: for plain words, as of :func:`lexseg.language.asking.in_plain_words`.
            learnt: by world, what the model was taught, as of :func:`lexseg.language.asking.surely_not_of`.

        Raises:
            TextError: if the sentence is blank or longer than the text encoder reads, or there is no lexicon of its
                language.
            ConfigError: for an impossible laterality.
        """
        whose, given = sides_of(sides.patient_left, given)
        said = to_model_words(sentence, language) if sentence and language else None
        text = sentence if said is None else said.text
        check_sentence(text, reader)
        unread = reader.unknown_share(text) if text is not None and reader is not None else 0.0
        # from here on the words are read, by the lexicon alone; what was translated has no slips
        meant, misspelt = read_as(text, lexicon()) if text is not None and text == sentence else (text, ())
        asked = None if meant is None or reader is None else convert_laterality(meant, given, own)
        words, settled = looked_for(asked)
        read_with = None if said is None else lexicon(language)
        named = Named.of(words, misspelt=bool(misspelt)) if words else None
        judged = asked if settled == "not found" else words or (asked and denied(asked))
        likely = language_to_name(text) if text else None
        foreign = likely is not None or bool(text and in_another_script(text))
        names_side = mentions_side(meant) if meant else False
        doubts: list[str] = []
        if reader is None:
            doubts += [_IMAGE_ALONE] if text is not None else []
        else:
            doubts += said.doubts if said is not None else []
            # an unknown word stays foreign in the translation, and is told already
            doubts += odd_words(unread, foreign and not doubts, likely)
            doubts += [_READ_AS.format(", ".join(map(repr, dict.fromkeys(misspelt))))] if misspelt else []
            doubts += [_WHETHER_NOT] if words and settled is None and asked and asks_whether_not(asked) else []
            own_words = meant if said is None else sentence
            if own_words and settled != "not found" and left_out(own_words, read_with):
                doubts.append(_LEAVES_ALL_OUT if settled else _LEAVES_OUT)
            if own_words and words and (read_with or lexicon()).words("remarks.past").search(own_words):
                doubts.append(_PAST)
            doubts += [_NOT_SAID] if names_side and given is not None and own is None else []
        doubts += sides.doubts(whose, names_side)
        plain, taught, untaught, untold = {}, frozenset[str](), frozenset[str](), dict[str, tuple[str, ...]]()
        doubted = frozenset[str]()
        if named is not None:
            plain, taught, untaught = named.plain(nouns), named.taught, named.untaught(learnt)
            doubted = named.doubted(learnt)
            kinds = (*named.untold(nouns), *(said.kinds if said is not None and nouns else ()))
            untold |= {**({"": tuple(dict.fromkeys(kinds))} if kinds else {}), **named.beside(learnt)}
            doubts += [_SEVERAL] if named.several else []
            doubts += [_ORGAN] if named.alone or (plain and named.mere) else []
        elif settled == "negated" and judged:
            left = Named.of(judged)
            taught, untaught = left.well, left.untaught(learnt) if left.nonsense else untaught
        return cls(
            words, plain, taught, untaught, doubted, settled, judged, whose or own, tuple(dict.fromkeys(doubts)), untold
        )


def asked_with(words: str | None, plain: Mapping[str, str], world: str | None) -> str | None:
    """What the network is asked with: the plain words, where there are any for such an image, else the words.

    Args:
        words: what is looked for.
        plain: the same in plain words, by the world of the image.
        world: of the image; ``None`` where it is unknown.
    """
    return plain.get(world or "", words)


def doubts_of(doubts: Sequence[str], untold: Mapping[str, Sequence[str]], world: str | None) -> tuple[str, ...]:
    """What is doubtful about an answer.

    Args:
        doubts: whatever the image shows.
        untold: as of :class:`Heard`; nothing where nothing was looked for.
        world: of the image; ``None`` where it is unknown.
    """
    kinds, beside = untold.get("", ()), untold.get(world, ()) if world else ()
    kind = [_TYPES.format(" or ".join(kinds))] if kinds else []
    return (*doubts, *kind, *([_BESIDE.format(" or ".join(beside))] if beside else []))


def understood(
    known: WordsScope, taught: Iterable[str], untaught: Iterable[str], doubted: Iterable[str] = ()
) -> WordsScope:
    """Where words lie that surely ask what is taught in some worlds, and surely nothing that is taught in others.

    There, however strange they sound; and not there, however familiar. Of those that are doubted only where they sound
    very familiar.
    """
    sure = {world: 0.0 for world in doubted if known.worlds.get(world, 1.0) < SURER}
    sure |= dict.fromkeys(untaught, 0.0) | dict.fromkeys(taught, 1.0)
    if not sure or (known.known and not known.worlds):
        return known
    worlds = {**known.worlds, **sure}
    return replace(known, known=max(worlds.values()) >= 0.5, worlds=worlds)


def told(scope: JudgesWords | None, said: Spoken, world: str | None) -> WordsScope | None:
    """Where words lie, if the lexicon alone tells what is asked of it; ``None`` where a network is to judge them.

    It tells all worlds; or the very one that the image is of, where it surely asks of one: "opacity in the left lung"
    is a question to a film, and none to a picture of a breast.

    Args:
        scope: what the model has learnt; ``None`` if unknown.
        said: the words.
        world: of the image; ``None`` where it is unknown. What is not sure of others is then told as not known there.
    """
    if scope is None or not scope.judges_words or said.judged is None:
        return None
    names, sure = [each.name for each in scope.worlds], {*said.taught, *said.untaught}
    if not sure.issuperset(names) and not (said.taught and world in sure):
        return None
    return understood(WordsScope(False, dict.fromkeys(names, 0.0), 0.0), said.taught, said.untaught)


def hear(
    segmenter: "Hears", asked: Sequence[tuple[Sentence, Options, Sides]], worlds: Sequence[str | None] = ()
) -> list[Heard]:
    """Read sentences as :meth:`Heard.of`, all of them in as few runs of the text encoder as can be.

    Args:
        segmenter: what is to answer.
        asked: each sentence, how it is asked, and the sides of the image that it is about.
        worlds: of the image that each is about, ``None`` where it is unknown; without any, all are.

    Raises:
        TextError, ConfigError: as :meth:`Heard.of`, of the first that cannot be used.
    """
    return judge(segmenter, asked, [speak(segmenter, *each) for each in asked], worlds)


def judge(
    segmenter: "Hears",
    asked: Sequence[tuple[Sentence, Options, Sides]],
    said: Sequence[Spoken | None],
    worlds: Sequence[str | None] = (),
) -> list[Heard]:
    """What is heard of sentences whose words were read, once it is known what they are about.

    Args:
        segmenter: as of :func:`hear`.
        asked: as of :func:`hear`.
        said: of each, by :func:`speak`.
        worlds: as of :func:`hear`.
    """
    about = worlds or [None] * len(said)
    known = [
        None if each is None else told(segmenter.scope, each, world) for each, world in zip(said, about, strict=True)
    ]
    segmenter.read_ahead([*_to_be_read(said, known, about)])
    return [_heard(segmenter, *each, *rest) for each, rest in zip(asked, zip(said, known, strict=True), strict=True)]


def _threshold(segmenter: "Hears", options: Options) -> float:
    return segmenter.threshold if options.threshold is None else options.threshold


def _to_be_read(
    said: Sequence[Spoken | None], known: Sequence[WordsScope | None], worlds: Sequence[str | None]
) -> Iterator[str | None]:
    """What a text encoder is to read of sentences: what is to be judged, and what is asked where that is sure."""
    for each, sure, world in zip(said, known, worlds, strict=True):
        if each is None:
            continue
        if sure is None:
            yield each.judged
        elif each.settled is None and sure.worlds.get(world or "", 0.0) >= 0.5:
            yield asked_with(each.words, each.plain, world)


def speak(segmenter: "Hears", sentence: Sentence, options: Options, sides: Sides) -> Spoken | None:
    """A sentence, read by its words alone; ``None`` for one that a report denies.

    Args and errors are those of :meth:`Heard.of`.
    """
    threshold = _threshold(segmenter, options)
    if isinstance(threshold, bool) or not isinstance(threshold, Real):
        raise ConfigError(f"a threshold of {threshold!r}: a number between 0 and 1 was expected")
    if not 0 < threshold < 1:
        raise ConfigError(f"a threshold of {threshold:g}: it must lie between 0 and 1")
    if options.anyway not in (True, False):
        check_flags(anyway=options.anyway)
    if isinstance(sentence, Denied):
        return None
    return Spoken.of(
        sentence,
        reader=segmenter.text_encoder,
        own=segmenter.laterality,
        given=options.laterality,
        language=options.language,
        sides=sides,
        nouns=segmenter.plain,
        learnt={} if segmenter.scope is None else {world.name: world.findings for world in segmenter.scope.worlds},
    )


def _heard(
    segmenter: "Hears", sentence: Sentence, options: Options, sides: Sides, said: Spoken | None,
    known: WordsScope | None,
) -> Heard:  # fmt: skip
    threshold = _threshold(segmenter, options)
    if said is None:
        assert isinstance(sentence, Denied)
        whose, _ = sides_of(sides.patient_left, options.laterality)
        # most of what a report denies a model never learnt: to say so of each would tell the reader nothing
        return Heard(
            sentence.text, None, "negated", None, threshold, whose or segmenter.laterality, options.anyway,
            language=options.language,
        )  # fmt: skip
    assert not isinstance(sentence, Denied)
    if known is None and (judged := segmenter.known_words(said.judged)) is not None:
        known = understood(judged, said.taught, said.untaught, said.doubted)
    return Heard(
        sentence, said.words, said.settled, known, threshold, said.laterality, options.anyway, said.doubts,
        options.language, said.plain, said.untold,
    )  # fmt: skip


def check_sentence(text: str | None, encoder: Reader | None) -> None:
    """Refuse a sentence that cannot be used.

    Args:
        text: the sentence; ``None`` is the null sentence, and always good.
        encoder: the text encoder that is to read it; ``None`` for an image-only model.

    Raises:
        TextError: if it is blank, is no text, or is longer than the encoder reads.
    """
    if text is None:
        return
    if not isinstance(text, str):
        raise TextError(f"a sentence is text, and this is {type(text).__name__}; ask about several one after another")
    if not text.strip():
        raise TextError("the sentence is blank; write what to find, or leave the sentence out to ask without one")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise TextError("the sentence holds bytes that are no text; write it in UTF-8") from error
    if encoder is not None:
        encoder.check(text)


def odd_words(unread: float, foreign: bool, likely: str | None) -> list[str]:
    """Why a sentence that can be used may be understood badly; it is not quoted.

    Args:
        unread: the share, 0..1, of its tokens that the text encoder does not know.
        foreign: whether it does not look English.
        likely: the language that it may be, as ISO 639-1 code; ``None`` if nothing tells.
    """
    doubts = []
    if unread > MOST_UNKNOWN:
        doubts.append(
            f"{unread:.0%} of the sentence's tokens are unknown to the text encoder: the answer may ignore them"
        )
    if foreign:
        doubts.append(
            "the sentence does not look English: what it denies, and its left and right, are read by rules for English"
        )
        if likely in languages():
            doubts[-1] += f"; if it is {lexicon(likely).name}, say so: language {likely!r}"
    return doubts


def __getattr__(name: str) -> Any:
    if name != "WordsWarning":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    message = "lexseg.predict.words.WordsWarning is raised no more: doubts are in `Segmentation.doubts`"
    warnings.warn(message, DeprecationWarning, stacklevel=2)
    return type(name, (UserWarning,), {"__doc__": "Not raised any more: see `Segmentation.doubts`."})
