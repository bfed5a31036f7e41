"""An encoder from images alone."""

import json
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lexseg.cli.main import main
from lexseg.encoders.image import create_image_encoder
from lexseg.errors import ConfigError, DataError
from lexseg.models import create_model
from lexseg.training.regimes.crops import CropDataset, stack_crops
from lexseg.training.regimes.restoration import RestorationConfig, check, fading, image_paths, terms
from lexseg.training.regimes.restorer import Restorer, likeness_loss

from ..conftest import read_rows, write_rows, write_set


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    (tmp_path / "films/more").mkdir(parents=True)
    for i, place in enumerate(("films", "films", "films/more")):
        picture = rng.integers(0, 255, (70, 90, 3), np.uint8)
        picture[:35] = 250  # bright above
        Image.fromarray(picture).save(tmp_path / place / f"{i}.png")
    (tmp_path / "films/notes.txt").write_text("no image", encoding="utf-8")
    return tmp_path / "films"


def crops(folder: Path, *, mirror: bool = False, seed: int = 0) -> CropDataset:
    paths = image_paths([folder])
    return CropDataset(paths, size=64, small=32, locals_=3, mirror=mirror, seed=seed)


def test_images_of_folders_and_of_training_rows(folder: Path, tmp_path: Path) -> None:
    assert [p.name for p in image_paths([folder])] == ["0.png", "1.png", "2.png"]
    manifest = write_set(tmp_path / "set", n=6, train=4)
    for mask in (tmp_path / "set/masks").iterdir():
        mask.unlink()  # never looked for
    assert [p.name for p in image_paths([manifest])] == ["0.png", "1.png", "2.png", "3.png"]
    write_rows(manifest, [row | {"split": ""} for row in read_rows(manifest)])
    assert len(image_paths([manifest, folder, manifest])) == 9


def test_what_is_no_picture_is_told_and_left_out(folder: Path) -> None:
    (folder / "more" / "IM1.dcm").write_bytes(b"no picture")
    told: list[str] = []
    assert len(image_paths([folder], told.append)) == 3
    assert len(told) == 1 and "1 of .dcm" in told[0] and "1 of .txt" in told[0]


@pytest.mark.parametrize("place", ["empty", "nowhere", "films/notes.txt"])
def test_places_without_images(place: str, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"0 images were found|neither a folder of images nor a manifest"):
        image_paths([tmp_path / place])


def test_restoration_undoes_light_and_holes_but_no_movement(folder: Path) -> None:
    """The target is what was cut out, where it was cut out: the spoilt view lies on it, pixel by pixel."""
    view = crops(folder)[0]
    assert view.clean.shape == view.spoilt.shape == (2, 3, 64, 64) and view.small.shape == (3, 3, 32, 32)
    for clean, spoilt in zip(view.clean, view.spoilt, strict=True):
        one, other = clean.mean(0).flatten(), spoilt.mean(0).flatten()
        assert not torch.allclose(one, other, atol=0.02)
        likeness = float(torch.corrcoef(torch.stack([one, other]))[0, 1])
        moved = float(torch.corrcoef(torch.stack([one, spoilt.mean(0).roll(9, 0).flatten()]))[0, 1])
        assert likeness > 0.6 and likeness > moved


def test_views_are_the_seeds_alone_and_keep_their_sides(folder: Path) -> None:
    one, same, other = (crops(folder, seed=s)[1].spoilt for s in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)
    side = np.zeros((64, 64, 3), np.uint8)
    side[:, :32] = 255
    Image.fromarray(side).save(folder / "0.png")

    def left(mirror: bool) -> list[bool]:
        views = [crops(folder, mirror=mirror, seed=s)[0].clean for s in range(8)]
        return [bool(v[..., :32].mean() >= v[..., 32:].mean()) for view in views for v in view]

    assert all(left(False)) and not all(left(True))


def test_a_gray_film_is_seen_as_the_same_film_in_three_channels(folder: Path) -> None:
    """It is cut in its one channel, which is a third of the work, and nothing else differs."""
    film = np.random.default_rng(3).integers(0, 255, (90, 70), np.uint8)
    Image.fromarray(film).save(folder / "0.png")
    one = crops(folder)[0]
    Image.fromarray(np.stack([film] * 3, -1)).save(folder / "0.png")
    other = crops(folder)[0]
    for mine, theirs in zip((one.clean, one.spoilt, one.small), (other.clean, other.spoilt, other.small), strict=True):
        assert mine.shape[-3] == 3
        torch.testing.assert_close(mine, theirs)


def test_small_views_are_smaller_parts(folder: Path) -> None:
    """They show 5 to 30 % of the area where large ones show 30 to 100 %."""
    ramp = np.tile(np.linspace(0, 255, 200).astype(np.uint8)[None, :, None], (200, 1, 3))
    Image.fromarray(ramp).save(folder / "0.png")
    views = [crops(folder, seed=s) for s in range(12)]
    rng = np.random.default_rng(0)
    whole, part = (
        np.mean(
            [
                float(v.mean(0).amax() - v.mean(0).amin())
                for v in (d._cut(_read(folder), 64, shares, rng) for d in views)
            ]
        )
        for shares in ((0.3, 1.0), (0.05, 0.3))
    )
    assert whole > 1.3 * part


def _read(folder: Path) -> torch.Tensor:
    return torch.from_numpy(np.array(Image.open(folder / "0.png"))).permute(2, 0, 1) / 255


@pytest.fixture(scope="module")
def restorer() -> Restorer:
    torch.manual_seed(0)
    return Restorer(create_image_encoder("efficientnet-lite0", pretrained=False), (32, 16, 16, 8, 8))


def test_every_term_teaches_the_encoder(restorer: Restorer, folder: Path) -> None:
    batch = stack_crops([crops(folder)[i] for i in range(3)])
    for name in ("restored", "middle", "alike", "small"):
        restorer.zero_grad()
        losses = terms(restorer, batch, 0.0, np.random.default_rng(0), torch.device("cpu"))
        assert all(value.isfinite() for value in losses.values())
        losses[name].backward()
        assert any(p.grad is not None and p.grad.any() for p in restorer.encoder.stages[0].parameters()), name
    assert float(terms(restorer, batch, 1.0, np.random.default_rng(0), torch.device("cpu"))["middle"].detach()) == 0


def test_running_statistics_follow_large_views_alone(restorer: Restorer, folder: Path) -> None:
    """The encoder will be shown whole images, and not parts of a twentieth."""
    batch = stack_crops([crops(folder)[i] for i in range(3)])
    found = []
    for given in (batch, replace(batch, small=1 - batch.small), replace(batch, spoilt=1 - batch.spoilt)):
        own = deepcopy(restorer)
        losses = terms(own, given, 0.0, np.random.default_rng(0), torch.device("cpu"))
        norm = own.encoder.stages[0][0][1]
        found.append((norm.running_mean, float(losses["small"].detach())))
    one, other_small, other_large = found
    assert torch.equal(one[0], other_small[0]) and not torch.equal(one[0], other_large[0])
    assert one[1] != other_small[1]  # they were looked at


def test_what_is_restored_has_passed_the_deepest_map(restorer: Restorer) -> None:
    """No skips: other shallow maps with the same deepest one restore the same image."""
    restorer.eval()
    image = torch.rand(1, 3, 64, 64)
    maps = restorer.maps(image)
    deepest = restorer.encoder((image - restorer.mean) / restorer.std)[-1]
    x = restorer.levels[0](deepest)
    torch.testing.assert_close(maps[0], x)
    assert [m.shape[-1] for m in maps] == [2, 4, 8, 16, 32]
    assert restorer.restored(maps, 4, (64, 64)).shape == (1, 3, 64, 64)
    restorer.train()


def test_likeness_is_cosines_both_ways_and_stops_at_z() -> None:
    a, b = torch.randn(4, 8, requires_grad=True), torch.randn(4, 8, requires_grad=True)
    loss = likeness_loss((a, a), (b, b))
    torch.testing.assert_close(loss, -torch.nn.functional.cosine_similarity(a, b).mean())
    likeness_loss((a.detach(), b), (a, b.detach())).backward()
    assert a.grad is None and b.grad is not None


def test_fading_ends_with_the_run() -> None:
    assert fading(0.0) == 1 and fading(1.0) == pytest.approx(0) and fading(0.5) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": 100}, "size is 100; a side divisible by 32"),
        ({"small": 48}, "small is 48"),
        ({"batch": 1}, "batch is 1; 2 or more"),
        ({"lr": 0.0}, "lr is 0.0"),
    ],
)
def test_settings_that_cannot_be(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check(RestorationConfig(**changes))  # type: ignore[arg-type]


@pytest.mark.slow
def test_the_command_leaves_an_encoder_that_recipes_take(folder: Path, tmp_path: Path, capsys) -> None:
    def command(output: Path, *more: str) -> int:
        return main(["pretrain", "restoration", str(folder), "--output", str(output), "--size", "64", "--batch", "2",
                     "--steps", "3", "--locals", "2", "--encoder_args", '{"pretrained": false}', *more])  # fmt: skip

    assert command(tmp_path / "one") == command(tmp_path / "same") == 0
    weights = [(tmp_path / name / "encoder.safetensors").read_bytes() for name in ("one", "same")]
    assert weights[0] == weights[1]  # all chance is the seed's
    about = json.loads((tmp_path / "one/encoder.json").read_text(encoding="utf-8"))
    assert about["how"]["kind"] == "restoration" and about["how"]["images"] == 3
    assert str(tmp_path) not in json.dumps(about)
    model = create_model("unet", encoder_args={"pretrained": str(tmp_path / "one")})
    fresh = create_model("unet", encoder_args={"pretrained": False})
    name = "stages.0.0.0.weight"
    assert not torch.equal(model.encoder.state_dict()[name], fresh.encoder.state_dict()[name])
    assert command(tmp_path / "one") == 1
    assert "is there already" in capsys.readouterr().err
