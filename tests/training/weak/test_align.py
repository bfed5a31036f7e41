"""Alignment: what is learnt without masks, and the folder that is left."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file

from lexseg.cli.main import main
from lexseg.errors import ConfigError, ModelError
from lexseg.training.weak.align import AlignConfig, align
from lexseg.training.weak.folder import load_towers
from weak_sets import one_square

SHORT = ["--size", "64", "--batch", "6", "--steps", "2"]


@pytest.fixture
def aligned(squares: Path, tmp_path: Path) -> Callable[[str], Path]:
    def run(name: str) -> Path:
        assert main(["pretrain", "align", str(squares), "--output", str(tmp_path / name), *SHORT]) == 0
        return tmp_path / name

    return run


def test_masks_are_never_opened(squares: Path, aligned: Callable[[str], Path]) -> None:
    with_masks = aligned("one")
    for mask in (squares.parent / "masks").iterdir():
        mask.write_bytes(b"not a picture")
    without = aligned("other")
    for name in ("encoder.safetensors", "towers.safetensors"):
        assert (with_masks / name).read_bytes() == (without / name).read_bytes()


def test_any_recipe_starts_from_the_folder(squares: Path, aligned: Callable[[str], Path], tmp_path: Path) -> None:
    folder, run = aligned("encoder"), tmp_path / "run"
    options = ["--data.size", "64", "--data.batch_size", "4", "--trainer.steps", "1", "--trainer.epochs", "1"]
    options += ["--optimizer.encoder_lr", "0", "--trainer.ema", "0", "--data.grow", "{}", "--trainer.samples", "0"]
    recipe = ["--config", "unet-lite", "--data.cases", str(squares), "--output", str(run)]
    assert main(["train", *recipe, *options, "--model.encoder_args.pretrained", str(folder)]) == 0
    trained, ours = load_file(run / "model/model.safetensors"), load_file(folder / "encoder.safetensors")
    for name in ("stages.0.0.0.weight", "stages.3.0.expand.0.weight"):
        assert trained[f"encoder.{name}"].equal(ours[name])


def test_towers_come_back_as_they_were(aligned: Callable[[str], Path]) -> None:
    folder = aligned("encoder")
    loaded = load_towers(folder)
    assert loaded.size == 64 and not loaded.towers.training
    state, encoder = loaded.towers.state_dict(), load_file(folder / "encoder.safetensors")
    assert all(state[f"encoder.{name}"].equal(value) for name, value in encoder.items())
    assert all(state[name].equal(value) for name, value in load_file(folder / "towers.safetensors").items())


def test_a_damaged_folder_is_refused(aligned: Callable[[str], Path]) -> None:
    folder = aligned("encoder")
    weights = folder / "towers.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 255]))
    with pytest.raises(ModelError, match="damaged"):
        load_towers(folder)


def test_no_sentence_and_no_path_stands_in_the_folder(squares: Path, tmp_path: Path) -> None:
    config = AlignConfig(cases=[str(squares)], size=64, batch=6, steps=1)
    folder = align(config, tmp_path / "out", say=lambda _: None)
    for name in ("encoder.json", "towers.json", "README.md"):
        content = (folder / name).read_text()
        assert "bright square" not in content and str(squares.parent) not in content


def test_an_output_that_is_there_is_left_alone(squares: Path, aligned: Callable[[str], Path], capsys) -> None:
    folder = aligned("encoder")
    before = (folder / "towers.json").read_bytes()
    assert main(["pretrain", "align", str(squares), "--output", str(folder), *SHORT]) == 1
    assert "is there already" in capsys.readouterr().err and (folder / "towers.json").read_bytes() == before


@pytest.mark.parametrize(
    ("setting", "value"), [("size", 50), ("batch", 1), ("steps", 0), ("lr", 0.0), ("dim", 6), ("parts", -1.0)]
)
def test_settings_that_cannot_be_used(setting: str, value: object, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=str(value)):
        align(AlignConfig(cases=["none.csv"], **{setting: value}), tmp_path / "out")  # type: ignore[arg-type]


@pytest.mark.slow
def test_left_is_told_from_right(tmp_path: Path) -> None:
    """Two sentences: chance finds half."""
    squares = one_square(tmp_path / "set", n=48, train=32)
    config = AlignConfig(cases=[str(squares)], size=64, batch=16, steps=60, lr=3e-3)
    folder = align(config, tmp_path / "out", say=lambda _: None)
    assert json.loads((folder / "encoder.json").read_text())["how"]["validation"]["top1"] > 0.9


def test_parts_are_for_towers_that_attend(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a pooling with map was expected"):
        align(AlignConfig(cases=["none.csv"], parts=1.0, pooling="words"), tmp_path / "out")


@pytest.mark.slow
def test_images_attend_where_their_captions_say(tmp_path: Path) -> None:
    """Captions name a side and images without a square none: cells are to tell the square from all else."""
    from lexseg.scans.masks import read_mask
    from lexseg.training.dataset import CaseDataset
    from lexseg.training.weak.pairs import read_pairs

    path = one_square(tmp_path / "set", n=48, train=32)
    config = AlignConfig(cases=[str(path)], pooling="map", parts=3.0, size=64, batch=16, steps=40, lr=3e-3)
    towers = load_towers(align(config, tmp_path / "out", say=lambda _: None)).towers
    validation = read_pairs([path])[1]
    dataset = CaseDataset(validation.cases, (64, 64))
    right = 0
    for i, case in enumerate(validation.cases):
        seen = towers.see(dataset[i].image.expand(3, -1, -1)[None]).attention[0, 0]
        row, column = divmod(int(seen.argmax()), seen.shape[1])
        mask = read_mask(path.parent / f"masks/{case.id[1:]}.png")
        right += bool(mask[row * 8 + 4, column * 8 + 4])
    assert right >= 0.9 * len(dataset)


@pytest.mark.slow
def test_labels_alone_tell_who_has_it(tmp_path: Path) -> None:
    """One phrase, said of all; that some images do not hold it is all there is to learn from."""
    from lexseg.encoders.text.pipeline import TextPipeline
    from lexseg.training.dataset import CaseDataset
    from lexseg.training.weak.pairs import read_pairs

    path = one_square(tmp_path / "set", n=48, train=32, present=True)
    config = AlignConfig(cases=[str(path)], phrase="a bright square", size=64, batch=16, steps=60, lr=3e-3)
    loaded = load_towers(align(config, tmp_path / "out", say=lambda _: None))
    validation = read_pairs([path], phrase="a bright square")[1]
    text = TextPipeline(loaded.text_encoder)(["a bright square"])
    dataset = CaseDataset(validation.cases, (64, 64))
    found = [loaded.towers(dataset[i].image.expand(3, -1, -1)[None], text).item() for i in range(len(validation))]
    there = [score for score, belong in zip(found, validation.belong, strict=True) if belong]
    absent = [score for score, belong in zip(found, validation.belong, strict=True) if not belong]
    assert min(there) > max(absent)
