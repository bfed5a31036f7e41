"""From settings to what a run works with: cases, sentences, the text encoder and the model's keywords."""

import functools
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

from lexseg.cases.case import Case
from lexseg.cases.languages import in_model_words
from lexseg.cases.manifest import read_manifests
from lexseg.cases.problem import describe
from lexseg.cases.splits import apply_splits, assign_splits, fold_cases, leaks, parse_fractions
from lexseg.datasets.phantoms.mark import all_phantoms
from lexseg.encoders.text import create_text_encoder
from lexseg.encoders.text.base import TextEncoder
from lexseg.encoders.text.swapped import every_swap
from lexseg.errors import ConfigError, DataError, TextError
from lexseg.language.sides import Laterality, convert_laterality, mentions_side, mirror_words
from lexseg.models import model_class
from lexseg.training.augment import AugmentConfig
from lexseg.training.config import TrainConfig, as_list
from lexseg.training.dataset import refuse_unanswered
from lexseg.training.id_list import read_ids
from lexseg.training.mixture import kind_of
from lexseg.training.regimes import NONE
from lexseg.training.regimes.labels import further_unlabelled, with_labels, with_regime_words


def read_cases(config: TrainConfig) -> list[Case]:
    """All cases of the run; a manifest without splits is divided by patient, by the seed; with folds, every one is.

    Raises:
        ConfigError: no manifest is named, or ``data.split`` is no split.
        DataError: a manifest cannot be used, a patient or image stands in two splits, a split is empty or has
            no mask at all, neither a mask nor ``present`` says of a case whether its target is there, or validation
            would mix phantoms and real images.
    """
    paths = [Path(p) for p in as_list(config.data.cases)]
    if not paths:
        raise ConfigError("data.cases is empty; name one or more manifests: --data.cases FILE[,FILE]")
    if len(set(paths)) < len(paths):
        raise ConfigError("data.cases names a manifest twice; to count its cases twice, use data.repeat")
    try:
        fractions = parse_fractions(config.data.split)
    except ValueError as error:
        raise ConfigError(f"data.split: {error}") from error
    drawn = str(config.data.labels).strip() != ""
    columns = as_list(config.data.text_column)
    cases = read_manifests(paths, text_columns=columns, masks_may_miss=drawn, links=config.data.links)
    cases = in_model_words(cases)
    if config.data.folds:
        cases = fold_cases(cases, config.data.folds, config.data.fold, config.data.fold_seed)
    elif config.data.split_file:
        cases = apply_splits(cases, config.data.split_file)
    else:
        cases = assign_splits(cases, fractions, config.seed)
    if config.data.ids:
        cases = only_listed(cases, Path(config.data.ids))
    cases = with_labels(cases, config.data) if drawn else cases
    cases += in_model_words(further_unlabelled(config.data))
    cases = with_regime_words(cases, config.regime, reads_words=model_class(config.method).uses_text)
    if drawn and config.regime.kind == NONE:
        cases = [c for c in cases if c.split != "train" or c.is_answered]
    if not config.data.words:
        cases = [replace(case, texts=("",)) for case in cases]
    if problems := leaks(cases):
        raise DataError(f"the cases cannot be trained on:\n{describe(problems)}")
    for split in ("train", "val"):
        if not chosen(cases, split):
            raise DataError(
                f"{', '.join(map(str, paths))}: no case of the split {split!r}; training needs train and val: fill the "
                "column 'split' in, or leave it out so that one is made"
            )
    all_phantoms(chosen(cases, "val"))
    answered = ("train", "val") if config.regime.kind == NONE else ("val",)
    refuse_unanswered(c for c in cases if c.split in answered)
    for split in ("train", "val"):
        if not any(c.is_located for c in chosen(cases, split)):
            raise DataError(
                f"{', '.join(map(str, paths))}: no case of the split {split!r} says where its target is; at least one "
                "needs a mask, or 'present' no ('present' yes alone says only that it is there); draw some, or have "
                "masks made of images and sentences: lexseg pseudo-label"
            )
    return cases


def in_one_convention(cases: Sequence[Case], convention: Laterality | None) -> list[Case]:
    """The cases with their sentences rewritten to one convention of left and right, where they state several.

    Args:
        cases: those that state no convention stay as they are.
        convention: that of the model which the run begins with; ``None`` is that of the first case that names a side.
    """
    if convention is None:
        convention = next((c.laterality for c in cases if c.laterality and any(map(mentions_side, c.texts))), None)
    result = []
    for case in cases:
        if case.laterality is not None and convention is not None and case.laterality != convention:
            texts = tuple(convert_laterality(text, case.laterality, convention) for text in case.texts)
            case = replace(case, texts=texts, laterality=convention)
        result.append(case)
    return result


def only_listed(cases: Sequence[Case], path: Path) -> list[Case]:
    """The cases less the training cases that a list of ids does not name.

    Args:
        cases: with their splits.
        path: a text file of ids, one a line; lines that begin with ``#`` and empty ones are not read.

    Raises:
        DataError: the file cannot be read, or names what is no training case.
    """
    listed = read_ids(path, {case.id for case in cases if case.split == "train"}, "training case")
    return [case for case in cases if case.split != "train" or case.id in listed]


def chosen(cases: Sequence[Case], split: str) -> list[Case]:
    """The cases of a split."""
    return [c for c in cases if c.split == split]


def validated(cases: Sequence[Case], config: TrainConfig) -> list[Case]:
    """The cases of the validation split, no more than ``data.val_limit`` of each manifest, in their order.

    Which ones is drawn by the seed, in turn from each kind of sentence that the manifest has.
    """
    validation, limit = chosen(cases, "val"), config.data.val_limit
    if not limit:
        return validation
    kept: set[str] = set()
    for source in dict.fromkeys(c.source for c in validation):
        mine = sorted((c for c in validation if c.source == source), key=lambda c: c.id)
        random.Random(config.seed).shuffle(mine)
        turn: Counter[str] = Counter()
        places: list[tuple[int, int]] = []  # in the row of its kind, then in that of all
        for place, case in enumerate(mine):
            places.append((turn[kind_of(case)], place))
            turn[kind_of(case)] += 1
        kept.update(mine[place].id for _, place in sorted(places)[:limit])
    return [c for c in validation if c.id in kept]


def repeated(training: Sequence[Case], config: TrainConfig) -> list[Case]:
    """Training cases, no more than ``data.limit``, each as often as its manifest counts.

    Raises:
        ConfigError: ``data.repeat`` does not fit the manifests, or leaves nothing.
    """
    cases = list(training)
    if config.data.limit and config.data.limit < len(cases):
        cases = random.Random(config.seed).sample(sorted(cases, key=lambda c: c.id), config.data.limit)
    paths = [Path(p).resolve() for p in as_list(config.data.cases)]
    repeat = config.data.repeat or [1] * len(paths)
    if len(repeat) != len(paths):
        raise ConfigError(
            f"data.repeat is {config.data.repeat}; a number for each of {len(paths)} manifests was expected"
        )
    times = dict(zip(paths, repeat, strict=True))
    cases = [c for c in cases for _ in range(times.get(c.source.resolve(), 1) if c.source else 1)]
    if not cases:
        raise ConfigError(f"data.repeat is {config.data.repeat} and leaves no training case")
    return cases


def sentences(cases: Sequence[Case], augment: AugmentConfig) -> list[str]:
    """Every sentence that training can meet: all wordings, mirrored and flipped as the augmentation may do."""
    return _augmented(list(dict.fromkeys(t for c in cases for t in c.texts)), augment)


def _augmented(texts: Sequence[str], augment: AugmentConfig) -> list[str]:
    """These sentences, and what mirror and flip make of them."""
    found = dict.fromkeys(texts)
    for mirror, flip in product((False, True), repeat=2):
        if (mirror and not augment.mirror) or (flip and not augment.flip) or not (mirror or flip):
            continue
        for text in texts:
            text = mirror_words(text, "horizontal") if mirror else text
            found[mirror_words(text, "vertical") if flip else text] = None
    return list(found)


def met(cases: Sequence[Case], augment: AugmentConfig, *, swapped: bool = False) -> list[str]:
    """Every sentence that a run meets: those of training, augmented, and the first wordings of validation.

    Args:
        cases: with their splits.
        augment: what may happen to a training sentence.
        swapped: whether training also meets its sentences with their places swapped.
    """
    training = list(sentences(chosen(cases, "train"), augment))
    training += every_swap(training) if swapped else []
    return list(dict.fromkeys([*training, *(c.text for c in chosen(cases, "val"))]))


def text_encoder(
    config: TrainConfig, training: Sequence[Case], vocabulary: list[str] | None = None
) -> TextEncoder | None:
    """The text encoder that the recipe names; ``None`` for image-only models.

    One that is trained along is built without its weights, to say how wide it is: the model builds its own, with
    weights. A word encoder gets its vocabulary from the training sentences, swapped ones included, so that no side is
    unknown to it.

    Args:
        config: the recipe.
        training: the training cases.
        vocabulary: of a word encoder that is known already, from the run's beginning or its initial model.

    Raises:
        TextError: a word encoder is to be made of sentences, and there are none.
    """
    if not model_class(config.method).uses_text:
        return None
    values = dict(config.text)
    if values.get("kind") == "word":
        from lexseg.encoders.text.word import WordEncoder

        both = AugmentConfig(mirror=1.0, flip=1.0)
        words = vocabulary or WordEncoder.build_vocabulary(sentences(training, both))
        if not words and config.data.words and not values.get("vocabulary"):
            columns = ", ".join(as_list(config.data.text_column))
            raise TextError(
                f"no training case has a sentence in {columns}, and the text encoder 'word' knows the words of these "
                "alone: name the column of the sentences (data.text_column), take another encoder (text.kind minilm), "
                "or train without words (data.words false)"
            )
        words = words or ["none"]  # it has to know one, and meets none
        values.setdefault("vocabulary", words)
        return create_text_encoder(values)
    return create_text_encoder(values, pretrained=not values.get("trainable", False))


def turned(config: TrainConfig) -> AugmentConfig:
    """The augmentation, with every mirror and flip that any view of an image may have."""
    augment, view = config.augment, config.regime.view
    if config.regime.kind == NONE:
        return augment
    return replace(augment, mirror=max(augment.mirror, view.mirror), flip=max(augment.flip, view.flip))


def check_sentences(cases: Sequence[Case], encoder: TextEncoder, augment: AugmentConfig) -> None:
    """Refuse sentences that the encoder cannot read whole, all at once, before anything is computed.

    Raises:
        TextError: with the row of each.
    """
    length = functools.cache(encoder.count_tokens)

    @functools.cache
    def longest(text: str) -> int:
        return max(map(length, _augmented([text], augment)))

    problems: list[str] = []
    for case in cases:
        if case.split not in ("train", "val"):
            continue
        tokens = max(map(longest, case.texts)) if case.split == "train" else length(case.text)
        if tokens > encoder.max_length:
            problems.append(f"{case.where}: the sentence has {tokens} tokens, at most {encoder.max_length} can be read")
    if problems:
        names = "\n".join(problems)
        raise TextError(
            f"{names}\nshorten these sentences for the text encoder {encoder.name!r}: it cuts none silently"
        )


def model_arguments(config: TrainConfig, encoder: TextEncoder | None) -> dict[str, Any]:
    """The method's keywords, with what follows from the text encoder."""
    arguments = dict(config.model)
    if model_class(config.method).uses_text:
        assert encoder is not None
        arguments["text_width"] = encoder.width
        if encoder.trainable:
            arguments["text_encoder"] = encoder.config()
    return arguments
