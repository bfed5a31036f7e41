"""What methods cost."""

import json
from pathlib import Path

import pytest
import torch

from lexseg.cli.main import main
from lexseg.encoders import create_image_encoder
from lexseg.errors import ConfigError
from lexseg.evaluation.benchmark import _sentences, benchmark


def test_unknown_names_are_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"nothing is called nonsense; choose among .*tmca-lite"):
        benchmark(["tmca-lite", "nonsense"])


def test_no_sentence_comes_twice() -> None:
    sentences = [text for text, _ in zip(_sentences(), range(500), strict=False)]
    assert len(set(sentences)) == 500
    assert {len(s.split()) for s in sentences} == {13}


@pytest.mark.slow
def test_figures_of_one_method(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["benchmark", "unet-lite", "--repeats", "2", "--threads", "1", "--json", str(tmp_path / "b.json")]) == 0
    (cost,) = json.loads((tmp_path / "b.json").read_text())["methods"]
    encoder = create_image_encoder("efficientnet-lite0", pretrained=False)
    assert cost["parameters"] > sum(p.numel() for p in encoder.parameters())
    assert cost["frozen_text_parameters"] == 0
    assert 0.2 < cost["gmacs"] < 5
    assert cost["relative_latency"] > 0 and cost["train_images_per_second"] > 0
    assert cost["train_peak_memory_mb"] >= cost["peak_memory_mb"] > 100
    assert "unet-lite" in capsys.readouterr().out


def test_multiply_adds_are_counted_as_multiply_adds() -> None:
    """The counter counts two operations for each; a convolution of known cost says whether we halve rightly."""
    from torch.utils.flop_counter import FlopCounterMode

    conv = torch.nn.Conv2d(3, 8, 3, padding=1)
    with FlopCounterMode(display=False) as counter:
        conv(torch.rand(1, 3, 10, 10))
    assert counter.get_total_flops() / 2 == 3 * 8 * 9 * 100
