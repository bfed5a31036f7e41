"""A teacher that is told whether its masks helped, and mixed objects for the student.

Meta pseudo labels (Pham et al., CVPR 2021) for pixels, with the mixing of :mod:`lexseg.training.regimes.object_mix`:
"SM2C-style". Of SM2C (Wang and Zhu, arXiv 2403.16009) neither code nor body was to be had; what is told of one step
comes from public code of meta pseudo labels (FOUND), and all that concerns pixels and words is OURS.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lexseg.encoders.text.batch import TextBatch, no_sentences
from lexseg.losses.segmentation import segmentation_losses
from lexseg.losses.target import Target
from lexseg.models.base import SegmentationModel
from lexseg.training.batch import Batch
from lexseg.training.config import TrainConfig
from lexseg.training.optimizer import build_optimizer
from lexseg.training.regimes.base import Regime
from lexseg.training.regimes.object_mix import ObjectMix
from lexseg.training.regimes.stream import Unlabelled


class MetaPseudo(Regime):
    """The student learns from the teacher's masks alone; the teacher learns whether they made the student better.

        h = loss of the student on labels before its step, minus after it      (above 0: the masks helped)
        teacher: its own losses + w agreement of its two views + (h - mean of h) loss of its own masks

    A common port takes after minus before, beside a line that says it should be the other way round; here h is before
    minus after, and a test holds its sign. The student is what is saved, averaged. Both begin on labels alone, and the
    student ends on them.

    Args:
        model, config: as of every regime.
        begin: share of the steps at which the teacher begins to teach.
        end: share of the steps from which on the student learns from labels alone again.
        sure: a pixel of the teacher's first view counts in its own agreement where its probability, or that of the
            contrary, is at least so much.
        meta: whether the teacher is told of h; false is the control.
        mosaic, paste, shape: the parts of the mixing.
    """

    one_device: ClassVar[bool] = True

    def __init__(
        self,
        model: SegmentationModel,
        config: TrainConfig,
        *,
        begin: float = 0.2,
        end: float = 0.85,
        sure: float = 0.6,
        meta: bool = True,
        mosaic: bool = True,
        paste: bool = True,
        shape: bool = True,
    ) -> None:
        super().__init__(model, config)
        if not 0 <= begin < end <= 1:
            raise ValueError(f"begin and end are shares of the steps, the smaller first, not {begin} and {end}")
        self.begin, self.end = round(begin * self.steps), round(end * self.steps)
        self.sure, self.meta, self.mix = sure, meta, ObjectMix(mosaic, paste, shape)
        self.master = deepcopy(model)
        self.loss_names = (*model.loss_names, "pseudo")
        self.mean = 0.0
        self.h = 0.0
        self._before: Tensor | None = None
        self._taught: Target | None = None
        self._optimizer: torch.optim.Optimizer | None = None
        self._schedule: torch.optim.lr_scheduler.LambdaLR | None = None
        self._restored: Mapping[str, Any] = {}

    def modules(self) -> dict[str, nn.Module]:
        return {"teacher": self.master}

    def start(self) -> None:
        self._optimizer, self._schedule = build_optimizer(self.master, self.config.optimizer, self.steps)
        if self._restored:
            self._optimizer.load_state_dict(self._restored["optimizer"])
            self._schedule.load_state_dict(self._restored["schedule"])

    def state(self) -> Mapping[str, Any]:
        assert self._optimizer is not None and self._schedule is not None
        optimizer, schedule = self._optimizer.state_dict(), self._schedule.state_dict()
        return {"mean": self.mean, "optimizer": optimizer, "schedule": schedule}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.mean, self._restored = float(state["mean"]), state
        if self._optimizer is not None:
            self.start()

    def reads(self, step: int) -> bool:
        """Where the student learns from the teacher."""
        return self.begin <= step < self.end

    def losses(self, labelled: Batch, unlabelled: Unlabelled | None, step: int) -> dict[str, Tensor]:
        assert unlabelled is not None
        if not self.reads(step):
            losses = self.model.training_losses(labelled.image, labelled.text, labelled.target)
            return losses | {"pseudo": 0 * torch.stack(list(losses.values())).sum()}
        with torch.no_grad():
            found = self.master.eval()(unlabelled.image, unlabelled.text).logits
        mask = (found > 0).float()
        self._taught = Target(mask, unlabelled.valid)
        self._before = self._on_labels(labelled)
        image, text, valid = unlabelled.back(unlabelled.second), unlabelled.text, unlabelled.valid
        if self.mix.mixes:  # no sentence is true of what is mixed
            image, mask, valid = self.mix(image, mask, valid, self.generator(step, "mix"))
            logits = self.model(image, no_sentences(text, len(image))).logits
        else:
            logits = unlabelled.back(self.model(unlabelled.second, unlabelled.second_text).logits)
        pseudo = _loss(logits, Target(mask, valid))
        return dict.fromkeys(self.model.loss_names, 0 * pseudo) | {"pseudo": pseudo}

    def after_step(self, labelled: Batch, unlabelled: Unlabelled | None, step: int) -> None:
        """Teach the teacher: a step along how much the student has gained by its labels."""
        assert unlabelled is not None and self._optimizer is not None and self._schedule is not None
        teacher = self.master.train()
        with torch.enable_grad():
            total = torch.stack(
                list(teacher.training_losses(labelled.image, labelled.text, labelled.target).values())
            ).sum()
            if self.reads(step):
                total = total + self.teaching(labelled, unlabelled, step)
            self._optimizer.zero_grad()
            total.backward()
        if self.config.optimizer.clip:
            nn.utils.clip_grad_norm_(teacher.parameters(), self.config.optimizer.clip)
        self._optimizer.step()
        self._schedule.step()

    def teaching(self, labelled: Batch, unlabelled: Unlabelled, step: int) -> Tensor:
        """What the teacher learns of unlabelled images: to agree with itself, and what h says of its masks."""
        assert self._before is not None and self._taught is not None
        second = unlabelled.back(self.master(unlabelled.second, unlabelled.second_text).logits).float()
        with torch.no_grad():
            soft = self.master(unlabelled.image, unlabelled.text).logits.float().sigmoid()
        sure = (torch.maximum(soft, 1 - soft) >= self.sure) & unlabelled.valid
        agree = F.binary_cross_entropy_with_logits(second, soft, reduction="none")
        loss = self.weight(step) * (agree * sure).sum() / sure.sum().clamp(min=1)
        if not self.meta:
            return loss
        h = float((self._before - self._on_labels(labelled)).clamp(-1, 1))
        self.h, self.mean = h - self.mean, 0.99 * self.mean + 0.01 * h
        own = F.binary_cross_entropy_with_logits(second, self._taught.mask, reduction="none")
        return loss + self.h * (own * unlabelled.valid).sum() / unlabelled.valid.sum().clamp(min=1)

    @torch.no_grad()
    def _on_labels(self, labelled: Batch) -> Tensor:
        """The student's loss on the labels, one number: Dice and cross-entropy, as in evaluation."""
        training = self.model.training
        text: TextBatch = labelled.text
        logits = self.model.eval().decode(self.model.encode_for(labelled.image, text), text).logits
        self.model.train(training)
        return _loss(logits, labelled.target)


def _loss(logits: Tensor, target: Target) -> Tensor:
    terms = segmentation_losses(logits, target)
    return terms["dice"] + terms["bce"]
