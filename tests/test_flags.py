"""What is neither true nor false is refused: the text "no" would count as true."""

from pathlib import Path

import numpy as np
import pytest

from lexseg.cases.check import check_manifest
from lexseg.cases.manifest import read_manifest
from lexseg.errors import ConfigError, check_flags
from lexseg.evaluation.evaluate import EvaluationOptions, evaluate_to
from lexseg.fewshot.fit import TeachingOptions
from lexseg.interaction import CorrectionSession
from lexseg.interaction.operations import Point, Stroke
from lexseg.outputs.formats import Outputs
from lexseg.pacs.request import PacsQuestion
from lexseg.predict.options import Options
from lexseg.predict.tiles import Tiles, segment_tiled
from lexseg.training.config import TrainConfig
from lexseg.training.run import train

IMAGE = np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(64, 64)
MANIFEST = Path("cases.csv")


@pytest.mark.parametrize(
    "name, call",
    [
        ("anyway", lambda model: model.segment(IMAGE, "bright", anyway="no")),
        ("tta", lambda model: model.segment(IMAGE, "bright", tta="false")),
        ("tta", lambda model: model.set_image(IMAGE, tta="no")),
        ("tta", lambda model: model.segment_batch([IMAGE], [["bright"]], tta="no")),
        ("anyway", lambda model: model.answer_batch([IMAGE], [["bright"]], anyway="no")),
        ("anyway", lambda model: model.set_image(IMAGE).segment("bright", anyway="")),
        ("anyway", lambda model: model.set_image(IMAGE).segment_report("Bright on the left.", anyway="no")),
        ("anyway", lambda model: CorrectionSession.start(model.set_image(IMAGE), "bright", anyway="no")),
        ("anyway", lambda model: segment_tiled(model, IMAGE, "bright", Tiles(32), Options(anyway="no"))),
        ("include_text", lambda model: model.segment(IMAGE, "bright").save("answer", include_text="no")),
        ("include_text", lambda model: model.segment(IMAGE, "bright").overlay(include_text="no")),
        ("probability", lambda model: model.segment(IMAGE, "bright").plot(probability="no")),
        ("include_text", lambda model: PacsQuestion(("bright",), include_text="no")),
        ("include_text", lambda model: Outputs(include_text="no")),
        ("tta", lambda model: EvaluationOptions(tta="no")),
        ("include_text", lambda model: evaluate_to("report", model, [], include_text="no")),
        ("links", lambda model: read_manifest(MANIFEST, links="no")),
        ("links", lambda model: check_manifest(MANIFEST, links="no")),
        ("resume", lambda model: train(TrainConfig(), Path("run"), resume="no")),
        ("grow", lambda model: TeachingOptions(grow="no")),
    ],
)
def test_a_text_is_no_yes(sides, tmp_path, monkeypatch, name, call):
    monkeypatch.chdir(tmp_path)
    MANIFEST.write_text("id,image,text\n")
    with pytest.raises(ConfigError, match=f"{name}='.*True or False"):
        call(sides)
    assert [path.name for path in tmp_path.iterdir()] == [MANIFEST.name]


@pytest.mark.parametrize("operation", [Point(3, 3, "no"), Stroke(((3.0, 3.0),), 2.0, "no")])
def test_so_it_is_in_corrections_by_hand(sides, operation):
    session = CorrectionSession.start(sides.set_image(IMAGE), "bright")
    before = session.mask
    with pytest.raises(ConfigError, match="wanted='no'"):
        session.do([operation])
    assert np.array_equal(session.mask, before)


@pytest.mark.parametrize("value", [True, False, 1, 0, np.True_, np.bool_(False)])
def test_what_is_true_or_false_will_do(value):
    check_flags(tta=value)


@pytest.mark.parametrize("value", ["yes", "", None, 2, [], np.nan])
def test_nothing_else_will(value):
    with pytest.raises(ConfigError, match="tta="):
        check_flags(tta=value)
