"""Maps of where in an image its words are true, from the score of any model that has one: Grad-CAM and M2IB."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from lexseg.encoders.text.batch import TextBatch
from lexseg.errors import ConfigError
from lexseg.training.weak.scored import Scored

SaliencyKind = Literal["own", "grad-cam", "m2ib", "mask"]
LEVEL = 2
"""The stage that is read: the third, at stride 16."""


@dataclass(frozen=True, slots=True)
class M2IBOptions:
    """Of the information bottleneck.

    Attributes:
        beta: weight of what is let through.
        steps: of the optimiser, and ``rate`` its learning rate.
        copies: with noises of their own, at each step.
        seed: of the noises.
    """

    beta: float = 1.0
    steps: int = 10
    rate: float = 1.0
    copies: int = 10
    seed: int = 0


def available(scored: Scored) -> tuple[SaliencyKind, ...]:
    """The maps that can be made; the first is the default where many images are asked about, being the fastest."""
    own: tuple[SaliencyKind, ...] = () if scored.own is None else ("own",)
    mask: tuple[SaliencyKind, ...] = () if scored.mask is None else ("mask",)
    return (*own, "m2ib", "grad-cam", *mask)


def saliency(
    scored: Scored,
    images: Tensor,
    sentences: Sequence[str | None],
    kind: SaliencyKind,
    *,
    spread: "FeatureSpread | None" = None,
    m2ib: M2IBOptions | None = None,
) -> Tensor:
    """Maps float[B, h, w] of the sentences, as coarse as the model has them, on no fixed scale.

    Args:
        scored: the model.
        images: float[B, 3, H, W] at the model's size (:meth:`Scored.prepared`).
        sentences: one an image.
        kind: ``own``: the model's own map (cosines of towers, relevance of TMCA); ``grad-cam``; ``m2ib``; ``mask``: the
            probability of its mask.
        spread: of the features, for M2IB; ``None`` takes that of these images.
        m2ib: its options.

    Raises:
        ConfigError: the model cannot make maps of that kind.
    """
    if kind not in available(scored):
        raise ConfigError(f"{scored.name} makes no map {kind!r}; it makes {', '.join(available(scored))}")
    text = scored.texts(sentences)
    if kind in ("own", "mask"):
        made = scored.own if kind == "own" else scored.mask
        assert made is not None
        with torch.no_grad():
            return made(images, text)[:, 0].float()
    if kind == "grad-cam":
        return grad_cam(scored, images, text)
    spread = spread or spread_of(scored, [images], [text])
    rows = [(images[i : i + 1], [sentences[i]]) for i in range(len(images))]
    return torch.cat([information(scored, image, said, spread, m2ib or M2IBOptions()) for image, said in rows])


def grad_cam(scored: Scored, images: Tensor, text: TextBatch) -> Tensor:
    """ReLU(sum_c w_c z_c) with w_c the mean gradient of the score in channel c (Selvaraju et al. 2017): float[B, h, w].

    The score is on its own scale; a map may be empty, where nothing speaks for the words.
    """
    kept: list[Tensor] = []

    def leaf(z: Tensor) -> Tensor:
        kept.append(z.detach().requires_grad_())
        return kept[-1]

    with torch.enable_grad(), _gated(scored, leaf):
        score = scored.score(images, text).float().sum()
        (gradient,) = torch.autograd.grad(score, kept[0])
    weight = gradient.mean((2, 3), keepdim=True)
    return F.relu((weight * kept[0]).sum(1)).detach().float()


@dataclass(frozen=True, slots=True)
class FeatureSpread:
    """Features of a data set. Attributes: mean, std: float[1, C, 1, 1], of each channel."""

    mean: Tensor
    std: Tensor


@torch.no_grad()
def spread_of(scored: Scored, images: Sequence[Tensor], texts: Sequence[TextBatch]) -> FeatureSpread:
    """Mean and standard deviation of each channel over batches of images."""
    kept: list[Tensor] = []

    def look(z: Tensor) -> Tensor:
        kept.append(z.float().transpose(0, 1).flatten(1))
        return z

    with _gated(scored, look):
        for batch, text in zip(images, texts, strict=True):
            scored.score(batch, text)
    z = torch.cat(kept, 1)
    return FeatureSpread(z.mean(1)[None, :, None, None], z.std(1).clamp(min=1e-6)[None, :, None, None])


def information(
    scored: Scored, image: Tensor, sentence: Sequence[str | None], spread: FeatureSpread, options: M2IBOptions
) -> Tensor:
    """Where the information about the words comes from (M2IB, Wang et al. 2023): float[1, h, w], in nats a cell.

        lam = sigmoid(alpha);  t = mean + std (lam z + (1 - lam) eps),  z standardised by channel
        minimise beta mean(KL(t | N(0, 1))) - score(t)

    Written from the method, not from the code released with MedCLIP-SAMv2: there features are not standardised and the
    setting for it does nothing. Words are encoded once, and so are the stages before the gate, unless words enter them.

    Args:
        scored: the model.
        image: float[1, 3, H, W].
        sentence: the one that is said of it.
        spread: of the features.
        options: of the bottleneck.
    """
    text = scored.texts(list(sentence) * options.copies)
    copies = image.expand(options.copies, -1, -1, -1)
    draw = torch.Generator(device=image.device).manual_seed(options.seed)
    maps = _stages(scored, image, scored.texts(sentence))
    before = [m.expand(options.copies, -1, -1, -1) for m in maps[:LEVEL]]
    z = (maps[LEVEL] - spread.mean) / spread.std
    alpha = torch.full_like(z, 5.0).requires_grad_()
    optimizer = torch.optim.Adam([alpha], lr=options.rate)
    divergence = torch.zeros_like(z)
    for _ in range(options.steps):
        lam = alpha.sigmoid()
        noise = torch.randn(options.copies, *z.shape[1:], generator=draw, device=z.device)
        gated = spread.mean + spread.std * (lam * z + (1 - lam) * noise)
        with _given(scored, before, gated):
            score = scored.score(copies, text).float().mean()
        mean, variance = lam * z, ((1 - lam) ** 2).clamp(min=1e-6)
        divergence = -0.5 * (1 + variance.log() - mean**2 - variance)
        loss = options.beta * divergence.mean() - score
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return divergence.detach().sum(1)


@torch.no_grad()
def _stages(scored: Scored, image: Tensor, text: TextBatch) -> list[Tensor]:
    """What comes out of the stages up to the one that is read."""
    kept: list[Tensor] = []
    stages = list(scored.encoder.stages)[: LEVEL + 1]
    handles = [stage.register_forward_hook(lambda module, inputs, out: kept.append(out)) for stage in stages]
    try:
        scored.score(image, text)
    finally:
        for handle in handles:
            handle.remove()
    return kept


@contextmanager
def _given(scored: Scored, before: Sequence[Tensor], gated: Tensor) -> Iterator[None]:
    """Have the stage that is read give ``gated``, and where words stay out of them, those before it what is known."""
    if not scored.separate:
        with _gated(scored, lambda z: gated):
            yield
        return
    stages = list(scored.encoder.stages)[: LEVEL + 1]
    for stage, out in zip(stages, (*before, gated), strict=True):
        stage.__dict__["forward"] = lambda *_, out=out: out
    try:
        yield
    finally:
        for stage in stages:
            del stage.__dict__["forward"]


@contextmanager
def _gated(scored: Scored, replaced: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Have what comes out of the stage that is read replaced."""
    handle = scored.encoder.stages[LEVEL].register_forward_hook(lambda module, inputs, out: replaced(out))
    try:
        yield
    finally:
        handle.remove()
