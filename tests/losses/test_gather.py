"""Two devices with half of the batch each must learn what one learns with all of it."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, distributed, multiprocessing
from torch.nn import functional as F

from lexseg.losses.gather import gathered, gathered_words
from lexseg.losses.target import Target
from lexseg.losses.vision_language import region_loss

B = 6


def loss_of(weight: Tensor, rows: slice) -> Tensor:
    """The region loss of some rows of one batch, their embeddings made by weights that are learnt."""
    generator = torch.Generator().manual_seed(0)
    pixels, sentence = torch.randn(B, 5, 4, 4, generator=generator), torch.randn(B, 5, generator=generator)
    mask = (torch.rand(B, 1, 8, 8, generator=generator) > 0.5).float()
    mask[1] = 0
    caption, null = torch.tensor([0, 1, 2, 0, 4, 2]), torch.tensor([False] * 4 + [True, False])
    target = Target(mask[rows], weight=torch.arange(1.0, B + 1)[rows], region=torch.tensor([5, 6, 7, 8, 9, 5])[rows])
    pixels = F.normalize(torch.einsum("bdhw,de->behw", pixels[rows], weight), dim=1)
    sentence = F.normalize(sentence[rows] @ weight.T, dim=1)
    return region_loss(pixels, sentence, target, null[rows], caption[rows])


def start() -> Tensor:
    return (torch.eye(5) + 0.1).requires_grad_()


def half(rank: int, folder: str) -> None:
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    weight = start()
    loss = loss_of(weight, slice(rank * B // 2, (rank + 1) * B // 2))
    loss.backward()
    assert weight.grad is not None
    distributed.all_reduce(weight.grad)
    words, mask = gathered_words(
        torch.full((1, 2 + rank, 1), float(rank + 1)), torch.ones(1, 2 + rank, dtype=torch.bool)
    )
    found = {"loss": loss.detach(), "grad": weight.grad / 2, "words": words[..., 0], "mask": mask}
    torch.save(found, f"{folder}/{rank}.pt")
    distributed.destroy_process_group()


@pytest.mark.slow
def test_two_devices_contrast_the_whole_batch(tmp_path: Path) -> None:
    multiprocessing.spawn(half, (str(tmp_path),), nprocs=2)
    weight = start()
    loss = loss_of(weight, slice(0, B))
    loss.backward()
    for rank in range(2):
        found = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        torch.testing.assert_close(found["loss"], loss.detach())
        torch.testing.assert_close(found["grad"], weight.grad)
        assert found["words"].tolist() == [[1, 1, 0], [2, 2, 2]]
        assert found["mask"].tolist() == [[True, True, False], [True, True, True]]


def test_one_device_keeps_what_it_has() -> None:
    x = torch.randn(3, 2)
    assert gathered(x) is x
