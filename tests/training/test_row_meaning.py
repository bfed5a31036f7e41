"""Rows that say the same in other words, and rows that mean the same region, are known as such in a batch."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lexseg.cases.case import Case
from lexseg.encoders.text.pipeline import TextPipeline
from lexseg.encoders.text.word import WordEncoder
from lexseg.training.augment import AugmentConfig, AugmentParameters
from lexseg.training.dataset import augmented, collate
from lexseg.training.row_meaning import meaning, region

SAME = AugmentParameters()
PLAIN = AugmentConfig(mirror=0, zoom=(1, 1), stretch=0, shift=0, rotate=0, noise=0, blur=0, drop_text=0)


def expression(query: str, *texts: str, kind: str = "one") -> Case:
    return Case("a", Path("a.png"), texts, expression_kind=kind, extra={"query": query}, source=Path("set/cases.csv"))  # type: ignore[arg-type]


def caption(*texts: str) -> Case:
    return Case("a", Path("a.png"), texts)


def test_a_query_is_the_same_in_any_words() -> None:
    one, other = (
        expression("side=left", "the left lesion"),
        expression("side=left", "what lies on the left", "left one"),
    )
    assert meaning(one, SAME) == meaning(other, SAME)
    assert meaning(one, SAME) != meaning(expression("side=right", "the left lesion"), SAME)
    assert meaning(one, SAME) != meaning(replace(other, source=Path("elsewhere/cases.csv")), SAME)


def test_a_caption_is_the_same_in_every_wording_and_order() -> None:
    one = caption("Two areas, upper left lung and lower right lung.", "opacities in the left apex and the right base")
    assert meaning(one, SAME) == meaning(caption("two areas, lower right lung and upper left lung"), SAME)
    assert meaning(one, SAME) != meaning(caption("Two areas, lower left lung and upper right lung."), SAME)


@pytest.mark.parametrize(
    ("query", "mirrored", "flipped"),
    [
        ("name=infection; side=left", "name=infection; side=right", "name=infection; side=left"),
        ("rank=leftmost; zone=upper", "rank=rightmost; zone=upper", "rank=leftmost; zone=lower"),
        ("rank=second_from_top", "rank=second_from_top", "rank=second_from_bottom"),
        ("relation=left_of", "relation=right_of", "relation=left_of"),
        ("relation=above; without=right", "relation=above; without=left", "relation=below; without=right"),
    ],
)
def test_a_mirror_turns_the_query_as_it_turns_the_words(query: str, mirrored: str, flipped: str) -> None:
    case = expression(query, "any")
    assert meaning(case, replace(SAME, mirror=True)) == meaning(expression(mirrored, "any"), SAME)
    assert meaning(case, replace(SAME, flip=True)) == meaning(expression(flipped, "any"), SAME)


def test_what_names_nothing_is_known_by_its_words() -> None:
    """Rows of one kind of foreign question share a word in the query's place, and nothing else."""
    one, other = (expression("foreign", text, kind="none") for text in ("a cat", "a polyp"))
    assert meaning(one, SAME) != meaning(other, SAME)


def test_a_region_belongs_to_its_image() -> None:
    mask = np.eye(9, dtype=bool)
    assert region(Path("a.png"), mask) == region(Path("a.png"), mask.copy())
    assert len({region(Path("a.png"), mask), region(Path("b.png"), mask), region(Path("a.png"), ~mask)}) == 3


def test_a_batch_knows_equal_queries_and_equal_regions(tmp_path: Path) -> None:
    """Of an image with one lesion, "the left one", "all of it" and a false question."""
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (64, 64)).astype(np.uint8)).save(tmp_path / "image.png")
    mask = np.zeros((64, 64), np.uint8)
    mask[10:20, 5:15] = 1
    Image.fromarray(mask).save(tmp_path / "mask.png")
    row = Case("a", tmp_path / "image.png", mask=tmp_path / "mask.png", target_ids=(1,), expression_kind="one")
    cases = [
        replace(row, texts=("the left one",), extra={"query": "side=left"}),
        replace(row, texts=("what is on the left",), extra={"query": "side=left"}),
        replace(row, texts=("all of it",), extra={"query": "all"}),
        replace(row, texts=("the right one",), extra={"query": "side=right"}, target_ids=(), expression_kind="none"),
    ]
    encode = TextPipeline(WordEncoder(["left", "right", "one"], width=8, heads=2))
    batch = collate(augmented(cases, PLAIN, (32, 32), (0, 0, "a")), encode)
    ids = batch.text.caption_id.tolist()
    assert ids[0] == ids[1] and len(set(ids)) == 3
    assert batch.target.region is not None
    places = batch.target.region.tolist()
    assert places[0] == places[1] == places[2] != places[3]

    unsaid = collate(augmented(cases, replace(PLAIN, drop_text=1.0), (32, 32), (0, 0, "a")), encode)
    assert unsaid.text.is_null.all() and len(set(unsaid.text.caption_id.tolist())) == 4
