"""LexSeg's rules as a page asks them: the same answers as anywhere, by nothing but Python."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lexseg import Segmenter
from lexseg.export.in_browser import Rules
from lexseg.export.web import rules_archive
from lexseg.language.report_reading import read_report
from lexseg.models.config import WordsScope
from lexseg.outputs.capabilities import what_it_is
from lexseg.outputs.wording import for_clients
from lexseg.predict.answered import judged
from lexseg.predict.ask import Denied, Question, given_present, probability, segment_together
from lexseg.predict.options import Options
from lexseg.predict.words import Heard, Sides

HERE = Path(__file__).parent
QUESTIONS = json.loads((HERE / "page_questions.json").read_text(encoding="utf-8"))
EXAMPLES = Path(__import__("lexseg").__file__).parent / "assets" / "examples" / "images"
REPORT = "HISTORY: cough. FINDINGS: No effusion. Opacity in the left lower zone. IMPRESSION: pneumonia."
ABOUT = {
    "name": "tiny", "sha256": None, "laterality": "image", "modalities": ["CR"], "threshold": 0.5,
    "presence_threshold": 0.4, "plain": {}, "reader": {"name": "words", "max_length": 6, "unknown_id": 1},
    "worlds": None,
}  # fmt: skip


@pytest.fixture(scope="module")
def segmenter():
    return Segmenter.from_pretrained("default", engine="auto", device="cpu")


@pytest.fixture(scope="module")
def sessions(segmenter):
    return {name: segmenter.set_image(EXAMPLES / name) for name in {each["image"] for each in QUESTIONS}}


def rules_of(segmenter):
    reader = segmenter.text_encoder
    about = ABOUT | {
        "name": segmenter.name,
        "sha256": segmenter.sha256,
        "threshold": segmenter.threshold,
        "presence_threshold": segmenter.presence_threshold,
        "plain": dict(segmenter.plain),
        "reader": {"name": reader.name, "max_length": reader.max_length, "unknown_id": reader.unknown_id},
        "worlds": what_it_is(segmenter)["models"][0]["worlds"],
    }
    tokenizer = reader._tokenizer
    return Rules(json.dumps(about), lambda text, special: tokenizer.encode(text, add_special_tokens=special).ids)


def called(rules, name, **asked):
    said = json.loads(rules.call(name, json.dumps(asked)))
    if isinstance(said, dict) and "error" in said:
        raise AssertionError(said["error"])
    return said


def heard_by(
    rules, sentence, *, denied=False, laterality=None, language=None, threshold=None, anyway=False, world=None
):
    del anyway
    return called(
        rules, "hear", sentence=sentence, denied=denied, laterality=laterality, language=language,
        threshold=threshold, patient_left=None, headed=False, world=world, judges_words=True,
    )  # fmt: skip


@pytest.mark.parametrize("question", QUESTIONS, ids=[each["sentence"] for each in QUESTIONS])
def test_they_tell_what_the_segmenter_tells(segmenter, sessions, question):
    session, rules = sessions[question["image"]], rules_of(segmenter)
    options = {key: value for key, value in question.items() if key not in ("image", "sentence")}
    image = session.known
    heard = heard_by(rules, question["sentence"], **options, world=image.world)
    words = segmenter.known_words(heard["judged"]) if heard["told"] is None else WordsScope(**heard["told"])
    decided = called(
        rules, "decide", heard=heard, anyway=options.get("anyway", False), blank=session.blank,
        image={"known": image.known, "world": image.world, "distance": image.distance},
        words={"known": words.known, "worlds": dict(words.worlds), "distance": words.distance},
    )  # fmt: skip
    presence, highest = None, 0.0
    if decided["settled"] is None:
        ((_, logits, presence),) = segmenter.answers(session.features, [(0, decided["asked"])], tta=False)
        where = probability(logits, session.shape)
        if presence >= segmenter.presence_threshold:
            where = given_present(where, segmenter.peak)
        highest = float(where.max())
    told = called(
        rules, "tell", heard=heard, decided=decided, anyway=options.get("anyway", False), presence=presence,
        highest=highest, tidied=False, inverted=False, turned=False, several=False, cut=False,
    )  # fmt: skip
    own = session.segment(question["sentence"], **options)
    wanted = judged(own) | {"laterality": own.laterality, "warnings": [for_clients(doubt) for doubt in own.doubts]}
    assert told == json.loads(json.dumps(wanted))


def test_what_a_report_denies_is_negated_whatever_its_words(segmenter, sessions):
    rules, session = rules_of(segmenter), sessions["cxr_00027426_000.png"]
    found = called(rules, "read", report=REPORT, language=None)
    assert found == [
        {"text": each.text, "start": each.start, "end": each.end, "negated": each.negated}
        for each in read_report(REPORT)
    ]
    heard = heard_by(rules, found[0]["text"], denied=True)
    image = {"known": True, "world": "chest", "distance": 0.1}
    decided = called(rules, "decide", image=image, words=None, blank=False, anyway=False, heard=heard)
    told = called(
        rules,
        "tell",
        heard=heard,
        decided=decided,
        anyway=False,
        presence=None,
        highest=0.0,
        tidied=False,
        inverted=False,
        turned=False,
        several=False,
        cut=False,
    )
    asked = Heard.of(segmenter, Denied(found[0]["text"]), Options(), Sides())
    (own,) = segment_together([Question.about(session, asked)])
    assert told["state"] == own.state == "negated"


def looked(session):
    known = session.known
    return {"known": known.known, "world": known.world, "distance": known.distance}


@pytest.mark.parametrize("sentence", ["opacity in the right lung", "breast tumour", "polyp", "no opacity"])
@pytest.mark.parametrize("anyway", [False, True])
def test_the_pictures_of_an_image_are_told_as_the_segmenter_tells_them(segmenter, sentence, anyway):
    film, sonogram = (
        np.asarray(Image.open(EXAMPLES / name).convert("L").resize((320, 320)), np.float32) / 255
        for name in ("cxr_00003528.png", "breast_case012.png")
    )
    session = segmenter.set_image(np.concatenate([film, np.ones((320, 12), np.float32), sonogram], 1))
    rules, own = rules_of(segmenter), session.segment(sentence, anyway=anyway)
    heard = heard_by(rules, sentence, world=session.world)
    words = segmenter.known_words(heard["judged"]) if heard["told"] is None else WordsScope(**heard["told"])
    spoken = {"known": words.known, "worlds": dict(words.worlds), "distance": words.distance}
    looks = dict.fromkeys(("tidied", "inverted", "turned", "several", "cut"), False)
    each = [panel.session for panel in session.panels]
    decided = [
        called(rules, "decide", heard=heard, anyway=anyway, blank=False, image=looked(one), words=spoken)
        for one in each
    ]
    known = [one for one in decided if one["outside"] is None]
    first = (known or [one for one in decided if one["outside"]["reason"] != "image"] or decided)[0]
    how = {"heard": heard, "anyway": anyway}
    told = called(rules, "tell", decided=first, presence=None, highest=0.0, **how, **looks | {"cut": True})
    if first["settled"] is None:
        panels = []
        for one, so in zip(each, decided, strict=True):
            if known and so["outside"] is not None:
                panels.append(None)
                continue
            ((_, logits, presence),) = segmenter.answers(one.features, [(0, so["asked"])], tta=False)
            where = probability(logits, one.shape)
            where = given_present(where, segmenter.peak) if presence >= segmenter.presence_threshold else where
            more = {"presence": presence, "highest": float(where.max())}
            panels.append(called(rules, "tell", decided=so, **more, **how, **looks))
        told = called(rules, "join", whole=told, panels=panels)
    wanted = judged(own) | {"laterality": own.laterality, "warnings": [for_clients(doubt) for doubt in own.doubts]}
    assert told == json.loads(json.dumps(wanted))


def test_what_cannot_be_asked_is_told_as_it_is_everywhere():
    rules = Rules(json.dumps(ABOUT), lambda text, special: list(range(len(text.split()) + 2 * special)))
    asked = {"denied": False, "laterality": None, "language": None, "threshold": None, "patient_left": None}
    asked |= {"headed": False, "world": None, "judges_words": True}
    for sentence, more, words in (
        ("one two three four five", {}, "7 tokens"),
        ("  ", {}, "blank"),
        ("left", {"language": "xx"}, "no lexicon"),
        ("left", {"threshold": 1.5}, "between 0 and 1"),
    ):
        said = json.loads(rules.call("hear", json.dumps(asked | {"sentence": sentence} | more)))
        assert words in said["error"], sentence
    assert "MR" in json.loads(rules.call("note", json.dumps({"modality": "MR"})))
    assert json.loads(rules.call("note", json.dumps({"modality": "CR"}))) is None


def test_they_need_nothing_but_python(tmp_path):
    with zipfile.ZipFile(io.BytesIO(rules_archive())) as archive:
        archive.extractall(tmp_path)
    code = (
        f"import sys, json; sys.path.insert(0, {str(tmp_path)!r})\n"
        f"from lexseg.export.in_browser import Rules\n"
        f"rules = Rules({json.dumps(ABOUT)!r}, lambda text, special: [2] * len(text.split()))\n"
        "asked = dict(sentence='kein Erguss', language='de', denied=False, laterality=None, threshold=None, "
        "patient_left=None, headed=False, world=None, judges_words=True)\n"
        "print(json.loads(rules.call('hear', json.dumps(asked)))['settled'])\n"
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'numpy', 'torch', 'PIL', 'tokenizers'}))\n"
    )
    run = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)
    assert run.stdout.split("\n")[:2] == ["negated", "[]"], run.stderr
    assert rules_archive() == rules_archive()


def test_a_hash_where_the_browser_has_none():
    from lexseg.export.in_browser import digest

    class Bytes:
        def to_bytes(self):
            return np.arange(3, dtype=np.uint8).tobytes()

    assert digest(Bytes()).startswith("ae4b3280")
