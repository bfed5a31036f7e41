"""Trunks with batch norm: what they normalise by in evaluation is what they met in training."""

import pytest
import torch
from torch import Tensor, nn

from lexseg.encoders.image import create_image_encoder

STEPS = 250
GROWTH = 1.002  # of every convolution's weights, a step: what training does to them, without its cost


@pytest.mark.slow
@pytest.mark.parametrize("name", ["efficientnet-lite0", "mscan-tiny", "res2net-50", "clip-resnet50"])
def test_running_statistics_keep_up_with_training(name: str) -> None:
    """After 250 steps of weights that grow; TensorFlow's momentum of 0.01 leaves the variances behind by half."""
    torch.manual_seed(0)
    encoder = create_image_encoder(name, pretrained=False).train()
    image = torch.randn(2, 3, 32, 32)
    norms = [m for m in encoder.modules() if isinstance(m, nn.BatchNorm2d)]
    weights = [m.weight for m in encoder.modules() if isinstance(m, nn.Conv2d)]
    met: dict[nn.Module, Tensor] = {}
    with torch.no_grad():
        for _ in range(STEPS):
            torch._foreach_mul_(weights, GROWTH)
            encoder(image)
        for norm in norms:
            norm.register_forward_pre_hook(
                lambda norm, given: met.__setitem__(norm, given[0].transpose(0, 1).flatten(1))
            )
        encoder(image)
        behind = [(n.running_var / met[n].var(1).clamp(min=1e-12)).log().abs().median() for n in norms]
        aside = [((n.running_mean - met[n].mean(1)).abs() / met[n].std(1).clamp(min=1e-6)).median() for n in norms]
    assert len(norms) == len(met) > 5
    assert float(torch.stack(behind).mean()) < 0.2
    assert float(torch.stack(aside).mean()) < 0.1
