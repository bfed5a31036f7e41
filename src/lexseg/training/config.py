"""What a training run is told: defaults here, then the recipe, then the command line, the later over the earlier."""

from dataclasses import dataclass, field
from typing import Any, Literal

from lexseg.models.place import Fit
from lexseg.training.augment import AugmentConfig, MaskResize
from lexseg.training.regimes.views import ViewConfig

CAPTION = "caption"
"""The kind of a sentence about the whole image, beside the kinds of referring expressions."""


@dataclass(frozen=True)
class DataConfig:
    """Where cases come from.

    Attributes:
        cases: manifests, comma-separated or as a list.
        repeat: how often the training cases of each manifest count in an epoch; one number for each manifest.
        text_column: columns that hold the sentence; several, comma-separated, are sampled from.
        size: side in pixels of the square that images are brought to; divisible by 32.
        fit: how: ``pad`` keeps an image's shape, with black margins at two sides; ``stretch`` fills the square.
        grow: smaller sizes to begin with, as {size: share of the epochs}; the rest is trained at ``size``.
        batch_size: images in a batch, on each device.
        sentences: how many are asked about each image of a training batch; it is read and encoded once for all of them.
        kinds: how often a sentence of each kind is drawn, against the others, as {caption, one, several, none: rate};
            what an image lacks is left out there. Empty: all sentences of an image evenly.
        weights: the share of an epoch's images that comes from each manifest; in place of ``repeat``.
        epoch_images: training images in an epoch; 0 is as many as there are.
        workers: processes that read cases; 0 reads in the training process.
        split: shares of train, validation and test where a manifest has no split; by patient, written to split.csv.
        split_file: splits in place of the manifests': a CSV file with the columns id and split, such as the split.csv
            of another run.
        ids: a text file of ids, one a line: of the training cases only these are used.
        labels: how many training cases keep their masks, as a number (``57``), a share (``0.1``) or a text file of ids;
            numbers and shares are drawn by patient. The others are unlabelled, their masks never opened. Empty: all.
        labels_seed: of that draw. It is not the run's seed, so that runs of any seed can have the same labels.
        unlabelled: further manifests, of whose training rows only images and sentences are used.
        folds: cross-validation: divide the training and validation cases, never those of the test split, into this many
            parts by patient, whatever the manifests' own splits; 0 keeps those.
        fold: the part that validates, from 0; the others train.
        fold_seed: of the division. It is not the run's seed, so that runs of any seed have the same folds.
        limit: use only that many training cases, drawn by the seed; 0 is all.
        val_limit: validate on no more than that many cases of each manifest, drawn by the seed and evenly from the
            kinds of sentences; 0 is all.
        words: false takes the null sentence for every case, in validation too: what the words are worth is measured
            against it.
        mask_resize: how a training mask comes to the network's size: ``nearest``, or ``touched``: every pixel that a
            bilinear resize leaves above zero, as some published code does, which dilates what is trained on; or
            ``area``: the share of each pixel that the mask covers.
        links: files of the manifests may lie outside of their folders, by links or by their paths.
    """

    cases: str | list[str] = ""
    repeat: list[int] = field(default_factory=list)
    text_column: str | list[str] = "text"
    size: int = 224
    fit: Fit = "pad"
    grow: dict[int, float] = field(default_factory=dict)
    batch_size: int = 16
    sentences: int = 1
    kinds: dict[str, float] = field(default_factory=dict)
    weights: list[float] = field(default_factory=list)
    epoch_images: int = 0
    workers: int = 0
    split: str = "70/15/15"
    split_file: str = ""
    ids: str = ""
    labels: str | int | float = ""
    labels_seed: int = 0
    unlabelled: str | list[str] = ""
    folds: int = 0
    fold: int = 0
    fold_seed: int = 0
    limit: int = 0
    val_limit: int = 0
    words: bool = True
    mask_resize: MaskResize = "nearest"
    links: bool = False


@dataclass(frozen=True)
class OptimizerConfig:
    """AdamW or SGD, with a schedule over the real number of steps.

    Attributes:
        kind: ``adamw``; or ``sgd`` with Nesterov's momentum, which some published recipes are bound to.
        momentum: of SGD; AdamW has its usual two.
        lr: peak learning rate of the decoder and everything else that starts from nothing.
        encoder_lr: factor on it for the image encoder's last layer group.
        layer_decay: further factor for each group towards the image.
        text_lr: factor on it for a text encoder that is trained along.
        weight_decay: of parameters with two axes or more, but for scales and gates; norms, biases and single numbers
            have none.
        warmup: share of the steps in which the rate rises from nothing.
        schedule: how the rate falls after that: along a cosine, as (share of steps left) ** 0.9 (``poly``), or anew in
            each of ``cycles`` (``cyclic``: poly, flat in the last fifth of a cycle).
        cycles: of a cyclic schedule.
        final_lr: share of the peak that the schedule ends at.
        clip: largest norm of the gradient.
        loss_warmup: epochs over which a loss term rises linearly from nothing, by the term's name.
    """

    kind: Literal["adamw", "sgd"] = "adamw"
    momentum: float = 0.9
    lr: float = 1e-3
    encoder_lr: float = 0.3
    layer_decay: float = 1.0
    text_lr: float = 0.1
    weight_decay: float = 0.01
    warmup: float = 0.05
    schedule: Literal["cosine", "poly", "cyclic"] = "cosine"
    cycles: int = 3
    final_lr: float = 0.001
    clip: float = 1.0
    loss_warmup: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainerConfig:
    """How long, on what, and what counts as best.

    Attributes:
        epochs: passes over the training cases.
        steps: optimizer steps of the whole run, exactly; 0 is as many as the epochs take. Otherwise epochs are equal
            parts of the run, whatever the number of cases, which follow in endless shuffled passes: growing sizes,
            losses that warm up and validations keep their shares of the run.
        max_time: stop after DD:HH:MM:SS, counted from this start; what is best by then is the model.
        accelerator, devices, num_nodes, strategy: as Lightning's Trainer takes them.
        precision: ``32-true``, ``bf16-mixed`` or ``16-mixed``; losses are taken in float32 in any case.
        ema: decay of the running average of the weights, which is what is validated and saved; 0 is none.
        snapshots: of each cycle of a cyclic schedule; the mean of all their weights is what is validated and saved, in
            place of ``ema``. 0 is none.
        channels_last: memory layout; faster for convolutions.
        monitor: the validation score that best is judged by, per image or over all pixels.
        keep: which model is kept: that of the best validation, or the last one.
        validate_every: epochs between two validations; the last epoch is always validated.
        patience: validations without a better score before the run stops; 0 is never.
        accumulate: batches whose gradients are added up to one step.
        samples: validation cases whose overlays are drawn at each validation.
        threads: processor cores to compute on; 0 leaves it to torch, which takes all.
        loggers: where losses and scores go beside ``curves.csv``: ``tensorboard``, ``csv``, ``wandb`` (Weights &
            Biases), ``mlflow``. The last two are packages of their own, and send what they log where they are told to;
            never sentences or images.
    """

    epochs: int = 20
    steps: int = 0
    max_time: str | None = None
    accelerator: str = "auto"
    devices: int = 1
    num_nodes: int = 1
    strategy: str = "auto"
    precision: str = "32-true"
    ema: float = 0.998
    snapshots: int = 0
    channels_last: bool = True
    monitor: Literal["per_image", "pooled"] = "per_image"
    keep: Literal["best", "last"] = "best"
    validate_every: int = 1
    patience: int = 0
    accumulate: int = 1
    samples: int = 6
    threads: int = 0
    loggers: list[str] = field(default_factory=lambda: ["tensorboard"])


@dataclass(frozen=True)
class RegimeConfig:
    """How images without a mask take part in the training of any model (``lexseg.training.regimes``).

    Attributes:
        kind: ``lexseg train --regime KIND``; ``none`` is training on what has a mask, and refuses what has none.
        args: the regime's own keywords.
        batch: unlabelled images in a batch, on each device; 0 is as many as ``data.batch_size``.
        words: the sentence of an unlabelled image: its ``own``, the ``class`` phrase, or ``none``. ``auto`` is its own,
            and none for a model that reads no words.
        phrase: the class phrase.
        drop_words: probability that an unlabelled image is asked about without words, beside ``augment.drop_text``.
        weight: of all terms that need no mask.
        ramp: share of the run over which that weight rises, as exp(-5 (1 - t)^2); 0 is all of it from the first step.
        view: what may happen to the second view of an unlabelled image.
    """

    kind: str = "none"
    args: dict[str, Any] = field(default_factory=dict)
    batch: int = 0
    words: Literal["auto", "own", "class", "none"] = "auto"
    phrase: str = ""
    drop_words: float = 0.0
    weight: float = 1.0
    ramp: float = 0.4
    view: ViewConfig = field(default_factory=ViewConfig)


@dataclass(frozen=True)
class ScopeConfig:
    """What the model will say that it has learnt; fitted when the run ends, as ``lexseg scope`` does.

    Attributes:
        worlds: the world of each manifest of ``data.cases``, in their order; empty leaves the scope unknown.
        terms: by world, on which its data, and so the weights, may be used.
        refused: the share of true questions as people type them that may be refused.
        examples: whether sentences of the data may be written into the model's folder. They may be patient data.
    """

    worlds: list[str] = field(default_factory=list)
    terms: dict[str, str] = field(default_factory=dict)
    examples: bool = False
    refused: float = 0.03


@dataclass(frozen=True)
class TrainConfig:
    """A recipe: all that decides how a model is trained, as `lexseg train` reads it.

    Attributes:
        method: ``lexseg models`` lists them.
        model: the method's own keywords.
        text: the text encoder: ``{kind: minilm}``, ``{kind: huggingface, name: ID_OR_FOLDER}`` or ``{kind: word}``.
        data: where cases come from.
        augment: what may happen to a case in training.
        optimizer: learning rates and losses.
        trainer: how long, on what, and what counts as best.
        regime: how images without a mask take part.
        scope: which worlds the manifests are of.
        seed: all randomness is a function of it, the epoch and the case.
    """

    method: str = "tmca"
    model: dict[str, Any] = field(default_factory=dict)
    text: dict[str, Any] = field(default_factory=lambda: {"kind": "minilm"})
    data: DataConfig = field(default_factory=DataConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    regime: RegimeConfig = field(default_factory=RegimeConfig)
    scope: ScopeConfig = field(default_factory=ScopeConfig)
    seed: int = 0


def as_list(value: str | list[str]) -> list[str]:
    """``a,b`` or a list of names as a list."""
    parts = value.split(",") if isinstance(value, str) else value
    return [p.strip() for p in parts if p.strip()]


def size_at(data: DataConfig, epoch: int, epochs: int) -> int:
    """The side of the input in an epoch: the sizes of ``grow`` in their order, each for its share, then ``size``."""
    done = 0.0
    for size, share in data.grow.items():
        done += share * epochs
        if epoch < round(done):
            return int(size)
    return data.size


def steps_of(trainer: TrainerConfig, epoch: int) -> int:
    """Optimizer steps of an epoch, where ``trainer.steps`` shares them out; their sum over all epochs is ``steps``."""
    return trainer.steps * (epoch + 1) // trainer.epochs - trainer.steps * epoch // trainer.epochs


def seconds(max_time: str | None) -> float | None:
    """DD:HH:MM:SS as seconds.

    Raises:
        ValueError: for anything else.
    """
    if max_time is None:
        return None
    parts = max_time.split(":")
    if len(parts) != 4 or not all(p.isascii() and p.isdigit() for p in parts):
        raise ValueError(f"max_time is {max_time!r}; DD:HH:MM:SS was expected, such as 00:01:30:00")
    days, hours, minutes, secs = map(int, parts)
    return ((days * 24 + hours) * 60 + minutes) * 60.0 + secs
