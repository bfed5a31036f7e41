"""Batches of an epoch, on one device and on several."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from lexseg.cases.manifest import read_manifest
from lexseg.encoders.text.batch import no_words
from lexseg.errors import ConfigError, DataError
from lexseg.language.sides import Laterality, mirror_words
from lexseg.training.batch import Batch
from lexseg.training.config import TrainConfig
from lexseg.training.data_module import CaseDataModule, ValidationBatch, ValidationStack
from lexseg.training.dataset import Stack
from lexseg.training.prepare import chosen, in_one_convention, met, read_cases, repeated, sentences
from lexseg.training.recipe import read_recipe
from lexseg.training.settings import check, settled

from .conftest import read_rows, write_rows, write_set


@pytest.fixture
def config(recipe: Path, cases: Path) -> TrainConfig:
    values = read_recipe(recipe)
    return settled(replace(values, data=replace(values.data, cases=str(cases))))


def module(config: TrainConfig, *, epoch: int = 0, rank: int = 0, world: int = 1) -> CaseDataModule:
    cases = read_cases(config)
    data = CaseDataModule(chosen(cases, "train"), chosen(cases, "val"), config, no_words)
    data.trainer = SimpleNamespace(current_epoch=epoch, global_rank=rank, world_size=world)  # type: ignore[assignment]
    return data


def ids(data: CaseDataModule) -> list[str]:
    return [name for stack in data.train_dataloader() for name in stack.ids]


def test_order_and_size_are_functions_of_seed_and_epoch(config: TrainConfig) -> None:
    first = ids(module(config))
    assert len(set(first)) == len(first) == 8  # ten cases, two batches of four
    torch.manual_seed(5)
    assert ids(module(config)) == first
    assert ids(module(config, epoch=1)) != first
    assert ids(module(replace(config, seed=9))) != first
    assert [next(iter(module(config, epoch=e).train_dataloader())).image.shape[-1] for e in (1, 2)] == [32, 64]


def test_reading_draws_no_numbers_from_the_training(config: TrainConfig) -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    ids(module(config))
    list(module(config).val_dataloader())
    assert torch.equal(torch.rand(3), expected)


def test_devices_share_an_epoch(config: TrainConfig) -> None:
    config = replace(config, data=replace(config.data, batch_size=2))
    shares = [ids(module(config, rank=rank, world=2)) for rank in range(2)]
    assert [len(s) for s in shares] == [4, 4]
    assert not set(shares[0]) & set(shares[1])
    assert module(config).steps(2) == 2
    assert module(config).steps(1) == 5


@pytest.mark.parametrize("world", [1, 2, 3, 4])
def test_devices_count_each_validation_case_once(config: TrainConfig, world: int) -> None:
    config = replace(config, data=replace(config.data, batch_size=1))
    counted: Counter[str] = Counter()
    lengths = set()
    for rank in range(world):
        stacks = list(module(config, rank=rank, world=world).val_dataloader())
        lengths.add(len(stacks))
        for one in stacks:
            assert isinstance(one, ValidationStack)
            counted.update(m.tobytes() for m, c in zip(one.masks, one.counted, strict=True) if c)
    assert len(lengths) == 1
    assert sum(counted.values()) == 4


def test_too_few_cases_for_the_devices(config: TrainConfig) -> None:
    with pytest.raises(ConfigError, match="5 devices, but a split of 4 cases"):
        module(config).check_devices(5)


def test_fewer_cases_than_a_batch(config: TrainConfig) -> None:
    config = replace(config, data=replace(config.data, batch_size=64))
    assert len(ids(module(config))) == 10
    assert module(config).steps(1) == 1


def test_accumulated_steps(config: TrainConfig) -> None:
    config = replace(config, data=replace(config.data, batch_size=2), trainer=replace(config.trainer, accumulate=2))
    assert module(config).steps(1) == 3  # of five batches


@pytest.mark.parametrize("workers", [0, 2])
def test_batches(config: TrainConfig, workers: int) -> None:
    data = module(replace(config, data=replace(config.data, workers=workers)))
    stack = next(iter(data.train_dataloader()))
    assert isinstance(stack, Stack)
    batch = data.transfer_batch_to_device(data.on_before_batch_transfer(stack, 0), torch.device("cpu"), 0)
    assert isinstance(batch, Batch)
    assert batch.image.is_contiguous(memory_format=torch.channels_last)
    assert batch.text.is_null.all()
    scored = data.on_before_batch_transfer(next(iter(data.val_dataloader())), 0)
    assert isinstance(scored, ValidationBatch)
    assert [m.shape for m in scored.masks] == [(1, 48, 56)] * 4
    assert scored.masks[0].dtype == torch.bool


@pytest.mark.parametrize("workers", [0, 1])
def test_unreadable_file_is_raised_here_as_it_is(config: TrainConfig, cases: Path, workers: int) -> None:
    (cases.parent / "masks" / "3.png").write_bytes(b"")
    data = module(replace(config, data=replace(config.data, workers=workers, batch_size=10)))
    found = next(iter(data.train_dataloader()))
    with pytest.raises(DataError, match=r"cases\.csv, row 5: ") as caught:
        data.on_before_batch_transfer(found, 0)
    assert "Traceback" not in str(caught.value)


def test_limit_draws_by_the_seed(config: TrainConfig) -> None:
    training = chosen(read_cases(config), "train")

    def limited(seed: int) -> list[str]:
        some = replace(config, seed=seed, data=replace(config.data, limit=3))
        return [c.id for c in repeated(list(reversed(training)) if seed else training, some)]

    assert len(set(limited(0))) == 3
    assert limited(0) == limited(0)
    assert len({tuple(limited(seed)) for seed in range(5)}) > 1
    assert len(repeated(training, replace(config, data=replace(config.data, limit=99)))) == 10


def test_repeat_counts_by_manifest(config: TrainConfig, tmp_path: Path, cases: Path) -> None:
    other = write_set(tmp_path / "other", n=5, train=3, seed=1)
    both = settled(replace(config, data=replace(config.data, cases=f"{cases},{other}", repeat=[1, 2])))
    found = Counter(c.id.split("/")[0] for c in repeated(chosen(read_cases(both), "train"), both))
    assert found == {"set": 10, "other": 6}


def test_several_text_columns_are_sampled(config: TrainConfig) -> None:
    config = settled(replace(config, data=replace(config.data, text_column="text,text_short")))
    case = read_cases(config)[0]
    assert case.texts == ("the bright square on the left", "left square")
    heard = {
        text for epoch in range(6) for stack in module(config, epoch=epoch).train_dataloader() for text in stack.texts
    }
    assert {"left square", "the bright square on the right", ""} <= heard


def test_every_sentence_that_is_met_is_known_before(config: TrainConfig) -> None:
    config = replace(config, augment=replace(config.augment, flip=0.5))
    cases = read_cases(config)
    assert sentences(cases[:1], config.augment) == ["the bright square on the left", "the bright square on the right"]
    known = set(met(cases, config.augment))
    for epoch in range(3):
        for stack in module(config, epoch=epoch).train_dataloader():
            assert set(stack.texts) - {""} <= known


def test_two_conventions_of_left_and_right_become_one(config: TrainConfig, cases: Path) -> None:
    rows = read_rows(cases)
    said = {row["id"]: row["text"] for row in rows}
    turned = [row | {"laterality": "patient", "text": mirror_words(row["text"], "horizontal")} for row in rows[1::2]]
    write_rows(cases, rows[::2] + turned)
    read = read_cases(config)
    assert {case.laterality for case in read} == {"image", "patient"}
    conventions: tuple[tuple[Laterality | None, str], ...] = (
        (None, "image"),
        ("image", "image"),
        ("patient", "patient"),
    )
    for convention, expected in conventions:
        found = in_one_convention(read, convention)
        assert {case.laterality for case in found} == {expected}
        assert all((case.text == said[case.id]) == (expected == "image") for case in found)
    unstated = [replace(case, laterality=None) for case in read]
    assert in_one_convention(unstated, "image") == unstated


def test_weights_come_through(config: TrainConfig, cases: Path) -> None:
    write_rows(cases, [row | {"weight": "0.5"} for row in read_rows(cases)])
    assert read_manifest(cases)[0].weight == 0.5
    stack = next(iter(module(config).train_dataloader()))
    assert stack.target.weight.tolist() == [0.5] * 4


def test_folds_are_those_of_their_own_seed(config: TrainConfig) -> None:
    def validating(fold: int, **values: int) -> set[str]:
        data = replace(config.data, folds=4, fold=fold, fold_seed=values.get("fold_seed", 0))
        found = read_cases(replace(config, data=data, seed=values.get("seed", 0)))
        return {case.id for case in found if case.split == "val"}

    folds = [validating(fold) for fold in range(4)]
    assert sorted(map(len, folds)) == [3, 3, 4, 4] and len(set().union(*folds)) == 14
    assert validating(1, seed=5) == folds[1]
    assert any(validating(fold, fold_seed=1) != folds[fold] for fold in range(4))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"folds": 1}, "data.folds is 1; 2 or more"),
        ({"fold": 1}, "data.fold is 1; data.folds"),
        ({"folds": 3, "fold": 3}, "data.fold is 3; a part from 0 to 2"),
        ({"folds": -2}, "data.folds is -2"),
    ],
)
def test_folds_that_cannot_be(config: TrainConfig, values: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check(replace(config, data=replace(config.data, **values)))


def test_a_set_without_any_mask_is_not_trained_on(config: TrainConfig, cases: Path) -> None:
    rows = read_rows(cases)
    write_rows(cases, [row | {"mask": "" if row["split"] == "val" else row["mask"], "present": "yes"} for row in rows])
    with pytest.raises(DataError, match="no case of the split 'val' says where its target is"):
        read_cases(config)
