"""Clicks that a refiner answers: it sees what was pointed at, and a click is kept whatever the network makes of it."""

import numpy as np
import torch

from lexseg.interaction.operations import Point
from lexseg.interaction.refining import refiner_of
from lexseg.interaction.session import CorrectionSession
from lexseg.interaction.state import State
from lexseg.models.refiner import Refiner
from lexseg.predict.segmentation import Segmentation
from lexseg.predict.words import Sides
from lexseg.training.refiner.folder import LoadedRefiner, load_refiner, write_refiner


class Follows(torch.nn.Module):
    """Answers: what is as bright as the wanted clicks, and nothing where none was made."""

    def forward(self, maps):
        gray, wanted = maps[:, :1], maps[:, 2:3]
        level = (gray * wanted).sum() / wanted.sum().clamp(min=1)
        return 10 * (0.1 - (gray - level).abs()) * (1 if wanted.any() else -1)


IMAGE = np.full((40, 60), 0.2, np.float32)
IMAGE[10:20, 30:50] = 0.8


def session(network, image=IMAGE):
    probability = np.full(image.shape, 0.1, np.float32)
    probability[30:38, 5:15] = 0.9
    said = Segmentation(probability, 0.5)
    made = CorrectionSession.of(said, lambda text: said, Sides())
    made.refine = refiner_of(LoadedRefiner(network, 32, "0"), image)
    return made


def test_a_click_is_answered_by_the_refiner_and_undone_exactly():
    made = session(Follows())
    first = made.mask.copy()
    reply = made.do([Point(15, 40, True)])
    assert reply.done and "by the refiner" in reply.echo
    inside = made.mask[10:20, 30:50]
    assert inside.mean() > 0.8 and np.count_nonzero(made.mask) - np.count_nonzero(inside) < 60
    made.undo()
    assert np.array_equal(made.mask, first) and not made.state.clicks


def test_a_click_is_kept_whatever_the_refiner_says():
    class Never(torch.nn.Module):
        def forward(self, maps):
            return torch.full_like(maps[:, :1], -5.0)

    made = session(Never())
    made.do([Point(15, 40, True)])
    assert made.mask[15, 40] and made.state.area < 30
    made.do([Point(15, 40, False)])
    assert not made.mask[15, 40]


def test_outside_the_picture_is_told():
    assert "outside the picture" in session(Follows()).do([Point(400, 1, True)]).echo


def test_words_go_on_from_what_the_refiner_made():
    made = session(Follows())
    made.do([Point(15, 40, True)])
    area = made.state.area
    assert made.correct("2 px larger").done and made.state.area > area


def test_a_real_network_on_a_real_size(tmp_path):
    torch.manual_seed(0)
    write_refiner(tmp_path / "made", Refiner((8, 16, 16)), size=32, how={})
    state = State.of(Segmentation(np.full((40, 60), 0.3, np.float32), 0.5))
    refined = refiner_of(load_refiner(tmp_path / "made"), np.dstack([IMAGE] * 3))(state)
    assert refined.shape == (40, 60) and np.isfinite(refined.evidence).all()
