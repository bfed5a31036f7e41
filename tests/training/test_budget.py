"""A number of steps, listed cases, no words, the last model, and training as published."""

import csv
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lexseg.cases.case import Case
from lexseg.cli.main import main
from lexseg.errors import ConfigError, DataError
from lexseg.models import MODELS
from lexseg.models.io import load_model
from lexseg.scans.masks import read_mask
from lexseg.training.augment import AugmentParameters, augment_mask
from lexseg.training.config import DataConfig, TrainConfig, TrainerConfig, steps_of
from lexseg.training.mixture import Mixture
from lexseg.training.prepare import only_listed, read_cases
from lexseg.training.published import as_published
from lexseg.training.settings import check

from .conftest import read_rows, write_rows

ROWS = [Case(f"c{i}", Path(f"{i // 2}.png"), ("a square",), split="train") for i in range(10)]


def config(steps: int, epochs: int, **data: object) -> TrainConfig:
    return TrainConfig(
        method="tiny",
        data=DataConfig(batch_size=4, **data),  # type: ignore[arg-type]
        trainer=TrainerConfig(epochs=epochs, steps=steps, accumulate=2),
    )


@pytest.mark.parametrize(("steps", "epochs"), [(1, 1), (7, 3), (12, 12), (301, 12), (20, 20)])
def test_steps_are_shared_out_evenly_and_wholly(steps: int, epochs: int) -> None:
    parts = [steps_of(TrainerConfig(epochs=epochs, steps=steps), e) for e in range(epochs)]
    assert sum(parts) == steps
    assert max(parts) - min(parts) <= 1


def test_epochs_follow_on_one_another_through_endless_passes() -> None:
    recipe = config(steps=7, epochs=3)
    mixture = Mixture(ROWS, recipe)
    epochs = [mixture.epoch(e) for e in range(3)]
    assert [len(visits) for visits in epochs] == [2 * 8, 2 * 8, 3 * 8]
    assert all(len(visit.cases) == 1 for visits in epochs for visit in visits)  # rows, though they share images
    shown = Counter(visit.cases[0].id for visits in epochs for visit in visits)
    assert set(shown.values()) == {5, 6}  # 56 places for 10 cases
    assert epochs == [Mixture(ROWS, recipe).epoch(e) for e in range(3)]
    both = [Mixture(ROWS, recipe).epoch(e, world=2) for e in range(3)]
    assert [len(visits) for visits in both] == [32, 32, 48]


def test_each_manifest_keeps_its_share(tmp_path: Path) -> None:
    sources = [tmp_path / "a.csv", tmp_path / "b.csv"]
    rows = [replace(case, source=sources[i % 2]) for i, case in enumerate(ROWS)]
    rows = [replace(case, image=Path(f"{case.id}.png")) for case in rows]
    recipe = config(steps=7, epochs=3, cases=[str(s) for s in sources], weights=[3, 1])
    mixture = Mixture(rows, recipe)
    for epoch, images in enumerate((16, 16, 24)):
        drawn = Counter(visit.cases[0].source for visit in mixture.epoch(epoch))
        assert drawn == {sources[0]: images * 3 // 4, sources[1]: images // 4}
    all_of_b = [v.cases[0].id for e in range(3) for v in mixture.epoch(e) if v.cases[0].source == sources[1]]
    assert set(Counter(all_of_b).values()) == {2, 3}  # 14 places for 5 cases


def test_a_small_share_of_many_short_epochs(tmp_path: Path) -> None:
    sources = [tmp_path / "a.csv", tmp_path / "b.csv"]
    rows = [replace(case, source=sources[i % 2], image=Path(f"{case.id}.png")) for i, case in enumerate(ROWS)]
    shared = {"cases": [str(s) for s in sources], "weights": [0.95, 0.05]}
    mixture = Mixture(rows, config(steps=20, epochs=20, **shared))
    shown = Counter(visit.cases[0].source for epoch in range(20) for visit in mixture.epoch(epoch))
    assert shown == {sources[0]: 152, sources[1]: 8}  # of 8 images an epoch 0.4
    with pytest.raises(ConfigError, match="8 images in all leave it none"):
        Mixture(rows, config(steps=1, epochs=1, **shared))


def test_steps_that_cannot_be_shared_out() -> None:
    with pytest.raises(ConfigError, match=r"trainer\.steps is 2; at least one for each of 3 epochs"):
        check(config(steps=2, epochs=3))
    with pytest.raises(ConfigError, match=r"with data\.epoch_images it says twice"):
        check(config(steps=6, epochs=3, epoch_images=8))
    with pytest.raises(ConfigError, match=r"with data\.split_file it says twice who validates"):
        check(config(steps=6, epochs=3, folds=3, split_file="x"))


def test_run_of_steps_without_words_on_listed_cases(tmp_path: Path, recipe: Path, cases: Path) -> None:
    (tmp_path / "ids.txt").write_text("# three, fewer than a batch\nc0\n\nc1 \nc2\n", encoding="utf-8")
    run = tmp_path / "run"
    begin = ["train", "--config", str(recipe), "--data.cases", str(cases), "--output", str(run)]
    more = ["--trainer.steps", "7", "--trainer.epochs", "3", "--data.ids", str(tmp_path / "ids.txt")]
    assert main([*begin, *more, "--data.words", "false", "--trainer.keep", "last"]) == 0
    with (run / "curves.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["step"]) for row in rows] == [2, 4, 7]
    assert float(rows[-1]["lr"]) == pytest.approx(3e-2 * 0.001, rel=1e-3)  # the schedule ends with the last step
    assert all(0 < float(row["train_seconds"]) <= float(row["seconds"]) + 0.1 for row in rows)
    loaded = load_model(run / "model")
    assert loaded.metrics["epoch"] == 2
    assert loaded.metrics["monitor"] == "last"
    assert "The last epoch (3)" in (run / "model" / "README.md").read_text()
    assert {row["split"] for row in read_rows(run / "split.csv")} == {"train", "val"}
    assert sum(row["split"] == "train" for row in read_rows(run / "split.csv")) == 3


def test_words_are_left_out_everywhere(cases: Path) -> None:
    silent = TrainConfig(data=DataConfig(cases=str(cases), words=False))
    assert {case.texts for case in read_cases(silent)} == {("",)}


def test_splits_of_another_run(tmp_path: Path, cases: Path) -> None:
    rows = [{"id": row["id"], "split": "val" if i < 3 else "train"} for i, row in enumerate(read_rows(cases))]
    file = write_rows(tmp_path / "split.csv", rows)
    found = read_cases(TrainConfig(data=DataConfig(cases=str(cases), split_file=str(file))))
    assert [case.id for case in found if case.split == "val"] == ["c0", "c1", "c2"]


def test_ids_that_are_no_training_cases(tmp_path: Path) -> None:
    file = tmp_path / "ids.txt"
    file.write_text("# c99 is no id here\nc0\nc9\nd1\n", encoding="utf-8")
    mixed = [*ROWS[:9], replace(ROWS[9], split="val")]
    with pytest.raises(DataError, match=r"ids\.txt: 2 of 3 ids are no training case.*\nline 3: 'c9'\nline 4: 'd1'"):
        only_listed(mixed, file)
    with pytest.raises(DataError, match=r"nowhere\.txt: cannot be read: No such file"):
        only_listed(mixed, tmp_path / "nowhere.txt")
    file.write_text("c3\n", encoding="utf-8")
    assert [case.id for case in only_listed(mixed, file)] == ["c3", "c9"]  # what is not trained on stays


def test_masks_resized_as_published_grow(data_root: Path) -> None:
    folder = data_root / "qata_covid19" / "masks"
    grown = []
    for path in sorted(folder.iterdir())[:20]:
        mask = torch.from_numpy(read_mask(path)).float()[None]
        near, valid = augment_mask(mask, AugmentParameters(), (128, 128))
        touched, _ = augment_mask(mask, AugmentParameters(), (128, 128), "touched")
        assert set(touched.unique().tolist()) <= {0.0, 1.0}
        assert bool((touched >= near).all())
        assert bool(valid.all())
        grown.append(float(touched.sum() / near.sum()))
    assert 1.01 < sum(grown) / len(grown) < 1.2  # ring.md measures 2 to 5 % at 224 pixels


def test_masks_resized_by_area_keep_their_outline(data_root: Path) -> None:
    """What is lost where a small mask, drawn as well as can be, is brought back to its own size."""
    folder = data_root / "qata_covid19" / "masks"
    lost: dict[str, list[float]] = {"nearest": [], "area": []}
    for path in sorted(folder.iterdir())[::300]:
        mask = torch.from_numpy(read_mask(path)).float()[None]
        for resize, found in lost.items():
            small, _ = augment_mask(mask, AugmentParameters(), (128, 128), resize)  # type: ignore[arg-type]
            back = torch.nn.functional.interpolate(small[None], size=mask.shape[-2:], mode="bilinear")[0] > 0.5
            found.append(1 - float(2 * (back * mask).sum() / (back.sum() + mask.sum())))
            assert float(small.min()) >= 0 and float(small.max()) <= 1
    assert sum(lost["area"]) < 0.2 * sum(lost["nearest"])


def test_area_and_nearest_follow_the_same_augmentation() -> None:
    mask = torch.zeros(1, 96, 64)
    mask[0, 20:50, 10:40] = 1
    moved = AugmentParameters(mirror=True, zoom=(1.2, 0.9), shift=(0.05, -0.1), rotate=7)
    (near, seen), (area, seen_too) = (augment_mask(mask, moved, (64, 64), r) for r in ("nearest", "area"))
    assert torch.equal(seen, seen_too)
    assert float((near - area).abs().mean()) < 0.02 and abs(float(near.mean() - area.mean())) < 0.005


def test_as_published_is_a_switch_that_not_every_method_has(
    tmp_path: Path, recipe: Path, cases: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    begin = ["train", "--config", str(recipe), "--data.cases", str(cases), "--output", str(run), "--as-published"]
    assert main(begin) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: tiny has no variant as published")
    assert "lvit" in said
    assert "unet" not in said
    assert not run.exists()

    faulty = as_published(TrainConfig(method="lvit", model={"heads": 4}))
    assert faulty.model == {"heads": 4, "as_published": True}
    assert faulty.data.mask_resize == "touched"
    assert as_published(TrainConfig(method="fmiseg")).data.mask_resize == "nearest"
    assert "tiny" in MODELS
