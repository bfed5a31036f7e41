"""From labelled images to a model folder that answers like any other."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lexseg.errors import ConfigError
from lexseg.fewshot.finetune import finetune
from lexseg.fewshot.fit import Teacher, TeachingOptions, words_of
from lexseg.fewshot.labels import BESIDE, TARGET, UNKNOWN
from lexseg.fewshot.support import Example
from lexseg.models.fewshot import FewShot
from lexseg.models.io import LoadedModel, ModelConfig, save_model


@dataclass(frozen=True, slots=True, eq=False)
class Taught:
    """A model that was taught a target.

    Attributes:
        model: the network.
        config: what its folder says of it; the weights' hash is missing until it is saved.
        words: the target in words, which it was asked with; ``None`` where there were none.
        left_out: mean Dice of the taught images, each left out in turn, against their labels (grown where they are
            sparse); ``None`` where nothing was left out.
    """

    model: FewShot
    config: ModelConfig
    words: str | None
    left_out: float | None

    def save(self, folder: Path) -> ModelConfig:
        """Write it as a model folder. No image, no label and no word of the teaching is in it, but images' hashes."""
        metrics = {} if self.left_out is None else {"left_out": {"dice": round(self.left_out, 4)}}
        return save_model(folder, self.model, self.config, card=_card(self.config), metrics=metrics)


def teach(base: LoadedModel, examples: Sequence[Example], options: TeachingOptions) -> Taught:
    """Teach a target.

    Args:
        base: the model whose features are used.
        examples: labelled images. With none, the words alone say what is meant: the head must have met words then.
        options: how.

    Raises:
        ConfigError: there is nothing to be taught from, or head and model do not fit together.
        DataError: an example cannot be used.
    """
    words = words_of(examples, options.words)
    if not examples:
        _check_words_alone(base, options, words)
    if options.head == "finetune":
        model, arguments = finetune(base, examples, options, words)
        size = (options.size, options.size)
        left_out = None
    else:
        teacher = Teacher(base, options, words)
        choice = teacher.fit([teacher.look(example) for example in examples])
        model, arguments, left_out = teacher.model, teacher.arguments, choice.left_out
        size = (teacher.options.size, teacher.options.size)
    arguments |= {"taught": _taught(examples)}
    trained = base.text_encoder is not None and base.text_encoder.trainable and "model" in options.parts
    config = ModelConfig(
        method=FewShot.name,
        arguments=arguments,
        size=size,
        # one that is trained along is a part of the model that this one stands on
        text_encoder=base.config.text_encoder if trained else None,
        laterality=base.config.laterality,
    )
    return Taught(model.eval(), config, words, left_out)


def _check_words_alone(base: LoadedModel, options: TeachingOptions, words: str | None) -> None:
    if options.head not in ("proto", "panet"):
        raise ConfigError(
            f"head {options.head!r} needs labelled images; by words alone `proto` or `panet` can be taught"
        )
    if words is None:
        raise ConfigError("without labelled images the target must be named: --words 'left lung'")
    if base.config.method != FewShot.name or not base.config.arguments.get("words"):
        raise ConfigError(
            "by words alone a target can be taught to a head that has met words: learn one with `lexseg few-shot "
            "learn`, on a model that reads them; or ask the model itself"
        )


def _taught(examples: Sequence[Example]) -> dict[str, Any]:
    """What stands in the folder of what it was taught from: how many labels, and the images' hashes."""
    counts = {
        name: int(sum((each.labels == value).sum() for each in examples))
        for name, value in (("target", TARGET), ("beside", BESIDE), ("unknown", UNKNOWN))
    }
    return {"images": len(examples), "pixels": counts, "sha256": sorted(each.sha256 for each in examples)}


def _card(config: ModelConfig) -> str:
    arguments = config.arguments
    taught = arguments["taught"]
    stands = f"the features of a `{arguments['of']}` model" if arguments.get("of") else "no other model"
    return f"""# A model of few shots

**Research use only. Not a medical device.**

The head `{arguments["head"]}` on {stands}, taught one target from {taught["images"]} images with \
{taught["pixels"]["target"]:,} labelled pixels of it and {taught["pixels"]["beside"]:,} beside it. It finds that \
target, whatever the sentence says. The images' SHA-256 are in config.json; no pixel of them is here.

It has seen a handful of images: score it on others before you rely on it (`lexseg few-shot evaluate`, or `lexseg \
evaluate` with masks that it was not taught).
"""
