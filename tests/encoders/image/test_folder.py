"""Encoder folders: written, found by the recipes' own keyword, and refused where damaged."""

from pathlib import Path

import pytest
import torch

from lexseg.encoders.image import create_image_encoder
from lexseg.encoders.image.folder import write_encoder
from lexseg.errors import ModelError

NAME = "efficientnet-lite0"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(3)
    write_encoder(tmp_path, create_image_encoder(NAME, pretrained=False), NAME, card="# Card\n", how={"kind": "test"})
    return tmp_path


def test_the_weights_come_back(folder: Path) -> None:
    torch.manual_seed(3)
    expected = create_image_encoder(NAME, pretrained=False).state_dict()
    found = create_image_encoder(NAME, pretrained=str(folder)).state_dict()
    assert found.keys() == expected.keys() and all(found[k].equal(expected[k]) for k in expected)


def test_even_scale_measures_its_own(folder: Path) -> None:
    encoder = create_image_encoder(NAME, pretrained=str(folder), even_scale=True)
    assert len(encoder.even) == 4


def test_another_encoder_is_refused(folder: Path) -> None:
    with pytest.raises(ModelError, match="holds a efficientnet-lite0, but the recipe's encoder is 'mscan-tiny'"):
        create_image_encoder("mscan-tiny", pretrained=str(folder))


def test_damage_is_found(folder: Path) -> None:
    weights = folder / "encoder.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 255]))
    with pytest.raises(ModelError, match="damaged"):
        create_image_encoder(NAME, pretrained=str(folder))


def test_weights_that_are_missing(folder: Path) -> None:
    (folder / "encoder.safetensors").unlink()
    with pytest.raises(ModelError, match="missing"):
        create_image_encoder(NAME, pretrained=str(folder))
