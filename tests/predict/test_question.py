"""Questions about many images at once get the answers that they get alone."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

import lexseg
from lexseg.errors import ConfigError, TextError
from lexseg.models.config import ImageScope
from lexseg.predict.answered import outside
from lexseg.predict.ask import segment_together
from lexseg.predict.options import Denied, Options
from lexseg.predict.segmenter import Segmenter
from lexseg.predict.words import Heard, Sides, Spoken, doubts_of, hear, told, understood

FILM = Path(lexseg.__file__).parent / "assets" / "examples" / "images" / "cxr_00027426_000.png"
TOLD = "the model cannot tell: it finds all that looks abnormal in such an image, of whatever kind"


def images(n=3):
    rng = np.random.default_rng(0)
    return [rng.random((20 + 4 * i, 30 + i), dtype=np.float32) for i in range(n)]


@pytest.mark.parametrize("tta", [False, True])
def test_together_as_alone(careful_sides, tta):
    sessions = [careful_sides.set_image(image, tta=tta) for image in images()]
    texts = ["left", "no lung", "right lung", "the left lesion in the right lung", None]
    questions = [session.ask(text, threshold=0.4) for text in texts for session in sessions]
    for question, answer in zip(questions, segment_together(questions), strict=True):
        alone = question.session.segment(question.text, threshold=0.4)
        assert np.allclose(answer.probability, alone.probability, atol=1e-6)
        assert answer.probability.shape == question.session.shape
        assert (answer.state, answer.text, answer.laterality) == (alone.state, alone.text, alone.laterality)
        assert answer.presence == pytest.approx(alone.presence)


def test_images_set_together_are_those_set_alone(sides):
    together = sides.set_images((image, (0.5, 0.25)) for image in images())
    for session, image in zip(together, images(), strict=True):
        alone = sides.set_image(image, spacing=(0.5, 0.25))
        assert session.shape == alone.shape and session.spacing == alone.spacing
        assert session.nbytes == 4 * 3 * 32 * 64  # its own row, not the memory of all
        assert alone.shown is not None and alone.nbytes == session.nbytes + alone.shown.nbytes
        assert np.array_equal(session.segment("left").mask, alone.segment("left").mask)
    assert sides.set_images([]) == []


def test_what_cannot_be_asked_is_told_before_anything_is_asked(sides):
    session = sides.set_image(images(1)[0])
    encoded = sides.model.encoded
    for wrong in ({"text": " "}, {"text": "left " * 100}):
        with pytest.raises(TextError):
            session.ask(**wrong)
    for wrong in ({"threshold": 0}, {"laterality": "doctor"}):
        with pytest.raises(ConfigError):
            session.ask("left", **wrong)
    assert sides.model.encoded == encoded


def spoken(model, text, learnt=None, language=None):
    return Spoken.of(
        text, reader=model.text_encoder, own="image", given=None, language=language, sides=Sides(),
        nouns={"breast": "breast mass", "chest": "infection", "skin": "skin lesion", "brain": "tumor"},
        learnt=learnt or {},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Is there a cyst?", "cyst"),
        ("the largest cyst", "cyst"),
        ("any covid?", "COVID-19"),
        ("invasive ductal carcinoma", "cancer or invasive or ductal"),
        ("benign breast mass", "benign"),
        ("BI-RADS 4b mass", "BI-RADS 4b"),
        ("melanoma", "melanoma"),
        ("atypical naevus", "atypical or naevus"),
        ("Is it a viral pneumonia?", "viral"),
        ("grade III astrocytoma", "grade III or astrocytoma"),
        ("glioblastoma", "glioblastoma"),
        ("IDH-mutant glioma", "IDH-mutant"),
        ("breast mass", ""),
        ("Is there pneumonia?", ""),
        ("no melanoma", ""),
    ],
)
def test_a_kind_that_the_data_do_not_tell_apart_is_doubted(sides, text, kinds):
    due = (f"whether it is {kinds} {TOLD}",) if kinds else ()
    assert doubts_of((), spoken(sides, text).untold, "breast") == due, text


def test_a_kind_is_doubted_in_every_language(sides):
    said = {
        "de": [("gutartiger Knoten der Brust", "gutartiger"), ("keine virale Pneumonie, Infiltrat", "")],
        "es": [("neumonía viral", "viral"), ("tumor benigno de la mama", "benigno")],
        "fr": [("gliome de bas grade", "de bas grade"), ("pneumonie bactérienne", "bactérienne")],
        "zh": [("病毒性肺炎", "病毒性"), ("乳腺良性肿块", "良性")],
    }
    for language, texts in said.items():
        for text, kind in texts:
            heard = spoken(sides, text, language=language)
            due = (f"whether it is {kind} {TOLD}",) if kind else ()
            assert doubts_of((), heard.untold, None) == due, text
            assert not any("not in the lexicon" in doubt for doubt in heard.doubts), text


def test_an_organ_in_which_all_is_well_is_denied_of_its_images(sides):
    for text, worlds in (("lungs are clear", {"chest", "chest-ct"}), ("The brain is normal.", {"brain"})):
        assert (spoken(sides, text).settled, spoken(sides, text).taught) == ("negated", worlds), text


def test_a_kind_is_looked_for_as_what_it_is_a_kind_of(sides):
    for text in ("Is there a cyst?", "invasive ductal carcinoma", "benign breast mass", "benign lesion"):
        assert spoken(sides, text).plain["breast"] == "breast mass", text


def test_what_was_not_learnt_beside_what_was_is_doubted(sides):
    learnt = {"chest": ("pneumonia",), "breast": ("breast mass",)}
    for text, left in (("pneumonia or effusion?", "effusion"), ("opacity and a fracture", "fracture")):
        (doubt,) = doubts_of((), spoken(sides, text, learnt).untold, "chest")
        assert f"has not learnt to find {left} in such an image" in doubt
    for text in ("pneumonia", "pneumonia, no effusion", "effusion"):
        assert doubts_of((), spoken(sides, text, learnt).untold, "chest") == (), text


def test_what_is_doubtful_where_it_is_looked_for_is_told_there_alone(sides):
    heard = Heard("a", "a", None, None, 0.5, None, doubts=("first",), untold={"": ("cyst",), "chest": ("effusion",)})
    assert heard.doubts_of("chest", looked=False) == ("first",)
    for world, untold in (("chest", ("cyst", "effusion")), ("breast", ("cyst",)), (None, ("cyst",))):
        assert heard.untold_of(world) == untold and len(heard.doubts_of(world, looked=True)) == 1 + len(untold)


def test_an_organ_alone_is_doubted(sides):
    for text in (
        "left lung",
        "both lungs",
        "segment the lungs",
        "the lungs",
        "outline the left lung",
        "mark the left lower lobe",
    ):
        assert any("never the organ itself" in doubt for doubt in spoken(sides, text).doubts), text
    for text in (
        *("what is wrong with the left lung?", "infection in the left lung", "and on the right?"),
        *("what is the white stuff in my lungs", "the dark thing on the skin"),
    ):
        assert not any("never the organ itself" in doubt for doubt in spoken(sides, text).doubts), text


def test_doubts_are_told_with_the_answer(sides):
    def doubts_about(text, *, given, own):
        spoken = Spoken.of(
            text, reader=sides.text_encoder, own=own, given=given, language=None, sides=Sides(), nouns={}, learnt={}
        )
        return spoken.doubts

    assert doubts_about("left lung", given=None, own="image") == ()
    (unknown,) = doubts_about("zzz qqq", given=None, own="image")
    assert "100%" in unknown and "zzz" not in unknown
    asked = {
        text: str(doubts_about(text, given=None, own="image")) for text in ("is the left lung clear", "is it left?")
    }
    assert ["'found' answers it with no" in each for each in asked.values()] == [True, False]
    (whose,) = doubts_about("left lung", given="patient", own=None)
    assert "whose left" in whose
    assert sides.set_image(images(1)[0]).segment("zzz qqq").doubts == (unknown,)


def test_sentences_heard_together_are_heard_as_alone(scoped):
    said = ["left", "no lung", Denied("lung"), "the left lesion in the right lung", "qqqqq", "rihgt", None]
    asked = [(each, Options(threshold=0.4, anyway=i % 2 == 0), Sides()) for i, each in enumerate(said)]
    assert [*map(asdict, hear(scoped, asked))] == [asdict(Heard.of(scoped, *each)) for each in asked]
    assert hear(scoped, []) == []
    with pytest.raises(TextError):
        hear(scoped, [*asked, (" ", Options(), Sides())])


def test_sentences_heard_together_are_read_in_one_run(monkeypatch):
    def heard(texts):
        model, runs = Segmenter.from_pretrained("default", engine="onnx"), []
        monkeypatch.setattr(model.engine._sentences, "_session", counting(model.engine._sentences.open(), runs))
        return [each.known for each in hear(model, [(text, Options(), Sides()) for text in texts])], len(runs)

    texts = [f"opacity in the left lung, {n} mm" for n in range(1, 9)]
    together, runs = heard(texts)
    assert runs == 1
    for known, text in zip(together, texts, strict=True):
        (alone,), _ = heard([text])
        assert known.known == alone.known and known.distance == pytest.approx(alone.distance, abs=1e-4)


SURE = (
    "opacity in the left lung",
    "infection",
    "large right pneumothorax",
    "round polyp",
    "a breast mass",
    "and on the right?",
)


@pytest.mark.parametrize("text", SURE)
def test_what_the_lexicon_tells_is_what_a_network_and_it_come_to(text):
    model = Segmenter.from_pretrained("default", engine="onnx")
    learnt = {world.name: world.findings for world in model.scope.worlds}
    said = Spoken.of(
        text, reader=model.text_encoder, own=model.laterality, given=None, language=None, sides=Sides(),
        nouns=model.plain, learnt=learnt,
    )  # fmt: skip
    judged = understood(model.known_words(said.judged), said.taught, said.untaught)
    sure = {world: told(model.scope, said, world) for world in learnt}
    assert any(sure.values())
    for world, known in sure.items():
        looked = ImageScope(True, world, 0.5)
        assert outside(model.scope, looked, known or judged) == outside(model.scope, looked, judged), world


def test_a_sentence_that_surely_asks_of_such_an_image_is_read_in_plain_words_alone(monkeypatch):
    model, read = Segmenter.from_pretrained("default", engine="onnx"), []
    session, words = model.set_image(FILM), model.engine.words
    monkeypatch.setattr(model.engine, "words", lambda texts: read.extend(texts) or words(texts))
    assert session.segment("opacity in the left lung").outside is None
    assert set(read) == {"infection in the left lung"}


def counting(session, runs):
    class Counting:
        def run(self, *args):
            runs.append(args)
            return session.run(*args)

    return Counting()


@pytest.mark.parametrize("threshold", ["a", "0.5", True, 0, 1.5, float("nan")])
def test_a_threshold_is_a_number_between_0_and_1(sides, threshold):
    with pytest.raises(ConfigError, match="between 0 and 1"):
        sides.set_image(images(1)[0]).segment("left", threshold=threshold)


def test_a_threshold_may_be_any_number(sides):
    assert sides.set_image(images(1)[0]).segment("left", threshold=np.float32(0.5)).threshold == 0.5


@pytest.mark.parametrize(
    ("text", "language", "told"),
    [
        ("status post resection of the breast mass", None, "past"),
        ("Zustand nach Pneumonie", "de", "past"),
        ("opacity on the left; mass on the right", None, "several places"),
        ("left opacity and right consolidation", None, "several places"),
        ("opacity in both lower zones, left greater than right", None, None),
        ("no opacity on the left, consolidation on the right", None, None),
    ],
)
def test_what_a_mask_says_nothing_of_is_told(sides, text, language, told):
    doubts = " ".join(spoken(sides, text, language=language).doubts)
    assert [word for word in ("past", "several places") if word in doubts] == ([told] if told else [])
