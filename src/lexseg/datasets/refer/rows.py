"""The rows of the new manifest: expressions, and the sentences that were there before."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lexseg.cases.case import Case
from lexseg.datasets.phantoms.mark import mark_of
from lexseg.datasets.refer.anatomy import Anatomy
from lexseg.datasets.refer.attributes import Referent
from lexseg.datasets.refer.expressions import Expression
from lexseg.datasets.refer.gather import ImageRows, MaskReading
from lexseg.datasets.refer.propose import SIDES
from lexseg.datasets.refer.query import Query, execute
from lexseg.datasets.refer.targets import Instances
from lexseg.language.sides import convert_laterality, mirror_words, places


def expression_rows(
    case: Case, expressions: Sequence[Expression], image: Path, mask: Path, *, framed: bool
) -> list[Case]:
    """A row for each expression of an image.

    Args:
        case: the row of the image's that split, patient and so on are taken from.
        expressions: in the order of the rows.
        image: the new image file.
        mask: the new instance mask.
        framed: whether zones are an organ's, and so no places of the image.
    """
    return [
        replace(
            case,
            id=f"{case.id}_r{number:02d}",
            image=image,
            mask=mask,
            label=None,
            texts=each.texts,
            laterality=case.laterality or "image",
            language="en",
            present=None,  # of the whole image; the instances say it of the expression
            target_ids=each.ids,
            expression_kind=each.kind,
            extra={
                "region": (each.query.side or "") if framed else each.query.region,
                "query": str(each.query),
                "leaks_mask": "true",
                **mark_of(case),
            },
        )
        for number, each in enumerate(expressions, start=1)
    ]


def caption_rows(source: ImageRows, found: Instances, reading: MaskReading, image: Path, mask: Path) -> list[Case]:
    """The image's own sentences, as they are; one of a class that is not there names nothing.

    One without a mask is left out: what it names is not known.
    """
    rows = []
    for row in source.cases:
        if row.expression_kind is not None or row.mask is None:
            continue
        ids = reading.named_by(row, found)
        rows.append(
            replace(
                row,
                id=f"{row.id}_caption",
                image=image,
                mask=mask,
                label=None,
                present=None,
                target_ids=ids,
                expression_kind=None if ids else "none",
                extra={"region": "", "query": "", "leaks_mask": row.extra.get("leaks_mask", ""), **mark_of(row)},
            )
        )
    return rows


def false_caption_rows(captions: Sequence[Case], targets: Sequence[Referent], anatomy: Anatomy) -> list[Case]:
    """Captions that would be true of the mirror image, and name nothing in this one.

    A caption that is always true teaches a model to find something whatever it says. Only a caption of one side is
    turned, and only where all that it is about lies on that side and nothing of its class on the other.

    Args:
        captions: of an image, by `caption_rows`.
        targets: all targets of the image.
        anatomy: what is imaged.
    """
    rows = []
    for row in captions:
        if not row.target_ids or len(row.texts) == 0:
            continue
        said = {side for text in row.texts for side, _ in places(convert_laterality(text, row.laterality, "image"))}
        classes = {name for t in targets if t.id in row.target_ids for name in t.classes}
        name = next(iter(classes)) if len(classes) == 1 else None
        answers = {side: execute(Query(name=name, side=side), targets, anatomy) for side in SIDES}
        if len(said) != 1 or not said < set(SIDES) or any(answer.doubt for answer in answers.values()):
            continue
        side, other = SIDES if said == {SIDES[0]} else SIDES[::-1]
        if not answers[side].ids or answers[other].ids:
            continue
        # a wording without a side is as true as before
        texts = tuple(other_way for text in row.texts if (other_way := mirror_words(text, "horizontal")) != text)
        turned = replace(
            row,
            id=f"{row.id.removesuffix('_caption')}_false_caption",
            texts=texts,
            target_ids=(),
            expression_kind="none",
            extra={**row.extra, "region": other, "query": str(Query(name=name, side=other)), "leaks_mask": "true"},
        )
        rows.append(turned)
    return rows
