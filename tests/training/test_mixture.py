"""Which images an epoch shows and what it asks about them: shares, kinds, several sentences an image."""

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from lexseg.cases.manifest import read_manifest
from lexseg.cases.truth import read_truth
from lexseg.encoders.text.batch import no_words
from lexseg.errors import ConfigError, DataError
from lexseg.training.augment import AugmentConfig
from lexseg.training.batch import Batch
from lexseg.training.config import DataConfig, TrainConfig
from lexseg.training.data_module import CaseDataModule
from lexseg.training.dataset import Stack
from lexseg.training.grouped_dataset import GroupedDataset
from lexseg.training.mixture import Mixture, choose, is_mixture, kind_of, shares, stretch
from lexseg.training.prepare import chosen, read_cases, repeated, validated
from lexseg.training.settings import check, settled

from .conftest import write_rows

STILL = AugmentConfig(0, 0, (1, 1), 0, 0, 0, 0, (1, 1), (1, 1), 0, 0, 0)


def write_referring(root: Path, n: int = 8, val: int = 2) -> Path:
    """Two squares in each image: a caption, each of them by its side, and one that is not there."""
    (root / "images").mkdir(parents=True)
    (root / "masks").mkdir()
    rng = np.random.default_rng(1)
    rows = []
    for i in range(n):
        instances = np.zeros((48, 56), np.uint8)
        instances[18:32, 6:20], instances[18:32, 36:50] = 1, 2
        image = rng.normal(80, 10, instances.shape) + 90 * (instances > 0)
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(root / f"images/{i}.png")
        Image.fromarray(instances).save(root / f"masks/{i}.png")
        asked = [
            ("two squares", "", "1 2"),
            ("left square", "one", "1"),
            ("right square", "one", "2"),
            ("both squares", "several", "1 2"),
            ("upper square", "none", ""),
        ]
        for j, (text, kind, targets) in enumerate(asked):
            rows.append(
                {
                    "id": f"r{i}_{j}",
                    "image": f"images/{i}.png",
                    "mask": f"masks/{i}.png",
                    "split": "val" if i >= n - val else "train",
                    "laterality": "image",
                    "text": text,
                    "expression_kind": kind,
                    "target_ids": targets,
                }
            )
    return write_rows(root / "cases.csv", rows)


@pytest.fixture
def referring(tmp_path: Path) -> Path:
    return write_referring(tmp_path / "referring")


Build = Callable[..., CaseDataModule]


@pytest.fixture
def build(referring: Path) -> Build:
    """A data module of these manifests and settings, in this epoch and on this device."""

    def build(
        cases: Sequence[Path] = (referring,),
        *,
        epoch: int = 0,
        rank: int = 0,
        world: int = 1,
        seed: int = 0,
        augment: AugmentConfig = STILL,
        **values: object,
    ) -> CaseDataModule:
        data = replace(DataConfig(cases=[str(p) for p in cases], size=32, batch_size=2), **values)  # type: ignore[arg-type]
        config = settled(TrainConfig(data=data, augment=augment, seed=seed))
        check(config)
        read = read_cases(config)
        module = CaseDataModule(repeated(chosen(read, "train"), config), validated(read, config), config, no_words)
        module.trainer = SimpleNamespace(current_epoch=epoch, global_rank=rank, world_size=world)  # type: ignore[assignment]
        return module

    return build


def names(module: CaseDataModule) -> list[str]:
    return [name for stack in module.train_dataloader() for name in stack.ids]


def image_of(name: str) -> str:
    return name.rsplit("_", 1)[0]


def test_sentences_of_an_image_stand_side_by_side(build: Build) -> None:
    module = build(sentences=3)
    assert (module.images, module.steps(1)) == (6, 3)
    asked = names(module)
    assert len(asked) == 18
    groups = [asked[i : i + 3] for i in range(0, 18, 3)]
    assert sorted(image_of(g[0]) for g in groups) == [f"r{i}" for i in range(6)]  # each image once
    for group in groups:
        assert len({image_of(name) for name in group}) == 1 and len(set(group)) == 3  # none asked twice


@pytest.mark.parametrize("workers", [0, 1])
def test_batches_of_several_sentences(build: Build, referring: Path, workers: int) -> None:
    module = build(sentences=5, workers=workers)
    stack = next(iter(module.train_dataloader()))
    assert isinstance(stack, Stack)
    assert stack.image.shape == (2, 3, 32, 32)
    assert stack.target.mask.shape == (10, 1, 32, 32)
    batch = module.transfer_batch_to_device(module.on_before_batch_transfer(stack, 0), torch.device("cpu"), 0)
    assert isinstance(batch, Batch)
    assert len(batch.text) == len(batch.ids) == 10
    target = batch.target
    assert target.others is not None and target.present is not None
    cases = {case.id: case for case in read_manifest(referring)}
    for row, name in enumerate(batch.ids):
        named = cases[name].target_ids or ()
        mask, others = target.mask[row, 0], target.others[row, 0]
        assert target.present[row] == bool(named)
        # the first square is in the left half, the second in the right
        assert (bool(mask[:, :16].any()), bool(mask[:, 16:].any())) == (1 in named, 2 in named)
        assert (bool(others[:, :16].any()), bool(others[:, 16:].any())) == (1 not in named, 2 not in named)


def test_what_an_epoch_shows_follows_from_seed_and_epoch(build: Build) -> None:
    options = {"sentences": 2, "augment": AugmentConfig()}
    first = next(iter(build(epoch=3, **options).train_dataloader()))
    torch.manual_seed(5)
    np.random.seed(5)
    again = next(iter(build(epoch=3, **options).train_dataloader()))
    assert torch.equal(first.image, again.image) and torch.equal(first.target.mask, again.target.mask)
    assert (first.texts, first.ids) == (again.texts, again.ids)
    assert names(build(epoch=3, **options)) == names(build(epoch=3, **options))
    for changed in ({"epoch": 4}, {"epoch": 3, "seed": 1}):
        assert names(build(**changed, **options)) != names(build(epoch=3, **options))


@pytest.mark.parametrize("world", [1, 2, 3, 4])
def test_devices_share_images_evenly(build: Build, world: int) -> None:
    shown = [names(build(rank=rank, world=world, sentences=2, batch_size=1, size=64)) for rank in range(world)]
    assert {len(share) for share in shown} == {6 // world * 2}
    images = [{image_of(name) for name in share} for share in shown]
    assert sum(map(len, images)) == len(set().union(*images)) == 6 // world * world
    assert build(sentences=2, batch_size=1, size=64).steps(world) == 6 // world


def test_shares_of_manifests(build: Build, referring: Path, cases: Path) -> None:
    options = {"cases": (referring, cases), "weights": [3.0, 1.0], "epoch_images": 8, "sentences": 2}
    seen: Counter[str] = Counter()
    for epoch in range(5):
        asked = names(build(epoch=epoch, **options))  # type: ignore[arg-type]
        images = asked[::2]
        assert Counter(name.split("/")[0] for name in images) == {"referring": 6, "set": 2}
        seen.update(image_of(name) for name in images)
    # five epochs: every one of 6 images five times, and of 10 images each once before any comes again
    assert {n for name, n in seen.items() if name.startswith("referring")} == {5}
    assert {n for name, n in seen.items() if name.startswith("set")} == {1} and len(seen) == 16


def test_a_stretch_of_the_endless_row() -> None:
    whole = stretch(7, 0, 70, "a")
    assert all(sorted(whole[i : i + 7]) == list(range(7)) for i in range(0, 70, 7))
    assert len({tuple(whole[i : i + 7]) for i in range(0, 70, 7)}) > 5
    assert [x for start in range(0, 70, 10) for x in stretch(7, start, 10, "a")] == whole
    assert stretch(7, 0, 70, "b") != whole
    assert stretch(7, 3, 0, "a") == []


@pytest.mark.parametrize(
    ("n", "weights", "expected"),
    [(10, [1, 1], [5, 5]), (10, [1, 2], [3, 7]), (7, [0.5, 0.25, 0.25], [3, 2, 2]), (5, [0, 1], [0, 5])],
)
def test_shares_are_whole_and_add_up(n: int, weights: list[float], expected: list[int]) -> None:
    assert shares(n, weights) == expected


def test_shares_make_up_for_earlier_rounding() -> None:
    given = [0, 0, 0]
    for total in range(1, 201):
        given = [had + more for had, more in zip(given, shares(1, [0.6, 0.3, 0.1], given), strict=True)]
        assert sum(given) == total
        assert all(abs(had - total * w) < 1.5 for had, w in zip(given, [0.6, 0.3, 0.1], strict=True))


def test_kinds_are_drawn_at_their_rates(referring: Path) -> None:
    rows = [case for case in read_manifest(referring) if image_of(case.id) == "r0"]
    assert Counter(map(kind_of, rows)) == {"caption": 1, "one": 2, "several": 1, "none": 1}
    rng = np.random.default_rng(0)

    def first(kinds: dict[str, float]) -> dict[str, float]:
        drawn = Counter(kind_of(choose(rows, 1, kinds, rng)[0]) for _ in range(3000))
        return {kind: n / 3000 for kind, n in drawn.items()}

    assert first({"one": 0.6, "none": 0.4}) == pytest.approx({"one": 0.6, "none": 0.4}, abs=0.03)
    assert first({}) == pytest.approx({"caption": 0.2, "one": 0.4, "several": 0.2, "none": 0.2}, abs=0.03)
    absent = [case for case in rows if case.expression_kind != "none"]
    heard = {kind_of(choose(absent, 1, {"one": 1, "none": 5}, rng)[0]) for _ in range(20)}
    assert heard == {"one"}  # of a kind that is not there, none


def test_no_row_comes_again_while_there_are_others(referring: Path) -> None:
    rows = [case for case in read_manifest(referring) if image_of(case.id) == "r0"]
    for seed in range(20):
        rng = np.random.default_rng(seed)
        asked = choose(rows, 5, {"caption": 9, "one": 1, "several": 1, "none": 1}, rng)
        assert len({case.id for case in asked}) == 5
        twice = Counter(case.id for case in choose(rows[:2], 4, {}, rng))
        assert set(twice.values()) == {2}


def test_images_without_a_sentence_to_ask_stay_out(build: Build, referring: Path, cases: Path) -> None:
    module = build((referring, cases), kinds={"one": 1.0, "none": 1.0})
    assert module.images == 6
    assert all(name.startswith("referring") for name in names(module))
    with pytest.raises(ConfigError, match="no training image has a sentence of these kinds"):
        build((cases,), kinds={"none": 1.0})
    with pytest.raises(ConfigError, match=r"gives .*set/cases\.csv a share of 1, but it has no training image"):
        build((referring, cases), kinds={"none": 1.0}, weights=[1.0, 1.0])
    assert build((referring, cases), kinds={"none": 1.0}, weights=[1.0, 0.0]).images == 6


def test_a_share_that_leaves_nothing_is_refused(build: Build, referring: Path, cases: Path) -> None:
    with pytest.raises(ConfigError, match=r"share of 0\.01, but 8 images an epoch leave it none"):
        build((referring, cases), weights=[1.0, 0.01], epoch_images=8)
    with pytest.raises(ConfigError, match=r"data\.weights is \[1.0\]; a number for each of 2 manifests"):
        build((referring, cases), weights=[1.0])


def test_repeat_counts_images(build: Build, referring: Path, cases: Path) -> None:
    asked = names(build((referring, cases), repeat=[2, 0], sentences=2))
    assert Counter(Counter(image_of(name) for name in asked[::2]).values()) == {2: 6}


def test_an_image_that_comes_again_is_asked_and_augmented_anew(build: Build) -> None:
    options = {"sentences": 1, "epoch_images": 24, "batch_size": 24, "augment": AugmentConfig(drop_text=0)}
    stack = next(iter(build(**options).train_dataloader()))  # type: ignore[arg-type]
    again = [row for row, name in enumerate(stack.ids) if image_of(name) == "r0"]
    assert len(again) == 4
    assert len({stack.image[row].numpy().tobytes() for row in again}) == 4
    assert len({stack.ids[row] for row in again}) > 1


def test_without_these_settings_each_row_is_a_sample(build: Build) -> None:
    module = build()
    assert module.mixture is None and module.images == 30
    assert sorted(names(module)) == sorted(case.id for case in module.train_cases)
    assert [is_mixture(TrainConfig(data=d)) for d in (DataConfig(), DataConfig(sentences=2))] == [False, True]


def test_words_are_drawn_for_each_sentence(build: Build) -> None:
    stack = next(iter(build(sentences=5, augment=replace(STILL, drop_text=0.5), batch_size=6).train_dataloader()))
    dropped = [sum(not text for text in stack.texts[i : i + 5]) for i in range(0, 30, 5)]
    assert 0 < sum(dropped) < 30 and set(dropped) - {0, 5}


def test_without_its_sentence_an_expression_asks_for_every_instance(build: Build) -> None:
    """Nothing says which one is meant: the null sentence must not learn to leave some out."""
    stack = next(iter(build(sentences=5, augment=replace(STILL, drop_text=1.0)).train_dataloader()))
    assert stack.target.present.tolist() == [1.0] * 10
    assert stack.target.mask[:, :, :, :16].flatten(1).any(1).all() and stack.target.mask[:, :, :, 16:].any()
    assert not stack.target.others.any()


def test_mirrored_images_are_asked_mirrored_words(build: Build) -> None:
    module = build(sentences=2, kinds={"one": 1.0}, augment=replace(STILL, mirror=0.5), batch_size=6)
    flipped = 0
    for stack in module.train_dataloader():
        for text, name, mask in zip(stack.texts, stack.ids, stack.target.mask, strict=True):
            left = bool(mask[0, :, :16].any())
            assert left != bool(mask[0, :, 16:].any())
            assert text == f"{'left' if left else 'right'} square"
            flipped += left != (name.endswith("_1"))
    assert 0 < flipped < 12


def test_what_is_moved_out_of_view_is_neither_there_nor_absent(build: Build) -> None:
    """Zoomed so far that the middle alone is left: both squares, at the sides, are out of sight."""
    stack = next(iter(build(sentences=5, augment=replace(STILL, zoom=(9, 9))).train_dataloader()))
    assert not stack.target.mask.any()
    cases = {case.id: case for case in build().train_cases}
    for name, present in zip(stack.ids, stack.target.present, strict=True):
        assert present.isnan() if cases[name].target_ids else present == 0


def test_what_cannot_be_read_is_told_with_its_row(build: Build, referring: Path) -> None:
    (referring.parent / "masks" / "1.png").write_bytes(b"")
    module = build(sentences=2, batch_size=6)
    with pytest.raises(DataError, match=r"cases\.csv, row (7|8|9|10|11): "):
        module.on_before_batch_transfer(next(iter(module.train_dataloader())), 0)


def test_a_sentence_that_chance_made_too_long_is_read_as_it_was(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str | None] = []

    def listen(texts: Sequence[str | None]) -> object:
        heard.extend(texts)
        return no_words(texts)

    monkeypatch.setattr("lexseg.training.dataset.disturb_text", lambda text, parameters: f"{text} {'x' * len(text)}")
    module = build(sentences=5, batch_size=6)
    module.encode_text = listen  # type: ignore[assignment]
    module.fits = lambda text: len(text) < 26
    module.on_before_batch_transfer(next(iter(module.train_dataloader())), 0)
    assert set(heard) == {
        "two squares xxxxxxxxxxx", "left square xxxxxxxxxxx", "right square xxxxxxxxxxxx",
        "both squares xxxxxxxxxxxx", "upper square xxxxxxxxxxxx",
    }  # fmt: skip
    heard.clear()
    module.fits = lambda text: len(text) < 25
    module.on_before_batch_transfer(next(iter(module.train_dataloader())), 0)
    assert {"right square", "left square xxxxxxxxxxx"} <= set(heard)


def test_validation_is_limited_evenly_over_kinds(build: Build, cases: Path) -> None:
    module = build(val_limit=4)
    assert Counter(map(kind_of, module.val_cases)) == {"caption": 1, "one": 1, "several": 1, "none": 1}
    assert [c.id for c in build(val_limit=4).val_cases] == [c.id for c in module.val_cases]
    assert len({tuple(c.id for c in build(val_limit=1, seed=seed).val_cases) for seed in range(6)}) > 1
    both = build((cases, Path(str(module.train_cases[0].source))), val_limit=3)
    assert Counter(c.id.split("/")[0] for c in both.val_cases) == {"set": 3, "referring": 3}
    assert len(build(val_limit=99).val_cases) == 10


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sentences": 0}, "data.sentences is 0; 1 or more"),
        ({"kinds": {"two": 1.0}}, "rates of caption, one, several, none, foreign were expected"),
        ({"kinds": {"one": 0.0}}, "rates of 0 or more, not all 0"),
        ({"weights": [1.0], "repeat": [1]}, "says twice how often"),
        ({"weights": [-1.0]}, "shares of 0 or more, not all 0"),
        ({"val_limit": -1}, "data.val_limit is -1"),
        ({"epoch_images": -1}, "data.epoch_images is -1"),
    ],
)
def test_settings_that_cannot_be_used(build: Build, values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(**values)  # type: ignore[arg-type]


def test_planning_an_epoch_is_work_for_each_image_alone(referring: Path) -> None:
    """Four times as many images are no more than four times the lines that are run, and a bit."""
    rows = [case for case in read_manifest(referring) if image_of(case.id) == "r0"]
    config = settled(TrainConfig(data=DataConfig(cases=str(referring), sentences=3, kinds={"one": 1, "none": 0.4})))

    def work(n: int) -> int:
        many = [replace(c, id=f"{i}_{c.id}", image=c.image.with_name(f"{i}.png")) for i in range(n) for c in rows]
        lines = 0

        def count(_frame: FrameType, event: str, _told: object) -> Any:
            nonlocal lines
            lines += event == "line"
            return count

        before = sys.gettrace()  # of a debugger
        sys.settrace(count)
        try:
            visits = Mixture(many, config).epoch(7)
        finally:
            sys.settrace(before)
        assert len(visits) == n
        return lines

    assert work(400) < 4.4 * work(100)


@pytest.mark.data
def test_three_sentences_about_a_real_slice(data_root: Path) -> None:
    """CT with three masks an image: each sentence comes with its own, at its own place, whatever the order."""
    path = data_root / "covid_ct" / "cases.csv"
    cases = {case.id: case for case in read_manifest(path)}
    size = read_truth(next(iter(cases.values()))).shape
    data = DataConfig(cases=str(path), sentences=3, batch_size=4)
    config = settled(TrainConfig(data=data, augment=replace(STILL, mirror=0.5)))
    visits = Mixture(chosen(read_cases(config), "train"), config).epoch(0)
    assert len(visits) == 40 and all(len({case.id for case in visit.cases}) == 3 for visit in visits)
    alike = [visit for visit in visits if all(read_truth(case).shape == size for case in visit.cases)][:4]
    mirrored = 0
    dataset = GroupedDataset(alike, (size[0], size[1]), augment=config.augment, seed=0, epoch=0)
    for place, visit in enumerate(alike):
        for sample, case in zip(dataset[place], visit.cases, strict=True):
            truth = torch.from_numpy(read_truth(case)).float()[None]
            as_is = torch.equal(sample.mask, truth)
            mirrored += not as_is
            assert as_is or torch.equal(sample.mask, truth.flip(-1))
            assert sample.present == float(truth.any())
            assert sample.text == sample.plain
    assert mirrored > 0
