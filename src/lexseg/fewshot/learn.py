"""Learning a head over many tasks, so that a few labels are enough for the next one. The features stay as they are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lexseg.cases.case import Case
from lexseg.cases.truth import read_truth
from lexseg.encoders.text.pipeline import TextPipeline
from lexseg.errors import ConfigError, DataError
from lexseg.fewshot.episodes import TaskImage, draw_episode, usable
from lexseg.fewshot.fit import Teacher, TeachingOptions
from lexseg.fewshot.labels import dense
from lexseg.fewshot.support import Example
from lexseg.fewshot.teach import Taught
from lexseg.models.fewshot import FewShot
from lexseg.models.fewshot.heads.base import Head
from lexseg.models.io import LoadedModel, ModelConfig
from lexseg.scans.images import read_image

_TOGETHER = 4  # tasks of a step
_RATE = 2e-3
_REPTILE = 0.1  # how far its start moves towards the mean of the ends


@dataclass(frozen=True, slots=True)
class LearningPlan:
    """How a head is learnt. Attributes: episodes, shots: how many; images: seen of a task at most; seed: of chance."""

    episodes: int = 600
    shots: int = 5
    images: int = 24
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.episodes, self.shots) < 1 or self.images < 2:
            raise ConfigError("episodes and shots of one or more, and two images or more of a task were expected")


@dataclass(frozen=True, slots=True, eq=False)
class Learnt:
    """A model with a head that was learnt over tasks. Attributes: taught; first, last: mean loss of a tenth each."""

    taught: Taught
    first: float
    last: float

    def save(self, folder: Path) -> ModelConfig:
        """Write it as a model folder, to be fitted to a target."""
        return self.taught.save(folder)


def learn(
    base: LoadedModel,
    tasks: Sequence[Sequence[Case]],
    options: TeachingOptions,
    plan: LearningPlan,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Learnt:
    """Learn a head over episodes.

    Gradients of four tasks are averaged for a step of Adam; Reptile's start moves a tenth of the way to the mean of
    where its steps end. A task in which a class has no labelled pixel is drawn anew.

    Args:
        base: the model whose features are used.
        tasks: cases with masks; those of split ``test`` are left alone.
        options: the head, and what it sees.
        plan: how long.
        progress: told how many episodes are done, and of how many.

    Raises:
        ConfigError: the head has nothing to learn.
        DataError: a task has fewer than two images with a target.
    """
    if options.head == "finetune" or base.config.method == FewShot.name:
        raise ConfigError("a head is learnt on a trained model of its own, and `finetune` has nothing to learn")
    teacher = _Learning(base, options)
    images = teacher.embedded(tasks, plan)
    head = teacher.model.head
    rng = np.random.default_rng(plan.seed)
    steps = [p for p in head.parameters() if p.requires_grad]
    optimiser: torch.optim.Optimizer = torch.optim.Adam(steps, lr=_RATE)
    if options.head == "reptile":
        optimiser = torch.optim.SGD(steps, lr=_REPTILE)
    losses: list[float] = []
    with torch.enable_grad():
        for first in range(0, plan.episodes, _TOGETHER):
            optimiser.zero_grad()
            count = min(_TOGETHER, plan.episodes - first)
            for _ in range(count):
                loss = _episode(head, images, rng, plan.shots)
                (loss / count).backward()
                losses.append(float(loss.detach()))
            optimiser.step()
            if progress is not None:
                progress(first + count, plan.episodes)
    tenth = max(1, len(losses) // 10)
    arguments = teacher.arguments | {"learnt": True, "taught": {"images": 0, "pixels": _NONE, "sha256": []}}
    trained = base.text_encoder is not None and base.text_encoder.trainable and "model" in options.parts
    config = ModelConfig(
        method=FewShot.name,
        arguments=arguments,
        size=(options.size, options.size),
        # what reads the words of a target that is taught later
        text_encoder=base.config.text_encoder,
        text_encoder_sha256=None if trained else base.config.text_encoder_sha256,
        laterality=base.config.laterality,
    )
    taught = Taught(teacher.model.eval(), config, None, None)
    return Learnt(taught, float(np.mean(losses[:tenth])), float(np.mean(losses[-tenth:])))


_NONE: dict[str, Any] = {"target": 0, "beside": 0, "unknown": 0}


def _episode(head: Head, images: Sequence[Sequence[TaskImage]], rng: np.random.Generator, shots: int) -> torch.Tensor:
    for _ in range(50):
        support, query = draw_episode(images, rng, shots=shots)
        if usable(support, query):
            return head.task_loss(support, query)
    raise DataError("of fifty tasks that were drawn, none had labels of both classes; are the targets tiny?")


class _Learning(Teacher):
    """Sees whole tasks, through the model whose head is learnt."""

    def __init__(self, base: LoadedModel, options: TeachingOptions) -> None:
        self.base = base
        super().__init__(base, options, unlearnt=True)

    def embedded(self, tasks: Sequence[Sequence[Case]], plan: LearningPlan) -> list[list[TaskImage]]:
        """A task's images, embedded; mean and spread are those of all of them."""
        pipeline = None if self.base.text_encoder is None else TextPipeline(self.base.text_encoder)
        seen = []
        for task in tasks:
            cases = [case for case in task if case.split != "test" and case.mask is not None]
            order = np.random.default_rng(plan.seed).permutation(len(cases))
            own = []
            for place in order:
                case = cases[int(place)]
                mask = read_truth(case)
                if not mask.any() or mask.all():
                    continue
                words = None
                if pipeline is not None and case.text and "model" in self.options.parts:
                    said = pipeline([case.text])
                    if said.attention_mask.shape[1] <= self.model.told.shape[1]:
                        self.model.tell(said)
                        words = self.model.word
                values = self.look(Example.of(read_image(case.image), dense(mask), where=case.where)).values
                own.append((values.half(), mask, words))
                if len(own) == plan.images:
                    break
            if len(own) < 2:
                where = task[0].source if task else "a manifest"
                raise DataError(f"{where}: a task needs two images with a target, outside split 'test'")
            seen.append(own)
        every = torch.cat([values.float().flatten(1)[:, ::61] for own in seen for values, _, _ in own], 1)
        self.model.mean.copy_(every.mean(1))
        self.model.spread.copy_(every.std(1).clamp(min=1e-4))
        self.model.forget()
        with torch.no_grad():
            return [
                [TaskImage(self.model.embedding(v.float()[None])[0].half(), mask, words) for v, mask, words in own]
                for own in seen
            ]
