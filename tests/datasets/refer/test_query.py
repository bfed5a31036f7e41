"""Queries name exactly their targets: held against a second, pixel-wise implementation and against symmetries."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexseg.datasets.refer import propose
from lexseg.datasets.refer.anatomy import ANATOMIES
from lexseg.datasets.refer.attributes import measure
from lexseg.datasets.refer.grammar import mirrored_query
from lexseg.datasets.refer.query import Query, execute, parse_query
from lexseg.datasets.refer.targets import components
from lexseg.errors import DataError
from referring import LEFT_LOWER, RIGHT_MIDDLE, RIGHT_UPPER, targets_of

CHEST, GRID = ANATOMIES["chest"], ANATOMIES["grid"]


def all_queries(anatomy):
    return [
        Query(),
        *propose.plain(None),
        *propose.placed(anatomy, None),
        *propose.across(anatomy, None),
        *propose.ranked(None),
        *propose.likened(anatomy, None, lengths=True),
        *propose.negated(None),
        *propose.contradictions(anatomy, None),
    ]


def scene(seed, size=96):
    """Ellipses at random, some of them specks, some touching."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((size, size), bool)
    rows, columns = np.ogrid[:size, :size]
    for _ in range(rng.integers(0, 7)):
        row, column = rng.uniform(0, size, 2)
        height, width = rng.uniform(0.5, 14, 2)
        mask |= ((rows - row) / height) ** 2 + ((columns - column) / width) ** 2 <= 1
    return mask, rng.random((size, size)).astype(np.float32) * 0.2 + 0.5 * mask * rng.random()


def by_pixels(query, labels, image):
    """What a query names, worked out from the pixels, with nothing left in doubt."""
    height, width = labels.shape
    found = {}
    for i in range(1, labels.max() + 1):
        rows, columns = np.nonzero(labels == i)
        near = np.zeros(labels.shape, bool)
        reach = max(2, round(0.04 * min(height, width)))
        for row, column in zip(rows, columns, strict=True):
            near[max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1] = True
        ring = near & (labels == 0)
        found[i] = {
            "area": len(rows),
            "x": columns.mean() + 0.5,
            "y": rows.mean() + 0.5,
            "bright": ring.any() and image[labels == i].mean() > image[ring].mean(),
            "speck": len(rows) < 1e-3 * labels.size,
        }
    sides = {i: "left" if t["x"] < width / 2 else "right" for i, t in found.items()}
    zones = {i: ("upper", "middle", "lower")[int(3 * t["y"] / height)] for i, t in found.items()}
    columns = {i: ("left", "center", "right")[int(3 * t["x"] / width)] for i, t in found.items()}
    if query.without is not None and query.without in sides.values():
        return None
    if query.also is not None:
        return ()
    chosen = [
        i
        for i, t in found.items()
        if query.side in (None, sides[i])
        and query.zone in (None, zones[i])
        and query.column in (None, columns[i])
        and (query.brightness is None or t["bright"] == (query.brightness == "bright"))
        and (query.size is None or _has_size(query.size, t["area"] / labels.size))
    ]
    told = [i for i in chosen if not found[i]["speck"]]
    if query.relation is not None:
        anchor = max((i for i in found if not found[i]["speck"]), key=lambda i: found[i]["area"])
        axis = "y" if query.relation in ("above", "below") else "x"
        sign = -1 if query.relation in ("above", "left_of") else 1
        return tuple(i for i in chosen if i != anchor and sign * (found[i][axis] - found[anchor][axis]) > 0)
    if query.rank is not None and chosen:
        key, turn, place = {
            "largest": ("area", -1, 0),
            "second_largest": ("area", -1, 1),
            "smallest": ("area", 1, 0),
            "top": ("y", 1, 0),
            "second_from_top": ("y", 1, 1),
            "bottom": ("y", -1, 0),
            "second_from_bottom": ("y", -1, 1),
            "leftmost": ("x", 1, 0),
            "rightmost": ("x", -1, 0),
        }[query.rank]
        return (sorted(told, key=lambda i: turn * found[i][key])[place],)
    if isinstance(query.count, int) and chosen:
        assert len(told) == len(chosen) == query.count
    if query.count == "both" and chosen:
        assert {sides[i] for i in told} == {"left", "right"}
    return tuple(chosen)


def _has_size(size, share):
    return share <= GRID.small if size == "small" else share >= GRID.large


@pytest.mark.parametrize("seed", range(40))
def test_what_is_named_is_what_the_pixels_say(seed):
    mask, image = scene(seed)
    found = components(mask)
    targets = measure(found, image, min_area=1e-3)
    by_moments = ("shape", "over", "under")
    for anatomy in (replace(CHEST, small=GRID.small, large=GRID.large), GRID):
        for query in all_queries(anatomy):
            if any(getattr(query, name) is not None for name in by_moments):
                continue
            answer = execute(query, targets, anatomy)
            if not answer.doubt:
                assert answer.ids == by_pixels(query, found.labels, image), str(query)


def test_the_scenes_do_excite_the_queries():
    families = set()
    for seed in range(60):
        mask, image = scene(seed)
        targets = measure(components(mask), image, min_area=1e-3, spacing=(1.0, 1.0))
        for anatomy in (CHEST, GRID):
            for query in all_queries(anatomy):
                answer = execute(query, targets, anatomy)
                if not answer.doubt:
                    families.add((query.family, bool(answer.ids)))
    expected = {(query.family, True) for anatomy in (CHEST, GRID) for query in all_queries(anatomy)}
    expected -= {("side+also", True), ("also+zone", True)}
    assert expected <= families
    assert {("side", False), ("side+zone", False), ("zone+column", False), ("side+also", False)} <= families


MADE = targets_of((60, 60, 10, 10), spacing=(1.0, 1.0))[0]


@st.composite
def tables(draw):
    """Targets of a random attribute table, consistent with an ellipse somewhere."""
    number = draw(st.integers(0, 6))
    unit = st.floats(0.02, 0.98)
    targets = []
    for i in range(1, number + 1):
        x, y, area = draw(unit), draw(unit), draw(st.integers(1, 5000))
        left = draw(st.floats(0.5, 1)) if x < 0.5 else draw(st.floats(0, 0.5))
        third, column = min(2, int(3 * y)), min(2, int(3 * x))
        share, other = draw(st.floats(0.4, 1)), draw(st.floats(0, 1))
        rest = ((1 - share) * other, (1 - share) * (1 - other))
        rows = tuple(np.insert(rest, third, share).tolist())
        columns = tuple(np.insert(rest, column, share).tolist())
        targets.append(
            replace(
                MADE,
                id=i,
                area=area,
                fraction=area / 14400,
                speck=area < 30,
                x=x,
                y=y,
                frame_x=x,
                frame_y=y,
                left=left,
                rows=rows,
                columns=columns,
                elongation=draw(st.floats(1, 4)),
                fill=draw(st.floats(0.4, 1)),
                contrast=draw(st.none() | st.floats(-0.3, 0.3)),
                length_mm=draw(st.floats(1, 80)),
            )
        )
    return targets


def mirrored(target):
    return replace(
        target,
        x=1 - target.x,
        frame_x=1 - target.frame_x,
        left=1 - target.left,
        columns=target.columns[::-1],
    )


@settings(max_examples=25, deadline=None)
@given(tables(), st.randoms())
def test_properties_of_any_table(targets, random):
    shuffled = list(targets)
    random.shuffle(shuffled)
    known = {target.id for target in targets}
    for anatomy in (CHEST, GRID):
        for query in all_queries(anatomy):
            answer = execute(query, targets, anatomy)
            assert set(answer.ids) <= known and len(set(answer.ids)) == len(answer.ids)
            assert not (answer.ids and answer.doubt)
            # neither order nor mirroring changes what is meant
            again = execute(query, shuffled, anatomy)
            assert (set(again.ids), bool(again.doubt)) == (set(answer.ids), bool(answer.doubt))
            turned = execute(mirrored_query(query), [mirrored(t) for t in targets], anatomy)
            if all(abs(t.x - 0.5) > 1e-6 for t in targets):
                assert (turned.ids, bool(turned.doubt)) == (answer.ids, bool(answer.doubt)), str(query)
            # what is said is read back
            assert parse_query(str(query)) == query
            if query.rank is not None and answer.ids:
                assert len(answer.ids) == 1
            if query.contradictory:
                assert answer.ids == () and not answer.doubt
    sides = [execute(Query(side=side), targets, CHEST) for side in ("left", "right")]
    if not any(answer.doubt for answer in sides):
        assert sorted(sides[0].ids + sides[1].ids) == sorted(known)


@settings(max_examples=60, deadline=None)
@given(tables(), st.floats(1.31, 3))
def test_nothing_is_ranked_by_a_hair(targets, factor):
    """Growing the largest by the factor leaves it the largest; shrinking it to a near tie puts it in doubt."""
    told = [t for t in targets if t.describable]
    answer = execute(Query(rank="largest"), targets, GRID)
    if answer.doubt or not answer.ids:
        return
    (largest,) = answer.ids
    second = max(t.area for t in told if t.id != largest)
    grown = [replace(t, area=int(t.area * factor)) if t.id == largest else t for t in targets]
    assert execute(Query(rank="largest"), grown, GRID).ids == (largest,)
    tied = [replace(t, area=int(second * 1.2)) if t.id == largest else t for t in targets]
    assert execute(Query(rank="largest"), tied, GRID).doubt


def test_a_unilateral_film():
    targets = targets_of(LEFT_LOWER)
    assert execute(Query(side="left"), targets, CHEST).ids == (1,)
    assert execute(Query(side="right"), targets, CHEST) == execute(Query(side="left", also="right"), targets, CHEST)
    assert execute(Query(side="left", without="right"), targets, CHEST).ids == (1,)
    assert execute(Query(side="left", zone="lower"), targets, CHEST).ids == (1,)
    assert execute(Query(side="left", zone="upper"), targets, CHEST).ids == ()
    assert execute(Query(side="right", without="left"), targets, CHEST).doubt
    assert execute(Query(rank="largest"), targets, CHEST).doubt
    assert execute(Query(count="both"), targets, CHEST).doubt


def test_a_side_with_specks_only_is_neither_ill_nor_healthy():
    targets = targets_of(LEFT_LOWER, (60, 90, 1, 1))
    assert execute(Query(side="right"), targets, CHEST).doubt == "there are only specks"
    # but all of a side are all of it, specks and all
    together = targets_of(RIGHT_UPPER, (60, 90, 1, 1))
    assert execute(Query(side="right"), together, CHEST).ids == (1, 2)
    assert execute(Query(side="right", count=1), together, CHEST).doubt


def test_several_on_one_side():
    targets = targets_of(LEFT_LOWER, RIGHT_UPPER, RIGHT_MIDDLE)
    ids = {name: i for i, name in enumerate(("upper", "middle", "lower"), start=1)}
    assert execute(Query(side="right"), targets, CHEST).ids == (ids["upper"], ids["middle"])
    assert execute(Query(side="right", count=2), targets, CHEST).ids == (ids["upper"], ids["middle"])
    assert execute(Query(side="right", rank="largest"), targets, CHEST).ids == (ids["middle"],)
    assert execute(Query(side="right", rank="top"), targets, CHEST).ids == (ids["upper"],)
    # two of the three are of one size
    assert execute(Query(rank="largest"), targets, CHEST).doubt == "the rank is a near tie"
    assert execute(Query(count="both"), targets, CHEST).ids == (1, 2, 3)


def test_pieces_of_lesions_are_not_compared():
    targets = [replace(t, whole=False) for t in targets_of(LEFT_LOWER, RIGHT_UPPER)]
    assert execute(Query(side="left"), targets, CHEST).ids
    for query in (Query(rank="largest"), Query(relation="above"), Query(count=2), Query(shape="round")):
        assert execute(query, targets, CHEST).doubt, str(query)


def test_classes_are_asked_for_by_name():
    targets = [replace(t, classes=(name,)) for t, name in zip(targets_of(LEFT_LOWER, RIGHT_UPPER), "ab", strict=True)]
    assert execute(Query(name="a"), targets, CHEST).ids == (1,)
    assert execute(Query(name="c"), targets, CHEST).ids == ()
    # one of each class: nothing to rank
    assert execute(Query(name="a", rank="largest"), targets, CHEST).doubt


@pytest.mark.parametrize("text", ["nonsense=3", "left", "side", "side=up", "zone=left", "over=far", "rank=3"])
def test_what_is_no_query_is_refused(text):
    with pytest.raises(DataError, match="is no query"):
        parse_query(text)


def test_regions():
    assert Query(side="left", zone="lower").region == "left lower"
    assert Query(column="center", zone="middle").region == "center middle"
    assert Query(rank="largest").region == Query(side="left", also="right").region == ""
