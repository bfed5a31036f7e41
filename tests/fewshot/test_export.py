"""A taught folder as ONNX graphs."""

from dataclasses import replace

import numpy as np
import pytest

from few_discs import OPTIONS, disc, examples
from lexseg.export.folder import export_model
from lexseg.fewshot.teach import teach
from lexseg.predict.segmenter import Segmenter


@pytest.mark.slow
@pytest.mark.parametrize(
    ("head", "parts"),
    [("ridge", ("model", "statistics", "place")), ("panet", ("statistics", "place")), ("anil", ("statistics",))],
)
def test_a_taught_folder_answers_as_graphs_too(base, tmp_path, head, parts):
    """Several images together as well: in the graphs no number of images may be fixed."""
    teach(base, examples(2), replace(OPTIONS, head=head, parts=parts, words="disc")).save(tmp_path / "taught")
    export_model(tmp_path / "taught", tmp_path / "graphs")
    torch, graphs = (
        Segmenter.from_pretrained(tmp_path / name, **given)
        for name, given in (("taught", {"engine": "torch"}), ("graphs", {}))
    )
    assert graphs.engine.kind == "onnx"
    images = [disc(seed)[0] for seed in (7, 8, 9)]
    for one, other in zip(*(each.segment_batch(images, [[None]] * 3) for each in (torch, graphs)), strict=True):
        assert np.abs(np.asarray(one[0]) - np.asarray(other[0])).max() < 1e-3
        assert 0.02 < (np.asarray(one[0]) > 0.5).mean() < 0.9
