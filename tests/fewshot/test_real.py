"""Breast tumours in sonograms, scribbled by a program, taught on the bundled model, which has met such images."""

from pathlib import Path

import numpy as np

import lexseg
from few_discs import dice
from lexseg.cases.manifest import read_manifest
from lexseg.cases.truth import read_truth
from lexseg.fewshot.fit import TeachingOptions
from lexseg.fewshot.sparse import sparsify
from lexseg.fewshot.support import Example
from lexseg.fewshot.teach import teach
from lexseg.models.io import load_model
from lexseg.predict.segmenter import Segmenter
from lexseg.scans.images import read_image

EXAMPLES = Path(lexseg.__file__).parent / "assets" / "examples" / "cases.csv"


def test_three_scribbled_sonograms_are_enough_for_a_fourth(tmp_path):
    cases = [case for case in read_manifest(EXAMPLES) if case.mask is not None and read_truth(case).any()][:4]
    shown = [
        Example.of(
            read_image(case.image),
            sparsify(read_truth(case), "scribbles", np.random.default_rng(0), distance=6, fraction=0.8),
            where=case.where,
        )
        for case in cases[:3]
    ]
    taught = teach(load_model("default"), shown, TeachingOptions(size=128, words="breast tumour"))
    taught.save(tmp_path / "m")
    found = Segmenter.from_pretrained(tmp_path / "m").segment(cases[3].image).mask
    assert dice(found, read_truth(cases[3])) > 0.5
