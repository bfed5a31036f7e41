"""What each operation does to a mask, against what can be counted by hand."""

import numpy as np
import pytest
from scipy import ndimage

from lexseg.interaction.apply import NothingToDo, apply
from lexseg.interaction.operations import (
    Clear,
    Components,
    Confidence,
    Cover,
    KeepRegion,
    Move,
    Point,
    Region,
    Resize,
    Shape,
    Spot,
    Stroke,
    Threshold,
)
from lexseg.interaction.state import State

LEFT = np.zeros((40, 60), bool)
LEFT[10:20, 5:25] = True
RIGHT = np.zeros((40, 60), bool)
RIGHT[28:34, 45:55] = True


def place(side="", height="", frame="mask", extent="part"):
    return Region((Spot(side, height),), frame, extent)


def test_first_the_mask_is_the_models(state, said):
    assert np.array_equal(state.mask, LEFT | RIGHT) and np.array_equal(state.mask, said().mask)


def test_an_answer_of_not_found_begins_empty_and_keeps_its_order(said, never):
    state = State.of(said(presence=0.1, presence_threshold=0.5))
    assert not state.mask.any()
    more = apply(state, Confidence(True), never).state
    assert more.mask.any() and not (more.mask & ~LEFT).any()  # the likeliest first


def test_more_generous_takes_in_a_fifth_in_the_networks_order(state, never):
    more = apply(state, Confidence(True), never).state
    gained = more.mask & ~state.mask
    assert gained.sum() == round(0.2 * state.area) and (state.answer.probability[gained] > 0.25).all()
    assert not (state.mask & ~more.mask).any()


def test_stricter_leaves_out_the_least_sure_and_is_taken_back_by_more_generous(state, never):
    less = apply(state, Confidence(False), never).state
    lost = state.mask & ~less.mask
    assert lost[30:32, 48:50].all() and not (less.mask & ~state.mask).any()
    again = apply(less, Confidence(True), never).state
    assert np.count_nonzero(again.mask ^ state.mask) <= 0.02 * state.area


def test_more_generous_at_a_place_stays_there(state, never):
    more = apply(state, Confidence(True, region=place("left", frame="image")), never).state
    assert more.area > state.area and np.array_equal(more.mask[:, 36:], state.mask[:, 36:])


def test_a_threshold_is_that_of_the_probability(state, never):
    assert np.array_equal(apply(state, Threshold(0.85), never).state.mask, state.answer.probability >= 0.85)
    assert np.array_equal(apply(state, Threshold(0.2), never).state.mask, state.answer.probability >= 0.2)


def test_larger_by_pixels_is_a_disc_around(state, never):
    grown = apply(state, Resize(True, value=3, unit="px"), never).state
    assert np.array_equal(grown.mask, ndimage.distance_transform_edt(~state.mask) <= 3)


def test_smaller_by_pixels_takes_that_much_off_each_edge(state, never):
    shrunk = apply(state, Resize(False, value=2, unit="px"), never).state
    expected = np.zeros_like(LEFT)
    expected[12:18, 7:23] = True
    expected[30:32, 47:53] = True
    assert np.array_equal(shrunk.mask, expected)


def test_millimetres_follow_the_spacing(said, never):
    state = State.of(said(spacing=(0.5, 2.0)))
    done = apply(state, Resize(True, value=2, unit="mm"), never)
    rows, columns = np.nonzero(done.state.mask[:, :36])
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (6, 23, 4, 25)  # 4 pixels down, 1 along
    assert "2 mm" in done.echo and "not known" not in done.echo


def test_without_spacing_millimetres_are_pixels_and_that_is_said(state, never):
    done = apply(state, Resize(True, value=2, unit="mm"), never)
    assert np.array_equal(done.state.mask, apply(state, Resize(True, value=2, unit="px"), never).state.mask)
    assert "2 pixels" in done.echo and "size of a pixel is not known" in done.echo


def test_larger_on_the_left_moves_nothing_on_the_right(state, never):
    grown = apply(state, Resize(True, value=2, unit="px", region=place("left")), never).state
    assert grown.mask[14, 3] and np.array_equal(grown.mask[:, 30:], state.mask[:, 30:])


def test_percent_changes_the_area_by_as_much(state, never):
    for grow in (True, False):
        done = apply(state, Resize(grow, value=50, unit="%"), never).state
        assert abs(done.area / state.area - (1.5 if grow else 0.5)) < 0.17


def test_what_is_taken_away_stays_away_when_the_mask_grows(state, never):
    gone = apply(state, Cover(place("right", frame="image"), False), never).state
    assert np.array_equal(gone.mask, LEFT)
    for _ in range(5):
        gone = apply(gone, Confidence(True), never).state
    assert not gone.mask[:, 30:].any()


def test_a_place_is_taken_in_where_it_is_likeliest(state, never):
    more = apply(state, Cover(place("", "upper", "image"), True), never).state
    gained = more.mask & ~state.mask
    assert gained.any() and not gained[16:].any() and (state.answer.probability[gained] > 0.25).all()


def test_above_a_line(state, never):
    above = Region((), beyond="up", line=0.5, name="middle")
    done = apply(state, Cover(above, False), never)
    assert np.array_equal(done.state.mask, RIGHT) and "50%" in done.echo and "not looked for" in done.echo
    assert np.array_equal(apply(state, KeepRegion(above), never).state.mask, LEFT)


@pytest.mark.parametrize(
    ("operation", "left"),
    [
        (Components(True, "largest"), LEFT),
        (Components(False, "largest"), RIGHT),
        (Components(False, "smallest"), LEFT),
        (Components(False, "largest", 1, 2), LEFT),
        (Components(False, "spot", spot=Spot("left")), RIGHT),
        (Components(True, "spot", spot=Spot("", "lower")), RIGHT),
        (Components(False, "spot", spot=Spot("right", "lower")), LEFT),
    ],
)
def test_parts(state, never, operation, left):
    assert np.array_equal(apply(state, operation, never).state.mask, left)


def test_specks_are_what_is_far_smaller_than_the_largest(said, never):
    answer = said()
    answer.probability[1, 1] = answer.probability[38, 3:5] = 0.99
    done = apply(State.of(answer), Components(False, "specks"), never)
    assert np.array_equal(done.state.mask, LEFT | RIGHT)


def test_holes_are_filled_and_nothing_else(said, never):
    answer = said()
    answer.probability[13:16, 10:14] = 0.01
    assert np.array_equal(apply(State.of(answer), Shape("fill"), never).state.mask, LEFT | RIGHT)


def test_pieces_near_each_other_are_joined(said, never):
    answer = said()
    answer.probability[:, 14] = 0.01
    joined = apply(State.of(answer), Shape("join"), never).state
    assert joined.mask[10:20, 5:25].all() and ndimage.label(joined.mask)[1] == 2


def test_smoothing_takes_spikes_and_leaves_the_bulk(said, never):
    answer = said()
    answer.probability[15, 25:34] = 0.9
    smooth = apply(State.of(answer), Shape("smooth"), never).state
    assert not smooth.mask[15, 30] and smooth.mask[12:18, 8:22].all()


def test_moved(state, never):
    up = apply(state, Move("up", value=4, unit="px"), never).state
    assert np.array_equal(up.mask[:-4], state.mask[4:])
    right = apply(state, Move("right", value=7, unit="px"), never).state
    assert np.array_equal(right.mask[:, 7:], state.mask[:, :-7]) and not right.mask[:, :7].any()


def test_brush_and_eraser(state, never):
    drawn = apply(state, Stroke(((5.0, 30.0), (5.0, 40.0)), 1.0, True), never).state
    gained = drawn.mask & ~state.mask
    assert gained[4:7, 30:41].all() and gained.sum() == 3 * 11 + 2
    erased = apply(drawn, Stroke(((5.0, 30.0), (5.0, 40.0)), 1.5, False), never).state
    assert np.array_equal(erased.mask, state.mask)


def test_a_click_takes_in_what_is_alike_around_it(state, never):
    added = apply(state, Point(9, 4, True), never)
    gained = added.state.mask & ~state.mask
    assert gained[9, 4] and (state.answer.probability[gained] > 0.25).all() and added.state.clicks[-1].wanted
    taken = apply(state, Point(31, 49, False), never).state
    assert not taken.mask[30:32, 48:50].any() and taken.mask[LEFT].all()


@pytest.mark.parametrize(
    "operation",
    [Point(40, 0, True), Point(0, -1, False), Stroke(((-9.0, -9.0),), 2.0, True), Stroke((), 2.0, True)],
)
def test_outside_the_picture_is_nothing(state, never, operation):
    with pytest.raises(NothingToDo):
        apply(state, operation, never)


@pytest.mark.parametrize(
    "operation",
    [Confidence(False), Resize(True), Resize(False), Components(True, "largest"), Shape("smooth"), Move("up"), Clear(),
     Cover(place("left"), False), KeepRegion(place("left"))],
)  # fmt: skip
def test_of_an_empty_mask_nothing_can_be_taken_or_kept(state, never, operation):
    empty = apply(state, Clear(), never).state
    with pytest.raises(NothingToDo, match="empty"):
        apply(empty, operation, never)


def test_what_was_cleared_comes_back_last(state, never):
    empty = apply(state, Clear(), never).state
    again = apply(empty, Confidence(True, "vast"), never).state
    assert again.area and not (again.mask & state.mask).any()


def test_a_state_never_changes(state, never):
    evidence, mask = state.evidence.copy(), state.mask
    for operation in (Confidence(True), Resize(True), Cover(place("left"), False), Shape("smooth"), Clear()):
        apply(state, operation, never)
    assert np.array_equal(evidence, state.evidence) and np.array_equal(mask, state.mask)


def test_a_whole_picture_that_is_found_has_no_edge_to_grow_from(said, never):
    answer = said()
    answer.probability[:] = 0.9
    state = State.of(answer)
    for operation in (Resize(True), Confidence(True), Resize(False, value=2, unit="px")):
        with pytest.raises(NothingToDo):
            apply(state, operation, never)


def test_what_is_written_has_the_corrected_mask(state, never):
    done = apply(state, Cover(place("right", frame="image"), False), never).state
    written = done.segmentation
    assert np.array_equal(written.mask, done.mask) and "corrected" in written.doubts[-1]
    assert state.segmentation is state.answer  # of what was not changed, the model's own
    cleared = apply(state, Clear(), never).state.segmentation
    assert cleared.state == "not found" and not cleared.mask.any()


def test_a_mask_drawn_where_the_model_said_nothing_is_there_is_found(said, never):
    negated = said("no opacity", negated=True)
    negated.probability[:] = 0
    drawn = apply(State.of(negated), Stroke(((9.0, 9.0),), 3.0, True), never).state
    assert drawn.segmentation.state == "found" and np.array_equal(drawn.segmentation.mask, drawn.mask)
