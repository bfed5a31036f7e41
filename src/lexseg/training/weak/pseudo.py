"""Pseudo-masks: a manifest to train on, made of images, their sentences and what a model makes of them."""

import csv
import io
import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from lexseg.cases.case import NAMES_NOTHING, Case
from lexseg.cases.manifest import write_manifest
from lexseg.errors import ConfigError, DataError
from lexseg.files import free_name, link_or_copy, new_folder, replace_file
from lexseg.language.parts import named_parts
from lexseg.language.sides import convert_laterality
from lexseg.models.inputs import image_tensor, resize_image
from lexseg.models.medsam_lite import LiteMedSAM
from lexseg.private import private_folder
from lexseg.scans.images import read_image
from lexseg.training.weak.fields import Fields, part_of
from lexseg.training.weak.masks import (
    SAM,
    SIDE,
    Made,
    at_size,
    entropy,
    from_probability,
    make_mask,
    of_field,
    of_nothing,
    within,
)
from lexseg.training.weak.pairs import read_split
from lexseg.training.weak.saliency import FeatureSpread, M2IBOptions, SaliencyKind, available, saliency, spread_of
from lexseg.training.weak.scored import Scored

MANIFEST, MASKS, ENTROPY, ASK = "cases.csv", "masks", "entropy", "ask.csv"
LEAST = 0.01
"""The smallest weight that is written; a weight of 0 would leave the case out."""
BEST: SaliencyKind = "m2ib"
"""The map that came nearest to the masks where it was measured (docs/explanation/words-without-masks.md)."""
_Doubt = tuple[bool, float]  # whether the map was empty, and the mean entropy
_SPREAD = 64  # images that the spread of features is measured on


@dataclass(frozen=True, slots=True)
class PseudoOptions:
    """How masks are made.

    Attributes:
        saliency: which map; ``None`` is `BEST`.
        keep: components of a mask.
        sam: whether LiteMedSAM answers the box of each map.
        phrase: asked of every image in place of its sentence.
        parts: whether masks are kept to the parts of the image that the case's own sentence names; of a field, where
            one is given, they always are.
        ask: how many images are listed that a hand-drawn mask is most worth for.
        limit: training images that are labelled, the first of an order that their ids decide; 0 is all.
        m2ib: options of that map.
    """

    saliency: SaliencyKind | None = None
    keep: int = 1
    sam: bool = False
    phrase: str = ""
    parts: bool = False
    ask: int = 0
    limit: int = 0
    m2ib: M2IBOptions = field(default_factory=M2IBOptions)

    def __post_init__(self) -> None:
        if self.keep < 1:
            raise ConfigError(f"keep is {self.keep}; at least 1 component was expected")
        for name in ("ask", "limit"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} is {getattr(self, name)}; 0 or more was expected")


@dataclass(frozen=True, slots=True)
class PseudoLabelled:
    """The manifest of masks that were made, and where each of them comes from.

    Attributes:
        manifest: the new manifest.
        origins: how many masks are of which origin.
        carried: rows that were taken over as they are: those of other splits, and of what is known not to be there.
        left: training rows without a sentence to ask.
        asked: ids of the images most worth a hand-drawn mask, the first the most.
    """

    manifest: Path
    origins: dict[str, int]
    carried: int
    left: int
    asked: tuple[str, ...]


def pseudo_label(
    scored: Scored | None,
    paths: Sequence[Path],
    output: Path,
    options: PseudoOptions | None = None,
    *,
    text_columns: Sequence[str] = ("text",),
    ids: str = "",
    split_file: str = "",
    fields: Fields | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> PseudoLabelled:
    """Make a folder with masks for the training images of manifests; their own masks are never opened.

    Args:
        scored: the model whose maps masks are made of; ``None`` makes them of the fields alone, in which all of a part
            that is named is the mask.
        paths: manifests. Rows of the split ``train``, or without a split, are labelled; rows of other splits and rows
            with ``present`` no are taken over as they are.
        output: the folder to make; it must not hold anything yet. ``cases.csv`` has the columns ``weight`` (mean
            probability inside), ``mask_origin`` and ``masks_by``; ``entropy/`` holds a map for each mask.
        options: how.
        text_columns: of the sentences.
        ids: a list of training cases, one a line; "" is all.
        split_file: splits in place of the manifests'.
        fields: where in each image a finding can lie: masks are kept to the parts of it that sentences name. Where an
            image has none, its mask is these parts of the picture, with the weight of an empty map.
        progress: told how far it is.

    Raises:
        DataError: a manifest cannot be used, or nothing in it can be labelled.
        ConfigError: the model makes no such map, or there is neither a model nor a field.
        ModelError: LiteMedSAM is asked for and not installed.
    """
    options = options or PseudoOptions()
    kind = options.saliency or BEST
    _check_means(scored, fields, kind, options)
    cases = read_split(paths, text_columns=text_columns, ids=ids, split_file=split_file)
    labelled, carried, left = _shared_out(cases, options)
    if not labelled:
        raise DataError(
            f"{', '.join(map(str, paths))}: no row of the split train has a sentence to ask; name --text_column or "
            "--phrase"
        )
    if fields is not None:
        fields.check(labelled)
    model = LiteMedSAM() if options.sam else None
    by = "+".join(part.sha256[:12] for part in (scored, fields) if part is not None)
    with new_folder(output) as folder, private_folder("pseudo") as scratch:
        rows, doubt = [], dict[str, _Doubt]()
        placed = _Placed(folder)
        (folder / ENTROPY).mkdir()
        spread = _spread(scored, labelled, options) if scored is not None and kind == "m2ib" else None
        for number, case in enumerate(labelled, start=1):
            image = image_tensor(read_image(case.image))
            inside, field = _inside(case, image, fields, options)
            if field is not None and (inside is None or not inside.any()):
                made = of_nothing(_named(case))
            elif scored is None:
                assert inside is not None and field is not None
                made = of_field(inside, field)
            else:
                said = _asked(case, scored, options)
                made = label_one(scored, image, said, kind, options, spread=spread, sam=model, inside=inside)
            size = (image.shape[-2], image.shape[-1])
            name = f"{number:06d}"
            path = scratch / f"{name}.png"
            probability = at_size(made.probability, size)
            _write_gray(path, (probability >= 0.5) * 255)
            unsure = entropy(probability)
            doubt[case.id] = made.origin == "whole image", float(unsure.mean())
            moved = replace(
                case,
                texts=(options.phrase,) if options.phrase else case.texts,
                mask=path,
                weight=round(max(LEAST, made.weight), 4),
                split="train",
                present=None,
                label=None,
                target_ids=None,
                expression_kind=None,
                extra=_without_field(case, fields)
                | {"mask_origin": f"{'parts' if scored is None else kind}: {made.origin}", "masks_by": by},
            )
            rows.append(placed.case(moved))
            mask = rows[-1].mask
            assert mask is not None
            _write_gray(folder / ENTROPY / mask.name, unsure * 255)
            if progress is not None:
                progress(number, len(labelled))
        rows += [placed.case(case) for case in carried]
        asked = tuple(sorted(doubt, key=lambda name: (not doubt[name][0], -doubt[name][1], name))[: options.ask])
        if options.ask:
            _write_ask(folder / ASK, asked, doubt)
        write_manifest(folder / MANIFEST, rows)
    origins = Counter(row.extra["mask_origin"].partition(": ")[2] for row in rows if "mask_origin" in row.extra)
    return PseudoLabelled(output / MANIFEST, dict(origins), len(carried), left, asked)


def label_one(
    scored: Scored,
    image: torch.Tensor,
    sentence: str | None,
    kind: SaliencyKind,
    options: PseudoOptions,
    *,
    spread: FeatureSpread | None = None,
    sam: LiteMedSAM | None = None,
    inside: NDArray[np.bool_] | None = None,
) -> Made:
    """The mask of one image, float[1 or 3, H, W] in 0..1, by one sentence, within bool[256, 256] if that is given."""
    prepared = scored.prepared(image)[None]
    found = saliency(scored, prepared, [sentence], kind, spread=spread, m2ib=options.m2ib)[0]
    found = scored.of_image(found, (image.shape[-2], image.shape[-1]))
    if kind == "mask":
        return from_probability(found, keep=options.keep, inside=inside)
    answers = None if sam is None else SAM(sam, image.expand(3, -1, -1))
    return make_mask(found, keep=options.keep, sam=answers, inside=inside)


def _check_means(scored: Scored | None, fields: Fields | None, kind: SaliencyKind, options: PseudoOptions) -> None:
    if scored is not None:
        if kind not in available(scored):
            raise ConfigError(f"{scored.name} makes no map {kind!r}; it makes {', '.join(available(scored))}")
    elif fields is None:
        raise ConfigError("there is nothing to make masks of; name a model, a field where findings can lie, or both")
    elif unused := [name for name in ("saliency", "sam", "phrase") if getattr(options, name)]:
        raise ConfigError(f"{', '.join(unused)}: masks of a field alone are made of no map; name a model as well")


def _named(case: Case) -> NDArray[np.bool_]:
    """The parts of the picture that a case's sentence names; all of it where it names none."""
    return within(named_parts(convert_laterality(case.text, case.laterality, "image")))


def _inside(
    case: Case, image: torch.Tensor, fields: Fields | None, options: PseudoOptions
) -> tuple[NDArray[np.bool_] | None, NDArray[np.float32] | None]:
    """Where the mask may lie, bool[256, 256], and the field, float32[256, 256], if there is one."""
    if fields is None:
        return (_named(case) if options.parts else None), None
    field = resize_image(torch.from_numpy(fields(case, image))[None], (SIDE, SIDE))[0].numpy()
    return part_of(field, named_parts(convert_laterality(case.text, case.laterality, "image"))), field


def _without_field(case: Case, fields: Fields | None) -> dict[str, str]:
    """The row's other columns, less that of fields, whose paths the new manifest's folder does not hold."""
    return {name: value for name, value in case.extra.items() if fields is None or name != fields.column}


def _shared_out(cases: Sequence[Case], options: PseudoOptions) -> tuple[list[Case], list[Case], int]:
    """Rows to label, rows to take over, and how many are left out."""
    labelled, carried, left = [], [], 0
    for case in cases:
        absent = case.present == "no" or case.expression_kind in NAMES_NOTHING
        if case.split in ("val", "test") or absent:
            carried.append(replace(case, mask=None) if absent and case.split in (None, "train") else case)
        elif options.phrase or case.text.strip():
            labelled.append(case)
        else:
            left += 1
    if options.limit and options.limit < len(labelled):
        chosen = {case.id for case in random.Random(0).sample(sorted(labelled, key=lambda c: c.id), options.limit)}
        left += len(labelled) - options.limit
        labelled = [case for case in labelled if case.id in chosen]
    return labelled, carried, left


def _asked(case: Case, scored: Scored, options: PseudoOptions) -> str | None:
    text = options.phrase or case.text.strip()
    return convert_laterality(text, case.laterality, scored.laterality) if text else None


def _spread(scored: Scored, cases: Sequence[Case], options: PseudoOptions) -> FeatureSpread:
    chosen = cases[:: max(1, len(cases) // _SPREAD)][:_SPREAD]
    images = [scored.prepared(image_tensor(read_image(case.image)))[None] for case in chosen]
    return spread_of(scored, images, [scored.texts([_asked(case, scored, options)]) for case in chosen])


class _Placed:
    """Puts the files of rows into a folder: images linked where the disk allows, masks moved."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.known: dict[Path, Path] = {}
        self.taken: dict[str, set[str]] = {"images": set(), MASKS: set()}

    def case(self, case: Case) -> Case:
        mask = None if case.mask is None else self._put(case.mask, MASKS, case.image.stem)
        return replace(case, image=self._put(case.image, "images", case.image.stem), mask=mask)

    def _put(self, path: Path, kind: str, stem: str) -> Path:
        if path not in self.known:
            (self.folder / kind).mkdir(exist_ok=True)
            self.known[path] = self.folder / kind / free_name(stem, path.suffix.lower(), self.taken[kind])
            link_or_copy(path, self.known[path])
        return self.known[path]


def _write_gray(path: Path, values: NDArray[Any]) -> None:
    Image.fromarray(np.asarray(values).round().astype(np.uint8)).save(path)


def _write_ask(path: Path, asked: Iterable[str], doubt: dict[str, _Doubt]) -> None:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["id", "mean_entropy_bits", "map_was_empty"])
    for name in asked:
        empty, bits = doubt[name]
        writer.writerow([name, f"{bits:.4f}", "yes" if empty else "no"])
    replace_file(path, buffer.getvalue().encode())
