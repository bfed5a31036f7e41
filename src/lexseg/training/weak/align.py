"""Alignment: an image encoder and a text encoder brought into one space by images and sentences, without masks."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from lexseg.encoders.text import create_text_encoder
from lexseg.encoders.text.base import TextEncoder
from lexseg.encoders.text.pipeline import TextPipeline
from lexseg.errors import ConfigError
from lexseg.language.sides import mentions_side
from lexseg.losses.dhn_nce import dhn_nce
from lexseg.losses.named_parts import named_parts_loss
from lexseg.models.device import device_of
from lexseg.models.towers import Pooling, Towers
from lexseg.training.augment import AugmentConfig
from lexseg.training.beside import descend, warmed_cosine
from lexseg.training.dataset import CaseDataset, augmented
from lexseg.training.weak.folder import write_towers
from lexseg.training.weak.pairs import Draw, Near, Pairs, no_negatives, parts_of, read_pairs

_WARMUP = 0.1  # share of the steps
VALIDATED = 200
"""Validation images that are looked for, at most."""
_CALM = AugmentConfig(drop_text=0.0, zoom=(0.9, 1.15), shift=0.05, rotate=5.0)
"""What moves little: a sentence's places must stay true."""


@dataclass(frozen=True)
class AlignConfig:
    """How towers are aligned.

    Attributes:
        cases: manifests. Their masks are never opened.
        text_column: columns of the sentence; the first wording is read.
        ids, split_file: a list of training cases, and splits in place of the manifests'.
        phrase: said of every image in place of its sentence, where only labels (``present``) are to be believed.
        near: captions that are no negatives of one another: those of the same ``places``, or only ``equal`` ones.
        encoder, encoder_args: the image encoder and its keywords.
        text: the text encoder; one with ``trainable: true`` is trained along.
        dim, positions, pooling: of :class:`lexseg.models.towers.Towers`.
        size: side in pixels of the square that images are stretched to.
        batch: images in a batch.
        steps: of the optimiser.
        lr: peak rate of all that starts from nothing; ``encoder_lr`` times it is the image encoder's, which stays as it
            is where that is 0: much faster, and no encoder to start from comes of it.
        weight_decay: of the optimiser.
        beta: of :func:`lexseg.losses.dhn_nce.dhn_nce`, both ways.
        parts: weight of :func:`lexseg.losses.named_parts.named_parts_loss` on where images attend.
        mirror: share of images that are mirrored, their words swapped.
        seed: all randomness is a function of it.
    """

    cases: list[str] = field(default_factory=list)
    text_column: list[str] = field(default_factory=lambda: ["text"])
    ids: str = ""
    split_file: str = ""
    phrase: str = ""
    near: Near = "places"
    encoder: str = "efficientnet-lite0"
    encoder_args: Mapping[str, Any] = field(default_factory=dict)
    text: Mapping[str, Any] = field(default_factory=lambda: {"kind": "minilm"})
    dim: int = 256
    positions: bool = True
    pooling: Pooling = "map+words"
    size: int = 128
    batch: int = 64
    steps: int = 400
    lr: float = 1e-3
    encoder_lr: float = 0.3
    weight_decay: float = 0.05
    beta: float = 0.15
    parts: float = 0.0
    mirror: float = 0.5
    seed: int = 0


def check(config: AlignConfig) -> None:
    """Refuse what cannot be used.

    Raises:
        ConfigError: naming the setting, its value and what was expected.
    """
    wrong = []
    if config.size <= 0 or config.size % 32:
        wrong.append(f"size is {config.size}; a side divisible by 32 was expected")
    if config.batch < 2:
        wrong.append(f"batch is {config.batch}; at least 2 images were expected, or there is nothing to tell apart")
    if config.steps < 1:
        wrong.append(f"steps is {config.steps}; at least 1 was expected")
    if not 0 < config.lr < 1:
        wrong.append(f"lr is {config.lr}; a number between 0 and 1 was expected")
    if config.dim < 4 or config.dim % 4:
        wrong.append(f"dim is {config.dim}; a number divisible by 4 was expected")
    if not 0 <= config.parts < float("inf"):
        wrong.append(f"parts is {config.parts}; a weight of at least 0 was expected")
    if config.parts and "map" not in config.pooling:
        wrong.append(f"parts is {config.parts} and pooling {config.pooling!r}; a pooling with map was expected")
    if not 0 <= config.mirror <= 1:
        wrong.append(f"mirror is {config.mirror}; a share from 0 to 1 was expected")
    if wrong:
        raise ConfigError("\n".join(wrong))


def align(
    config: AlignConfig,
    output: Path,
    *,
    device: str | None = None,
    say: Callable[[str], None] = print,
) -> Path:
    """Train towers and leave them as an encoder folder.

    Args:
        config: the pairs, the towers and how long.
        output: the folder to make, of which nothing is there yet.
        device: where to train; ``None`` is a GPU where there is one.
        say: told how it goes.

    Returns:
        ``output``: ``encoder.safetensors`` for any recipe, ``towers.safetensors`` for maps of what words mean.

    Raises:
        ConfigError, DataError, ModelError, TextError: what was given cannot be used.
    """
    check(config)
    place = device_of(device)
    training, validation = read_pairs(
        [Path(path) for path in config.cases],
        text_columns=config.text_column,
        phrase=config.phrase,
        ids=config.ids,
        split_file=config.split_file,
        seed=config.seed,
    )
    torch.manual_seed(config.seed)
    towers, encoder = build(config)
    pipeline = TextPipeline(encoder.to(place), memory_limit=1 << 30)
    towers.to(place)
    say(
        f"{len(training):,} images with {len(set(training.key)):,} different sentences, no masks; "
        f"{sum(p.numel() for p in towers.parameters() if p.requires_grad) / 1e6:.1f} M trained parameters; {place}"
    )
    _fit(towers, training, config, pipeline, place, say)
    scores = retrieval(towers, validation, config, pipeline, place)
    if scores is not None:
        say(
            f"validation: the right sentence of {scores['sentences']} is nearest for {scores['top1']:.1%} of "
            f"{scores['images']} images (by chance {1 / scores['sentences']:.1%})"
        )
    how = {"kind": "align", "images": len(training), "sentences": len(set(training.key)), "validation": scores}
    settings = {
        key: value for key, value in asdict(config).items() if key not in ("cases", "phrase", "ids", "split_file")
    }
    sides = {case.laterality for case in training.cases if mentions_side(case.text)}
    write_towers(
        output,
        towers,
        encoder,
        config.encoder,
        size=config.size,
        laterality=sides.pop() if len(sides) == 1 else None,
        how=how | {"settings": settings},
    )
    return output


def build(config: AlignConfig) -> tuple[Towers, TextEncoder]:
    """Towers and the text encoder that reads their sentences, before training."""
    trainable = bool(config.text.get("trainable"))
    encoder = create_text_encoder(config.text, pretrained=not trainable)
    towers = Towers(
        encoder=config.encoder,
        encoder_args=config.encoder_args,
        text_width=encoder.width,
        text_encoder=encoder.config() if trainable else None,
        dim=config.dim,
        positions=config.positions,
        pooling=config.pooling,
    )
    own = towers.text_input.encoder
    return towers, encoder if own is None else own


def _fit(
    towers: Towers,
    pairs: Pairs,
    config: AlignConfig,
    pipeline: TextPipeline,
    place: torch.device,
    say: Callable[[str], None],
) -> None:
    image = list(towers.encoder.parameters())
    known = {id(p) for p in image}
    rest = [p for p in towers.parameters() if id(p) not in known and p.requires_grad]
    parts, rates = [rest], [config.lr]
    if config.encoder_lr:
        parts, rates = [image, rest], [config.lr * config.encoder_lr, config.lr]
    towers.encoder.requires_grad_(bool(config.encoder_lr))
    groups = [{"params": part, "lr": rate} for part, rate in zip(parts, rates, strict=True)]
    optimizer = torch.optim.AdamW(groups, weight_decay=config.weight_decay)
    schedule = warmed_cosine(optimizer, config.steps, _WARMUP)
    augment = replace(_CALM, mirror=config.mirror)
    drawn = Draw(pairs, config.batch, config.seed)
    towers.train()
    towers.encoder.train(bool(config.encoder_lr))
    running = 0.0
    for step in range(config.steps):
        indices = drawn(step)
        cases, belong = [pairs.cases[i] for i in indices], torch.tensor([pairs.belong[i] for i in indices])
        source = (config.seed, step)
        samples = [augmented([c], augment, (config.size, config.size), (*source, c.id))[0] for c in cases]
        images = torch.stack([s.image.expand(3, -1, -1) for s in samples]).to(place)
        texts = [s.text for s in samples]
        ignore = no_negatives(texts, belong, config.near)
        seen, sentence = towers.see(images), towers.sentence(pipeline(texts).to(place))
        beta, tau = (config.beta, config.beta), towers.temperature()
        similarities = towers.likenesses(seen, sentence)
        losses = [dhn_nce(s, tau, beta=beta, ignore=ignore.to(place), pairs=belong.to(place)) for s in similarities]
        loss = torch.stack(losses).sum()
        if config.parts:
            named, placed = parts_of([s.text for s in samples], [c.laterality for c in cases], belong)
            loss = loss + config.parts * named_parts_loss(seen.attention, named.to(place), placed.to(place))
        descend(loss, towers.parameters(), optimizer, schedule)
        running = loss.item() if step == 0 else 0.95 * running + 0.05 * loss.item()
        if (step + 1) % max(1, config.steps // 10) == 0:
            say(f"step {step + 1} of {config.steps}: loss {running:.3f}, temperature {towers.temperature().item():.3f}")
    towers.eval()


@torch.no_grad()
def retrieval(
    towers: Towers, pairs: Pairs, config: AlignConfig, pipeline: TextPipeline, place: torch.device
) -> dict[str, Any] | None:
    """How often an image's own sentence is the nearest of all that validation knows; ``None`` without two of them."""
    chosen = [i for i, there in enumerate(pairs.belong) if there][:VALIDATED]
    keys = list(dict.fromkeys(pairs.key[i] for i in chosen))
    if len(keys) < 2:
        return None
    text = {pairs.key[i]: pairs.cases[i].text for i in reversed(chosen)}
    sentences = towers.sentence(pipeline([text[key] for key in keys]).to(place))
    dataset = CaseDataset([pairs.cases[i] for i in chosen], (config.size, config.size))
    right = 0
    for place_in, index in enumerate(chosen):
        image = dataset[place_in].image.expand(3, -1, -1)[None].to(place)
        nearest = int(towers.likeness(towers.see(image), sentences)[0].argmax())
        right += keys[nearest] == pairs.key[index]
    return {"images": len(chosen), "sentences": len(keys), "top1": right / len(chosen)}
