"""Training from a pack, for some minutes: everything on one device, and nothing read on the way."""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.errors import ConfigError, LexSegError
from lexseg.metrics.overlap import dice_from_counts, pixel_counts
from lexseg.models.base import SegmentationModel
from lexseg.training.config import OptimizerConfig
from lexseg.training.optimizer import build_optimizer
from lexseg.training.teacher.batches import Batches

_SPEAK = 15.0  # seconds between two lines
_SCHEDULE = 10_000  # parts that the schedule is divided into, whatever the number of steps

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class FitOptions:
    """How long, and how much at a time.

    Attributes:
        minutes: after which training ends; the schedule ends with it.
        steps: after which it ends, if that is sooner; 0 is never.
        images: in a batch, and ``each``: questions about an image.
        size: side of the input in pixels; 0 is the pack's.
        precision: ``bf16`` or ``32``.
        ema: decay of the running average of the weights, which is what is kept.
    """

    minutes: float = 8.0
    steps: int = 0
    images: int = 32
    each: int = 2
    size: int = 0
    precision: str = "bf16"
    ema: float = 0.998

    def __post_init__(self) -> None:
        for name, value in (("minutes", self.minutes), ("images", self.images), ("each", self.each)):
            if not value > 0:
                raise ConfigError(f"{name} is {value:g}; a number above 0 was expected")
        if self.size % 32 or self.size < 0 or self.steps < 0:
            raise ConfigError(
                f"size is {self.size}, steps {self.steps}; a multiple of 32 and no negative number please"
            )
        if self.precision not in ("bf16", "32") or not 0 <= self.ema < 1:
            raise ConfigError(f"precision is {self.precision}, ema {self.ema:g}; bf16 or 32, and a share were expected")


@dataclass(frozen=True, slots=True)
class Answers:
    """What a model says of questions.

    Attributes:
        probability: uint8[n, S, S], of every pixel, in 255ths.
        presence: float32[n], logit of "it is there"; NaN where the model does not say.
    """

    probability: Tensor
    presence: Tensor


def fit(
    model: SegmentationModel, batches: Batches, optimizer: OptimizerConfig, options: FitOptions, say: Say = print
) -> SegmentationModel:
    """Train until the time is over.

    Args:
        model: on the device of ``batches``.
        batches: where they come from.
        optimizer: rates; their schedule follows the time that has passed, or the steps that are done.
        options: how long.
        say: told how it goes, now and then.

    Returns:
        the running average of the model, ready to answer.

    Raises:
        LexSegError: the loss is no longer a number.
    """
    kind = batches.device.type
    model.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = copy.deepcopy(model).eval().requires_grad_(False)
    adam, schedule = build_optimizer(model, optimizer, _SCHEDULE)
    peaks, factor = schedule.base_lrs, schedule.lr_lambdas[0]
    began = spoken = time.monotonic()
    step, done = 0, 0.0
    while done < 1:
        for group, peak in zip(adam.param_groups, peaks, strict=True):
            group["lr"] = peak * factor(round(done * _SCHEDULE))
        image, text, target = batches.draw(options.images, options.each, options.size or None)
        with torch.autocast(kind, dtype=torch.bfloat16, enabled=options.precision == "bf16"):
            losses = model.training_losses(image.contiguous(memory_format=torch.channels_last), text, target)
        loss = torch.stack([value.float() for value in losses.values()]).sum()
        adam.zero_grad(set_to_none=True)
        loss.backward()
        if optimizer.clip:
            nn.utils.clip_grad_norm_(model.parameters(), optimizer.clip)
        adam.step()
        step += 1
        _follow(average, model, min(options.ema, step / (10 + step)))
        now = time.monotonic()
        done = (now - began) / (60 * options.minutes)
        done = max(done, step / options.steps) if options.steps else done
        if now - spoken > _SPEAK or done >= 1:
            if not bool(torch.isfinite(loss)):
                raise LexSegError(f"the loss is not finite at step {step}; give a lower optimizer.lr")
            say(f"{now - began:5.0f} s, step {step:,}: loss {float(loss):.3f}")
            spoken = now
    return average


@torch.no_grad()
def answer(
    model: SegmentationModel,
    batches: Batches,
    questions: Tensor,
    *,
    size: int = 0,
    precision: str = "32",
    together: int = 32,
) -> Answers:
    """Ask a model questions of a pack.

    Args:
        model: on the device of ``batches``.
        batches: with the pack; its images are asked about as they are.
        questions: int64[n].
        size: side of the input in pixels, as it was in training; 0 is the pack's, which the answers have in any case.
        precision: ``bf16`` or ``32``.
        together: how many at a time.
    """
    model.eval()
    pack, probability, presence = batches.pack, [], []
    for some in questions.to(batches.device).split(together):
        image = _sized(batches.pixels(pack.image[some].long()), size or pack.size)
        image = image.contiguous(memory_format=torch.channels_last)
        with torch.autocast(batches.device.type, dtype=torch.bfloat16, enabled=precision == "bf16"):
            said = model(image, batches.sentences(pack.text[some].long(), swapped=False))
        inside = _sized(said.logits.float().sigmoid(), pack.size)
        probability.append((inside[:, 0] * 255).round().to(torch.uint8).cpu())
        there = said.presence if said.presence is not None else torch.full((len(some),), torch.nan)
        presence.append(there.float().cpu())
    return Answers(torch.cat(probability), torch.cat(presence))


def scored(answers: Answers, batches: Batches, questions: Tensor) -> dict[str, float]:
    """How right the answers are, at the pack's size and a threshold of one half.

    Returns:
        ``dice`` (per image) and ``pooled`` of the ``n_present`` targets that are there and drawn, and ``empty``, the
        share of the ``n_absent`` absent ones whose mask is empty.
    """
    pack = batches.pack
    mine = questions.to(batches.device)
    truth = batches.masks(pack.mask[mine]).cpu() > 0.5
    present, located = pack.present[mine].cpu(), pack.located[mine].cpu()
    there, absent = (present == 1) & located, present == 0
    scores = {"n_present": float(there.sum()), "n_absent": float(absent.sum())}
    if there.any():
        logits = answers.probability[there].float()[:, None] - 127.5
        counts = [pixel_counts(said, one) for said, one in zip(logits.split(1), truth[there].split(1), strict=True)]
        scores["dice"] = float(dice_from_counts(torch.stack(counts)).double().mean())
        scores["pooled"] = float(dice_from_counts(torch.stack(counts).sum(0)))
    if absent.any():
        scores["empty"] = float((answers.probability[absent].flatten(1).amax(1) < 128).double().mean())
    return scores


def _sized(image: Tensor, size: int) -> Tensor:
    if image.shape[-1] == size:
        return image
    return F.interpolate(image, size=(size, size), mode="bilinear", antialias=True, align_corners=False)


@torch.no_grad()
def _follow(average: nn.Module, model: nn.Module, decay: float) -> None:
    for kept, new in zip(average.state_dict().values(), model.state_dict().values(), strict=True):
        if kept.is_floating_point():
            kept.lerp_(new, 1 - decay)
        else:
            kept.copy_(new)
