"""The rows of the new manifest: expressions, and the sentences that were there before."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lexseg.data.case import Case
from lexseg.data.phantoms.mark import mark_of
from lexseg.data.refer.expressions import Expression
from lexseg.data.refer.gather import Reading, Source
from lexseg.data.refer.targets import Instances


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


def caption_rows(source: Source, found: Instances, reading: Reading, image: Path, mask: Path) -> list[Case]:
    """The image's own sentences, as they are; one of a class that is not there names nothing."""
    rows = []
    for row in source.cases:
        if row.expression_kind is not None:
            continue
        ids = reading.named_by(row, found)
        rows.append(
            replace(
                row,
                id=f"{row.id}_caption",
                image=image,
                mask=mask,
                label=None,
                target_ids=ids,
                expression_kind=None if ids else "none",
                extra={"region": "", "query": "", "leaks_mask": row.extra.get("leaks_mask", ""), **mark_of(row)},
            )
        )
    return rows
