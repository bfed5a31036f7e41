"""Making a pack: what a bare machine with a GPU needs to train a teacher, small enough to be carried there."""

import io
import random
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from lexseg.cases.case import Case
from lexseg.encoders.image import create_image_encoder
from lexseg.encoders.text.base import TextEncoder
from lexseg.encoders.text.pipeline import TextPipeline
from lexseg.encoders.text.swapped import AXES, swap_places
from lexseg.errors import ConfigError, ModelError
from lexseg.files import new_folder
from lexseg.language.same_meaning import meaning_id, phrases
from lexseg.language.sides import mirror_words
from lexseg.training import prepare
from lexseg.training.config import TrainConfig
from lexseg.training.dataset import refuse_unanswered
from lexseg.training.mixture import Mixture
from lexseg.training.teacher.contents import CODE, TRUNK, write_pack
from lexseg.training.teacher.fit import Say
from lexseg.training.teacher.questions import PackOptions, QuestionCollector

_MAIN = "from lexseg.training.teacher.bare import main\nraise SystemExit(main())\n"
_TRUNKS = ("efficientnet-lite0", "efficientnet-lite2")


def make_pack(config: TrainConfig, output: Path, options: PackOptions, say: Say = print) -> float:
    """Pack code, weights, states of sentences, images and questions.

    Args:
        config: the recipe: its manifests and their shares, its model, augmentation and rates.
        output: the pack's folder; new or empty.
        options: how much.
        say: told what takes how much.

    Returns:
        its size in MiB.

    Raises:
        ConfigError: the recipe's text encoder is trained along; or the pack is too large.
        DataError: a manifest, an image or a mask cannot be used.
    """
    config = replace(config, data=replace(config.data, epoch_images=options.images, val_limit=options.validation))
    cases = prepare.in_one_convention(prepare.read_cases(config), None)
    training, validation = prepare.chosen(cases, "train"), prepare.validated(cases, config)
    refuse_unanswered([*training, *validation])
    encoder = prepare.text_encoder(config, training)
    if encoder is None or encoder.trainable:
        raise ConfigError("a pack holds the states of a frozen text encoder, such as `text: {kind: minilm}`")
    with new_folder(output) as folder:
        questions = QuestionCollector(options, random.Random(config.seed))
        for visit in Mixture(training, config).epoch(0):
            questions.ask(visit.cases, training=True)
        for case in validation:
            questions.ask([case], training=False)
        about = _about(config, encoder, cases, len(training), len(validation))
        forms = _forms(questions.sentences, config)
        write_pack(folder, questions.pack(about, *_states(forms, encoder, config)))
        _write_trunks(folder, config, say)
        (folder / CODE).write_bytes(code())
        parts = {path.name: path.stat().st_size / 2**20 for path in sorted(folder.iterdir())}
        total = sum(parts.values())
        for name, size in parts.items():
            say(f"{size:8.1f} MiB  {name}")
        say(f"{total:8.1f} MiB in all, at most {options.most:g}: {questions.told()}, {len(forms):,} sentences")
        if total > options.most:
            raise ConfigError(
                f"the pack takes {total:.1f} MiB, more than {options.most:g}; give fewer --images, --sentences or "
                "--validation, or a smaller --size"
            )
    return total


def code() -> bytes:
    """The package's source as a zip that Python runs: ``python code.zip PACK OUTPUT``."""
    root, content = Path(__file__).parents[3], io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted((root / "lexseg").rglob("*.py")):
            file.write(path, path.relative_to(root))
        file.writestr("__main__.py", _MAIN)
    return content.getvalue()


def _forms(sentences: Iterable[str], config: TrainConfig) -> list[str]:
    """These sentences in their order, and after them what mirror and swapping make of them."""
    found = dict.fromkeys(sentences)
    if config.augment.mirror:
        found |= dict.fromkeys([mirror_words(text, "horizontal") for text in found])
    if config.model.get("swapped_weight"):
        found |= dict.fromkeys([other for text in found for axis in AXES if (other := swap_places(text, axis))])
    return list(found)


def _states(forms: Sequence[str], encoder: TextEncoder, config: TrainConfig) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The sentences' states, where each begins, which are equal, and for each the mirrored and the swapped ones."""
    pipeline = TextPipeline(encoder)
    states: list[Tensor] = []
    for at in range(0, len(forms), 64):
        batch = pipeline([text or None for text in forms[at : at + 64]])
        assert batch.states is not None
        states += [row[mask].half() for row, mask in zip(batch.states, batch.attention_mask, strict=True)]
    starts = torch.tensor([0, *(len(row) for row in states)]).cumsum(0)
    number = {text: i for i, text in enumerate(forms)}
    table = [
        [
            number.get(mirror_words(text, "horizontal"), -1) if config.augment.mirror else -1,
            *(number.get(swap_places(text, axis) or "?", -1) if text else -1 for axis in AXES),
        ]
        for text in forms
    ]
    said = torch.tensor([meaning_id(phrases(text) or text) for text in forms])
    return torch.cat(states), starts, said, torch.tensor(table, dtype=torch.int32)


def _about(
    config: TrainConfig, encoder: TextEncoder, cases: Sequence[Case], training: int, validation: int
) -> dict[str, Any]:
    """What must be known of the data and the recipe; no sentence, no path."""
    arguments = prepare.model_arguments(config, encoder)
    sides = {case.laterality for case in cases}
    return {
        "method": config.method,
        "arguments": arguments,
        "augment": asdict(replace(config.augment, flip=0.0, scanner=0.0, paraphrase=0.0, typos=0.0, strange=0.0)),
        "optimizer": asdict(config.optimizer),
        "text_encoder_sha256": encoder.fingerprint(),
        "laterality": sides.pop() if len(sides) == 1 else None,
        "cases": training,
        "validation": validation,
    }


def _write_trunks(folder: Path, config: TrainConfig, say: Say) -> None:
    """The packaged ImageNet weights that are installed, in half precision."""
    if config.model.get("encoder") is None:
        return
    for name in _TRUNKS:
        try:
            weights = create_image_encoder(name).state_dict()
        except ModelError as error:
            say(f"{name}: not packed ({error})")
            continue
        halved = {key: value.half() if value.is_floating_point() else value for key, value in weights.items()}
        (folder / TRUNK.format(name)).write_bytes(save(halved))
