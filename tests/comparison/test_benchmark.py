"""What methods cost."""

import json
from pathlib import Path

import pytest
import torch

from lexseg.cli.main import main
from lexseg.comparison.benchmark import benchmark, new_sentences
from lexseg.comparison.engines import STAGES, measure_engines
from lexseg.comparison.macs import count_macs
from lexseg.comparison.starts import measure_starts
from lexseg.encoders.image import create_image_encoder
from lexseg.errors import ConfigError, LexSegError


def test_unknown_names_are_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"nothing is called nonsense; choose among .*tmca-lite"):
        benchmark(["tmca-lite", "nonsense"])


def test_no_sentence_comes_twice() -> None:
    sentences = [text for text, _ in zip(new_sentences(), range(500), strict=False)]
    assert len(set(sentences)) == 500
    assert {len(s.split()) for s in sentences} == {13}


@pytest.mark.slow
def test_figures_of_one_method(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["benchmark", "unet-lite", "--repeats", "2", "--threads", "1", "--json", str(tmp_path / "b.json")]) == 0
    (cost,) = json.loads((tmp_path / "b.json").read_text())["methods"]
    encoder = create_image_encoder("efficientnet-lite0", pretrained=False)
    assert cost["parameters"] > sum(p.numel() for p in encoder.parameters())
    assert cost["frozen_text_parameters"] == 0 and cost["reads_words"] is False
    assert 0.2 < cost["gmacs"] < 5
    assert cost["relative_latency"] > 0 and cost["train_images_per_second"] > 0
    assert cost["train_peak_memory_mb"] >= cost["peak_memory_mb"] > 100
    assert "unet-lite" in capsys.readouterr().out


@pytest.mark.slow
def test_engines_are_timed_stage_by_stage_beside_a_recipe_s_network() -> None:
    one, other, peer = measure_engines("default", ["torch", "onnx"], beside=["unet-lite"], threads=1, repeats=2)
    assert (one.engine, other.engine) == ("torch", "onnx")
    assert (peer.name, peer.engine, peer.threads) == ("unet-lite", "torch", 1)
    for cost in (one, other, peer):
        assert set(cost.relative) == set(cost.per_second) == set(STAGES)
    for cost in (one, other):
        assert cost.per_second["eight"] < cost.per_second["sentence"]
    assert other.relative["whole"] < one.relative["whole"]


@pytest.mark.slow
def test_a_cold_start_is_measured_as_a_process_of_its_own() -> None:
    (cost,) = measure_starts("default", ["onnx"], threads=1, repeats=1)
    assert (cost.name, cost.engine, cost.threads) == ("default", "onnx", 1)
    assert cost.processor_seconds > 0 and cost.seconds > 0
    assert 50 < cost.peak_memory_mb < 2000


def test_a_command_that_fails_says_why() -> None:
    with pytest.raises(LexSegError, match="no-such-model"):
        measure_starts("no-such-model", ["onnx"], threads=1)


def test_engines_that_there_are_none_of_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["benchmark", "default", "--engines", "torch,jax"]) == 2
    assert "'jax': expected torch, onnx" in capsys.readouterr().err


def test_multiply_adds_are_counted_as_multiply_adds() -> None:
    conv = torch.nn.Conv2d(3, 8, 3, padding=1)
    assert count_macs(lambda: conv(torch.rand(1, 3, 10, 10))) == 3 * 8 * 9 * 100


def test_a_learnt_input_of_a_module_can_be_counted() -> None:
    """As the learnt queries of FMISeg are."""

    class Slots(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.queries, self.read = torch.nn.Parameter(torch.rand(5, 4)), torch.nn.Linear(4, 3)

        def forward(self) -> torch.Tensor:
            return self.read(self.queries)

    slots = Slots()
    with torch.inference_mode():
        assert count_macs(slots, slots) == 5 * 4 * 3
    assert slots.queries.requires_grad and slots.read.weight.requires_grad


@pytest.mark.parametrize("masked", [False, True])
def test_attention_is_counted(masked: bool) -> None:
    """Queries with keys, and weights with values: the fused kernels of a CPU would count as nothing."""
    tokens = torch.rand(1, 4, 50, 16)
    mask = torch.ones(1, 1, 50, 50, dtype=torch.bool) if masked else None
    attention = torch.nn.functional.scaled_dot_product_attention
    with torch.inference_mode():
        assert count_macs(lambda: attention(tokens, tokens, tokens, attn_mask=mask)) == 2 * 4 * 50 * 50 * 16


def test_a_fused_transformer_layer_is_counted() -> None:
    layer = torch.nn.TransformerEncoderLayer(64, 4, 128, batch_first=True).eval()
    tokens = torch.rand(1, 50, 64)
    expected = 50 * 64 * 64 * 4 + 2 * 50 * 50 * 64 + 2 * 50 * 64 * 128
    fast = torch.backends.mha.get_fastpath_enabled()
    with torch.inference_mode():
        assert count_macs(lambda: layer(tokens)) == expected
    assert torch.backends.mha.get_fastpath_enabled() == fast
