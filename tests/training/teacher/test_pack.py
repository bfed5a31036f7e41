"""What is packed: each thing once, sentences as states alone, absent targets included, and never too much."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from lexseg.encoders.text import create_text_encoder
from lexseg.encoders.text.pipeline import TextPipeline
from lexseg.errors import ConfigError, DataError
from lexseg.scans.images import read_image
from lexseg.scans.masks import read_mask
from lexseg.training.recipe import from_values
from lexseg.training.teacher.batches import Batches
from lexseg.training.teacher.contents import ARRAYS, INDEX, bits, read_pack, unpacked, write_pack
from lexseg.training.teacher.pack import make_pack

from .conftest import EXAMPLES, SMALL


def test_bits_come_back() -> None:
    masks = torch.rand(5, 64, 64, generator=torch.Generator().manual_seed(0)) > 0.6
    assert torch.equal(unpacked(bits(masks), 64)[:, 0].bool(), masks)


def test_images_come_by_the_manifests_shares_with_several_questions_each(pack) -> None:
    shown, asked = pack.times[pack.times > 0], pack.questions(training=True)
    assert float(shown.sum()) == 8 and len(shown) <= 8
    assert 8 < len(asked) <= 16  # two questions for each time that an image is shown, those asked again left out
    rows = torch.stack([pack.image, pack.text, pack.mask], 1)[asked]
    assert len(rows.unique(dim=0)) == len(rows)
    assert set(pack.present[asked].tolist()) == {0.0, 1.0}
    assert len(pack.questions(training=False)) == 8  # two questions about two images of each manifest
    assert bool(pack.located.all())
    filled = unpacked(pack.masks, 64).flatten(1).any(1)[pack.mask.long()]
    assert torch.equal(filled, pack.present == 1)


def test_an_image_and_its_mask_are_those_of_the_files_at_the_packs_size(pack) -> None:
    number = int(pack.questions(training=False)[0])
    whole = read_image(EXAMPLES / "images" / "breast_case093.png")  # the fifth: the first that validates
    truth = read_mask(EXAMPLES / "masks" / "breast_case093.png")
    shown = Batches(pack, from_values({}).augment).pixels(pack.image[[number]].long())[0, 0].numpy()
    assert abs(shown.mean() - whole.mean()) < 0.01 and shown.shape == (64, 64)
    drawn = unpacked(pack.masks[pack.mask[[number]].long()], 64)[0, 0].numpy()
    rows = np.arange(64) * truth.shape[0] // 64 + truth.shape[0] // 128
    columns = np.arange(64) * truth.shape[1] // 64 + truth.shape[1] // 128
    assert (drawn != truth[np.ix_(rows, columns)]).mean() < 0.02 and 0.01 < drawn.mean() < 0.9


def test_states_are_the_encoders_and_the_mirrored_sentence_is_the_mirrored_one(pack) -> None:
    pipeline = TextPipeline(create_text_encoder({"kind": "minilm"}))

    def number(sentence: str) -> int:
        states = pipeline([sentence]).states[0].half()
        lengths = pack.starts.diff()
        same = [i for i in range(1, len(lengths)) if lengths[i] == len(states)]
        close = [i for i in same if torch.allclose(pack.tokens[pack.starts[i] : pack.starts[i + 1]], states, atol=2e-3)]
        assert len(close) == 1
        return close[0]

    left, right = number("mass in the left half of the picture"), number("mass in the right half of the picture")
    assert pack.mirrored[left] == right and pack.mirrored[right] == left
    assert pack.swapped[left].tolist() == [right, -1]
    place = number("polyp in the upper right part")
    assert pack.swapped[place].tolist() == [
        number("polyp in the upper left part"),
        number("polyp in the lower right part"),
    ]
    assert len(pack.starts) == len(pack.caption) + 1 and len(set(pack.caption.tolist())) == len(pack.caption)


def test_no_sentence_and_no_path_is_in_it(folder, manifests) -> None:
    content = b"".join((folder / name).read_bytes() for name in (INDEX, ARRAYS))
    assert b"polyp" not in content and b"mass" not in content and b"breast_case" not in content
    assert str(manifests[0].parent).encode() not in content


def test_sentences_are_no_more_than_asked_for(recipe, tmp_path) -> None:
    make_pack(from_values(recipe), tmp_path / "pack", replace(SMALL, sentences=2, validation=1))
    pack = read_pack(tmp_path / "pack")
    assert len(set(pack.text[pack.questions(training=True)].tolist())) <= 2


def test_what_is_too_large_is_refused_with_its_size_and_leaves_nothing(recipe, tmp_path) -> None:
    told = []
    with pytest.raises(ConfigError, match=r"the pack takes \d+\.\d MiB, more than 5; give fewer --images"):
        make_pack(from_values(recipe), tmp_path / "pack", replace(SMALL, most=5), say=told.append)
    assert any("MiB  arrays.safetensors" in line for line in told) and "MiB in all" in told[-1]
    assert list(tmp_path.iterdir()) == []


def test_a_text_encoder_that_is_trained_along_has_no_states(recipe, tmp_path) -> None:
    with pytest.raises(ConfigError, match="a frozen text encoder"):
        make_pack(from_values(recipe | {"text": {"kind": "word"}}), tmp_path / "pack", SMALL)


def test_missing_states_and_damage_are_told(pack, folder, tmp_path) -> None:
    write_pack(tmp_path, pack)
    arrays = load((tmp_path / ARRAYS).read_bytes())
    del arrays["tokens"]
    (tmp_path / ARRAYS).write_bytes(save(arrays))
    with pytest.raises(DataError, match="damaged"):
        read_pack(tmp_path)
    index = json.loads((tmp_path / INDEX).read_text())
    import hashlib

    index["sha256"] = hashlib.sha256((tmp_path / ARRAYS).read_bytes()).hexdigest()
    (tmp_path / INDEX).write_text(json.dumps(index))
    with pytest.raises(DataError, match="without tokens; make it anew"):
        read_pack(tmp_path)
    (tmp_path / INDEX).write_text(json.dumps(index | {"format": 9}))
    with pytest.raises(DataError, match="another version"):
        read_pack(tmp_path)
    with pytest.raises(DataError, match="`lexseg teacher pack` makes one"):
        read_pack(tmp_path / "nowhere")
