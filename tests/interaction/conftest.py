"""A mask whose corrections can be worked out by hand."""

import numpy as np
import pytest

from lexseg.interaction.state import State
from lexseg.predict.segmentation import Segmentation


@pytest.fixture
def said():
    """About 40 x 60 pixels: a block of 10 x 20 at the left, a smaller one at the right, less around the first."""

    def make(text="opacity in the left lung", **values):
        probability = np.full((40, 60), 0.05, np.float32)
        probability[8:22, 3:27] = 0.3
        probability[10:20, 5:25] = 0.9
        probability[28:34, 45:55] = 0.8
        probability[30:32, 48:50] = 0.6
        return Segmentation(probability + np.linspace(0, 0.01, 60, dtype=np.float32), 0.5, text, **values)

    return make


@pytest.fixture
def state(said):
    return State.of(said())


@pytest.fixture
def never():
    """What must not be asked: no second sentence is looked for."""

    def look(sentence):
        raise AssertionError("the image was asked again")

    return look
