"""Presence: from a logit to a probability and a threshold; in validation, in the saved model and afterwards."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import expit

from lexseg.cases.manifest import read_manifest
from lexseg.cases.truth import read_truth
from lexseg.errors import DataError, ModelError
from lexseg.evaluation.calibrate import PEAKS, calibrate
from lexseg.metrics.overlap import dice
from lexseg.models.io import load_model
from lexseg.predict.segmenter import Segmenter
from lexseg.scans.images import read_image
from lexseg.training.augment import AugmentConfig
from lexseg.training.calibration import fit_presence, found, presence_of
from lexseg.training.config import DataConfig, OptimizerConfig, TrainConfig, TrainerConfig
from lexseg.training.run import train
from lexseg.training.task import SegmentationTask

from .conftest import read_rows, write_rows
from .test_mixture import write_referring


def drawn(n: int = 4000, scale: float = 1.0, bias: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and truths that they predict: present with probability sigmoid(scale * logit + bias)."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, n)
    return logits, rng.random(n) < expit(scale * logits + bias)


@pytest.mark.parametrize(("scale", "bias"), [(1.0, 0.0), (0.3, 1.0), (2.0, -1.5)])
def test_what_the_truth_was_drawn_from_is_found_again(scale: float, bias: float) -> None:
    logits, present = drawn(20_000, scale, bias)
    fitted = fit_presence(logits, present)
    assert fitted is not None
    assert fitted["scale"] == pytest.approx(scale, rel=0.06)
    assert fitted["bias"] == pytest.approx(bias, abs=0.08)


def test_the_fit_is_the_least_of_platts_loss() -> None:
    """By a second way: a grid around it, with the loss written out."""
    logits, present = drawn(200, 0.7, 0.4)
    fitted = fit_presence(logits, present)
    assert fitted is not None
    target = np.where(present, (present.sum() + 1) / (present.sum() + 2), 1 / ((~present).sum() + 2))

    def loss(a: float, b: float) -> float:
        p = expit(a * logits + b)
        return float(-np.mean(target * np.log(p) + (1 - target) * np.log(1 - p)))

    least = loss(fitted["scale"], fitted["bias"])
    for da, db in ((0.01, 0), (-0.01, 0), (0, 0.01), (0, -0.01), (0.01, 0.01), (0.3, -0.2)):
        assert loss(fitted["scale"] + da, fitted["bias"] + db) > least


def test_parted_answers_give_probabilities_short_of_certainty() -> None:
    """Without Platt's targets the scale would have no end."""
    logits = np.concatenate([np.linspace(-9, -5, 20), np.linspace(5, 9, 50)])
    present = logits > 0
    fitted = fit_presence(logits, present)
    assert fitted is not None and np.isfinite(list(fitted.values())).all()
    p = expit(fitted["scale"] * logits + fitted["bias"])
    assert p[present].mean() == pytest.approx(51 / 52, abs=0.01)
    assert p[~present].mean() == pytest.approx(1 / 22, abs=0.01)
    assert (found(logits.astype(np.float32), fitted) == present).all()


@pytest.mark.parametrize("lost", [0.0, 0.03, 0.2])
def test_the_threshold_is_the_best_that_loses_few(lost: float) -> None:
    logits, present = drawn(600, 0.6)
    fitted = fit_presence(logits, present, lost=lost)
    assert fitted is not None
    p = expit(fitted["scale"] * logits + fitted["bias"])

    def rates(threshold: float) -> tuple[float, float]:
        return float((p[present] < threshold).mean()), float((p[~present] < threshold).mean())

    missed, denied = rates(fitted["threshold"])
    assert missed <= lost
    others = [rates(t) for t in np.linspace(0, 1, 4001)]
    best = max((d - m for m, d in others if m <= lost), default=0.0)
    assert denied - missed >= best - 1e-12
    assert denied > 0.02


def test_neither_order_nor_unit_of_the_logits_matters() -> None:
    logits, present = drawn(300)
    order = np.random.default_rng(1).permutation(300)
    fitted = fit_presence(logits, present)
    assert fitted is not None and fit_presence(logits[order], present[order]) == fitted
    for factor in (1e-3, 1e3):
        other = fit_presence(logits * factor + 5, present)
        assert other is not None
        assert other["scale"] * factor == pytest.approx(fitted["scale"], rel=1e-4)
        assert other["threshold"] == pytest.approx(fitted["threshold"], abs=1e-4)


def test_nothing_to_calibrate() -> None:
    logits = np.array([1.0, 2.0, 3.0])
    assert fit_presence(logits, [True] * 3) is None
    assert fit_presence(logits, [False] * 3) is None
    assert fit_presence([], []) is None
    for same in (0.0, 0.7, 1e4 + 0.1):
        assert fit_presence(np.full(20, same), [True, False] * 10) is None
    assert fit_presence(logits, [True, False, False]) is None  # the other way round
    with pytest.raises(ValueError, match="finite"):
        fit_presence([np.nan, 1.0], [True, False])


@pytest.mark.parametrize("views", [1, 3])
def test_operating_points_lose_what_they_say_and_no_less_than_they_may(views: int) -> None:
    """Of views, by the mean of their probabilities, which is what is served."""
    rng = np.random.default_rng(4)
    present = rng.random(400) < 0.5
    logits = rng.normal(2 * present - 1, 2, (views, 400)).T.astype(np.float32)
    logits[::3, 1:] = np.nan
    fitted = fit_presence(logits[:, 0] if views == 1 else logits, present)
    assert fitted is not None
    p = np.nanmean(expit(fitted["scale"] * logits.astype(float) + fitted["bias"]), axis=1)
    np.testing.assert_allclose(presence_of(logits, fitted), p, atol=1e-9)
    n = int(present.sum())
    for name, share in (("5", 0.05), ("10", 0.10), ("15", 0.15)):
        lost = int((p[present] < fitted[f"lost_{name}"]).sum())
        assert lost == int(share * n)  # no ties here: all that may be lost is
    assert fitted["lost_5"] < fitted["lost_10"] < fitted["lost_15"]
    chosen = fit_presence(logits, present, operating_point="10")
    assert chosen is not None and chosen == fit_presence(logits, present) | {"threshold": chosen["lost_10"]}  # type: ignore[operator]


def test_sure_answers_of_several_views_keep_their_order() -> None:
    """Probabilities that are 1 as numbers still differ as logits."""
    logits = np.array([[40.0, 60.0], [80.0, 45.0], [50.0, np.nan], [70.0, 90.0]])
    present = [False, False, True, True]
    fitted = fit_presence(logits, present)
    assert fitted is not None
    assert presence_of(logits, {"scale": 1.0, "bias": -50.0, "threshold": 0.5}).tolist() == pytest.approx(
        [np.mean(expit([-10.0, 10.0])), np.mean(expit([30.0, -5.0])), 0.5, 1.0]
    )
    with pytest.raises(ValueError, match="finite"):
        fit_presence([[np.nan, np.nan], [1.0, 2.0]], [True, False])


def test_one_of_each() -> None:
    fitted = fit_presence([-1.0, 2.0], [False, True])
    assert fitted is not None
    assert found(np.array([-1.0, 2.0], np.float32), fitted).tolist() == [False, True]
    assert found(np.array([-0.1, 0.1], np.float32), None).tolist() == [False, True]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has been trained a little on what is there and what is not, in ``model``; the data in ``set``."""
    from lexseg.models import MODELS

    folder = tmp_path_factory.mktemp("presence")
    write_referring(folder / "set", n=16, val=6)
    MODELS["tiny-presence"] = "tiny:TinyPresence"
    data = DataConfig(
        cases=str(folder / "set/cases.csv"),
        size=64,
        batch_size=2,
        sentences=3,
        kinds={"caption": 1, "one": 1, "several": 1, "none": 1},
    )
    config = TrainConfig(
        method="tiny-presence",
        text={"kind": "word", "width": 16, "layers": 1},
        data=data,
        optimizer=OptimizerConfig(lr=3e-2),
        augment=AugmentConfig(drop_text=0.0),
        trainer=TrainerConfig(epochs=12, ema=0.0, accelerator="cpu", validate_every=6),
    )
    train(config, folder / "run")
    return folder


def test_a_run_leaves_its_calibration(run: Path) -> None:
    loaded = load_model(run / "run/model")
    assert loaded.config.presence is not None
    val = loaded.metrics["val"]
    assert val["n"] == 30
    assert set(val["referring"]) == {"n_acc", "t_acc"} and 0 <= val["presence"]["auroc"] <= 1
    rows = [row for row in read_rows(run / "run/curves.csv") if row["val/n_acc"]]
    assert len(rows) == 2
    best = max(rows, key=lambda row: float(row["val/dice_per_image"]))
    assert float(best["val/presence_auroc"]) == pytest.approx(val["presence"]["auroc"])
    assert (run / "run/curves.png").stat().st_size > 1000
    card = (run / "run/model/README.md").read_text()
    assert f"the mask was empty in {val['referring']['n_acc']:.1%} (N-acc)" in card


def test_validation_scores_what_the_saved_model_answers(run: Path) -> None:
    val = load_model(run / "run/model").metrics["val"]
    segmenter = Segmenter.from_pretrained(run / "run/model", device="cpu")
    scores, empty = [], []
    for case in read_manifest(run / "set/cases.csv"):
        if case.split == "val":
            truth = read_truth(case)
            mask = segmenter.set_image(read_image(case.image)).segment(case.text).mask
            scores.append(dice(mask, truth))
            if not truth.any():
                empty.append(not mask.any())
    assert val["per_image"]["dice"]["mean"] == pytest.approx(np.mean(scores), abs=1e-6)
    assert val["referring"]["n_acc"] == pytest.approx(np.mean(empty))
    assert len(empty) == 6


def test_it_has_learnt_what_is_not_there(run: Path) -> None:
    val = load_model(run / "run/model").metrics["val"]
    assert val["presence"]["auroc"] > 0.9
    assert val["referring"]["n_acc"] > 0.9 and val["referring"]["t_acc"] > 0.9


def copied(run: Path, folder: Path) -> Path:
    import shutil

    shutil.copytree(run / "run/model", folder)
    return folder


def test_calibrated_anew_by_the_command(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from lexseg.cli.main import main

    model = copied(run, tmp_path / "model")
    before = {p.name: p.read_bytes() for p in model.iterdir()}
    expected = json.loads(before["config.json"])["presence"]
    config = json.loads(before["config.json"]) | {"presence": None}
    (model / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert main(["calibrate", str(model), str(run / "set/cases.csv")]) == 0
    said = capsys.readouterr().out
    after = load_model(model).config.presence
    assert after is not None
    assert after["peak"] in PEAKS  # how far its masks reach is chosen besides, by the 24 that are drawn
    assert {name: value for name, value in after.items() if name != "peak"} == pytest.approx(expected, rel=1e-3)
    assert {p.name for p in model.iterdir()} == set(before)
    assert (model / "model.safetensors").read_bytes() == before["model.safetensors"]
    val = load_model(model).metrics["val"]
    assert f"AUROC {val['presence']['auroc']:.4f}" in said
    assert "N-acc" in said and "T-acc" in said
    assert "24 with a target, 6 without" in said


def test_what_cannot_be_calibrated(
    run: Path, tmp_path: Path, recipe: Path, cases: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from lexseg.cli.main import main

    model = copied(run, tmp_path / "model")
    before = (model / "config.json").read_bytes()
    assert main(["calibrate", str(model), str(cases)]) == 1  # no empty masks there
    assert "none of the 4 cases has an empty mask" in capsys.readouterr().err
    rows = [case for case in read_manifest(run / "set/cases.csv") if case.expression_kind == "none"]
    with pytest.raises(DataError, match="a mask that is not empty"):
        calibrate(model, rows)
    assert (model / "config.json").read_bytes() == before
    assert main(["calibrate", "default", str(cases)]) == 1
    assert main(["calibrate", str(model), str(cases), "--split", "test"]) == 1
    assert "a folder of your own" in capsys.readouterr().err
    assert main(["calibrate", str(tmp_path / "nowhere"), str(cases)]) == 1
    assert "there is no such folder" in capsys.readouterr().err
    assert main(["train", "--config", str(recipe), "--data.cases", str(cases), "--trainer.epochs", "1",
                 "--output", str(tmp_path / "run")]) == 0  # fmt: skip
    with pytest.raises(ModelError, match="does not say whether"):
        calibrate(tmp_path / "run/model", read_manifest(run / "set/cases.csv"))


def test_presence_that_is_no_number_ends_the_run(run: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import tiny
    from lexseg.training.task import DivergedError

    original = tiny.TinyPresence.decode

    def broken(self, features, text):  # type: ignore[no-untyped-def]
        prediction = original(self, features, text)
        lost = torch.full_like(prediction.presence, torch.nan)
        return type(prediction)(prediction.logits, prediction.presence if self.training else lost)

    monkeypatch.setattr(tiny.TinyPresence, "decode", broken)
    data = DataConfig(cases=str(run / "set/cases.csv"), size=32, batch_size=4)
    config = TrainConfig(
        method="tiny-presence", text={"kind": "word", "width": 16, "layers": 1}, data=data,
        trainer=TrainerConfig(epochs=1, accelerator="cpu"),
    )  # fmt: skip
    with pytest.raises(DivergedError, match="not finite in the validation"):
        train(config, tmp_path / "run")


def test_devices_pool_their_answers(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two devices, one of which fills up its share: scores are those of all cases, each once."""
    rng = np.random.default_rng(3)
    counts = torch.from_numpy(rng.integers(0, 50, (7, 3)))
    counts[:3, [0, 2]] = 0
    presence = torch.from_numpy(rng.normal(size=7).astype(np.float32)) + (counts[:, 0] + counts[:, 2] > 0) * 3

    located = torch.tensor([True] * 5 + [False, True])

    def scored(shares: list[list[int]]) -> dict[str, float]:
        def gathered(of: torch.Tensor) -> list[torch.Tensor]:
            return [of[[i if i >= 0 else 0 for i in share]] for share in shares]

        from types import SimpleNamespace

        task = SegmentationTask.__new__(SegmentationTask)
        torch.nn.Module.__init__(task)
        filled = torch.stack(gathered(counts))
        filled[torch.tensor(shares) < 0] = -1
        known = {3: filled, 1: torch.stack(gathered(presence)), 0: torch.ones(len(shares), 1, dtype=torch.int32)}
        known[2] = torch.stack(gathered(torch.stack([(counts[:, 0] + counts[:, 2] > 0).float(), located.float()], 1)))
        task._counts, task._presence, task._known = list(filled[0]), [known[1][0]], [known[2][0]]
        task._finite = [torch.tensor(1, dtype=torch.int32)]
        answers = iter([known[3], known[1], known[2], known[0]])

        def all_gather(parts: list[torch.Tensor], mine: torch.Tensor) -> None:
            for part, share in zip(parts, next(answers), strict=True):
                part.copy_(share)

        monkeypatch.setattr(SegmentationTask, "trainer", SimpleNamespace(world_size=len(shares)))
        monkeypatch.setattr(torch.distributed, "all_gather", all_gather)
        return task.scores()

    alone = scored([list(range(7))])
    assert scored([[0, 2, 4, 6], [1, 3, 5, -1]]) == pytest.approx(alone)
    assert set(alone) == {"per_image", "pooled", "n_acc", "t_acc", "presence_auroc"}


def test_what_nobody_has_drawn_counts_in_presence_and_not_in_dice(run: Path, tmp_path: Path) -> None:
    """Two of the validation's masks are taken away, once with ``present`` beside them: known, but not drawn."""
    import shutil

    shutil.copytree(run / "set", tmp_path / "set")
    path = tmp_path / "set/cases.csv"
    rows = read_rows(path)
    captions = [row for row in rows if row["split"] == "val" and not row["expression_kind"]]
    for row in captions[:2]:
        row |= {"mask": "", "target_ids": "", "present": "yes"}
    write_rows(path, [{"present": "", **row} for row in rows])
    model = copied(run, tmp_path / "model")
    result = calibrate(model, [case for case in read_manifest(path) if case.split == "val"])
    assert (result.n_present, result.n_absent) == (24, 6)

    scored = {}
    for cases in (run / "set/cases.csv", path):
        data = DataConfig(cases=str(cases), size=64, batch_size=2)
        config = TrainConfig(
            method="tiny-presence", text={"kind": "word", "width": 16, "layers": 1}, data=data, seed=1,
            trainer=TrainerConfig(epochs=1, accelerator="cpu"), optimizer=OptimizerConfig(lr=1e-9),
        )  # fmt: skip
        output = tmp_path / ("labelled" if cases == path else "drawn")
        train(config, output, init=run / "run/model")
        scored[cases == path] = load_model(output / "model").metrics["val"]
    assert (scored[True]["n"], scored[False]["n"]) == (28, 30)
    assert scored[True]["presence"]["auroc"] == pytest.approx(scored[False]["presence"]["auroc"])
    assert scored[True]["referring"] == pytest.approx(scored[False]["referring"])
    assert scored[True]["per_image"]["dice"]["mean"] != scored[False]["per_image"]["dice"]["mean"]


def test_the_operating_point_is_saved_and_served(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from lexseg.cli.main import main
    from lexseg.errors import ConfigError

    model = copied(run, tmp_path / "model")
    assert main(["calibrate", str(model), str(run / "set/cases.csv"), "--operating-point", "10"]) == 0
    said = capsys.readouterr().out
    saved = load_model(model).config.presence
    assert saved is not None and saved["threshold"] == saved["lost_10"]
    assert f"10 % lost   threshold {saved['lost_10']:.4f}" in said
    case = next(case for case in read_manifest(run / "set/cases.csv") if case.split == "val")
    for point in (None, "5", "10", "15"):
        segmenter = Segmenter.from_pretrained(model, device="cpu", operating_point=point)
        expected = saved["threshold" if point is None else f"lost_{point}"]
        assert segmenter.set_image(case.image).segment(case.text).presence_threshold == expected
    assert segmenter.operating_points == {name: saved[f"lost_{name}"] for name in ("5", "10", "15")}
    assert segmenter.at(5).presence_threshold == saved["lost_5"]
    with pytest.raises(ConfigError, match="no operating point '20': it has 5, 10, 15"):
        Segmenter.from_pretrained(model, device="cpu", operating_point="20")
    for command in ("segment", "evaluate"):
        inputs = [str(case.image), "--model", str(model)] if command == "segment" else [str(model), str(case.source)]
        more = [] if command == "segment" else ["--split", "val", "--resamples", "10", "--probes", ""]
        output = tmp_path / command
        assert main([command, *inputs, *more, "--operating-point", "15", "--output", str(output)]) == 0
        found = next(output.glob("*.json"))
        values = json.loads(found.read_text())
        part = values if command == "segment" else values["presence"]
        name = "presence_threshold" if command == "segment" else "threshold"
        assert part[name] == pytest.approx(saved["lost_15"], abs=1e-4)
    assert [p["from"] for p in values["presence"]["operating_points"][:3]] == ["model"] * 3


def test_a_folder_without_operating_points_loads_as_before(run: Path, tmp_path: Path) -> None:
    from lexseg.errors import ConfigError

    model = copied(run, tmp_path / "model")
    config = json.loads((model / "config.json").read_text())
    old = {name: config["presence"][name] for name in ("scale", "bias", "threshold")}
    (model / "config.json").write_text(json.dumps(config | {"presence": old}))
    segmenter = Segmenter.from_pretrained(model, device="cpu")
    assert dict(segmenter.calibration) == old and segmenter.operating_points == {}
    with pytest.raises(ConfigError, match="it has none; lexseg calibrate"):
        Segmenter.from_pretrained(model, device="cpu", operating_point="5")
    for wrong in (old | {"lost_20": 0.5}, old | {"lost_5": 1.5}, {"scale": 1.0, "bias": 0.0, "lost_5": 0.5}):
        (model / "config.json").write_text(json.dumps(config | {"presence": wrong}))
        with pytest.raises(ModelError, match="operating points"):
            load_model(model)


def test_calibration_asks_what_serving_asks(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is denied is not asked about, and the network hears the same words as when it serves."""
    from dataclasses import replace

    model = copied(run, tmp_path / "model")
    cases = [case for case in read_manifest(run / "set/cases.csv") if case.split == "val"]
    cases[0] = replace(cases[0], texts=("no infection anywhere",))
    cases[1] = replace(cases[1], texts=(f"no infection; {cases[1].text}",))
    heard: list[str | None] = []
    original = Segmenter.views

    def listening(self, features, asked, tta):  # type: ignore[no-untyped-def]
        heard.extend(text for _, text in asked)
        return original(self, features, asked, tta)

    monkeypatch.setattr(Segmenter, "views", listening)
    result = calibrate(model, cases)
    assert result.n_settled == 1 and result.n_present + result.n_absent == len(cases) - 1
    calibrated, heard = sorted(map(str, heard)), []
    segmenter = Segmenter.from_pretrained(model, device="cpu")
    for case in cases:
        segmenter.set_image(case.image).segment(case.text)
    assert sorted(map(str, heard)) == calibrated and "no infection anywhere" not in calibrated


def test_it_is_still_found_where_it_was(run: Path) -> None:
    import lexseg.training.calibration as old

    with pytest.warns(DeprecationWarning, match="lexseg.evaluation.calibrate"):
        assert old.calibrate is calibrate
    with pytest.raises(AttributeError):
        _ = old.nothing  # type: ignore[attr-defined]


def test_the_command_line_names_the_operating_points_that_there_are() -> None:
    from lexseg.cli.main import POINTS
    from lexseg.models.config import OPERATING_POINTS

    assert set(POINTS) == set(OPERATING_POINTS)
