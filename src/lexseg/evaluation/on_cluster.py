"""A model that is asked on the machines of a cluster."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lexseg.evaluation.sources import Found, Portion, Predictor, answer_portion


class OnCluster:
    """Answers as the model it stands for; each machine has a copy of that, and reads the images.

    All that evaluation asks beside (name, thresholds, laterality, ...) the model here says.

    Args:
        model: the model, opened here.
        open_model: opens the same model; it travels.
    """

    def __init__(self, model: Predictor, open_model: Callable[[], Predictor]) -> None:
        self._model, self._open = model, open_model

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def answer_files(self, portions: Sequence[Portion], tta: bool) -> Iterator[list[list[Found]]]:
        """As `answer_portion` for each, in their order; the cluster is joined already."""
        from lexseg.cluster import spread

        return spread(_Answering, (self._open, tta), portions, together=1)


class _Answering:
    def __init__(self, open_model: Callable[[], Predictor], tta: bool) -> None:
        self._model, self._tta = open_model(), tta

    def __call__(self, portion: Portion) -> list[list[Found]]:
        return answer_portion(self._model, portion, self._tta)
