"""Cells of a comparison without training: real images, real reports, and answers that are as good as we want."""

from dataclasses import dataclass, field
from unittest.mock import patch

import numpy as np

from lexseg.cases.truth import truth_of
from lexseg.comparison.cells import REPORT, CellRecord, cells_of
from lexseg.comparison.plan import NULL
from lexseg.evaluation.evaluate import EvaluationOptions, evaluate
from lexseg.scans.images import read_image


@dataclass
class Painter:
    """Knows the truth, and paints it some pixels off: more where it is asked with other words than the case's own."""

    off: float
    seed: int = 0
    listens: float = 0.0  # pixels more with other words, or none
    uses_text: bool = True
    name: str = "painter"
    sha256: str | None = "b" * 64
    threshold: float = 0.5
    laterality: str | None = "image"
    truths: dict = field(default_factory=dict)

    def learn(self, cases):
        for case in cases:
            own = self.truths.setdefault(_key(read_image(case.image)), {})
            own[case.text] = truth_of(case).mask

    def segment_batch(self, images, texts, tta=False):
        return [[self.answer(image, text) for text in asked] for image, asked in zip(images, texts, strict=True)]

    def answer(self, image, text):
        known = self.truths[_key(image)]
        mask = known.get(text)
        away = self.off if mask is not None else self.off + self.listens
        if mask is None:
            mask = next(iter(known.values()))
        rng = np.random.default_rng([self.seed, int(mask.sum()), *mask.shape])
        turn = rng.uniform(0, 2 * np.pi)
        moved = np.roll(mask, [round(away * np.sin(turn)), round(away * np.cos(turn))], (0, 1))
        return moved.astype(np.float32) * 0.9


def _key(image):
    return hash(np.asarray(image).tobytes())


def write_cell(cell, output, cases, painter, *, by=(), resamples=50):
    """The cell's report and record, as a run of it would leave them."""
    folder = cell.folder(output)
    folder.mkdir(parents=True)
    painter.learn(cases)
    report = evaluate(painter, cases, EvaluationOptions(n_resamples=resamples, by=tuple(by), wordings=1))
    (folder / REPORT).mkdir()
    with patch("lexseg.evaluation.page.build_page", return_value=""):  # of each cell; pictures take long
        report.write(folder / REPORT)
    train = {"steps": 10, "seconds": 2.0, "images_per_s": 80.0, "parameters": 4_510_000, "trainable": 4_400_000}
    CellRecord(cell.key, "done", "", train, 812.0, "f").write(folder)


def fail_cell(cell, output, reason):
    folder = cell.folder(output)
    folder.mkdir(parents=True)
    CellRecord(cell.key, "failed", reason, {"steps": 3, "seconds": 1.0}, 500.0, "f").write(folder)


def fill(plan, output, cases, quality, *, fail=None, skip=()):
    """All cells of a plan: `quality` gives each method's pixels off, and pixels more with other words."""
    for cell in cells_of(plan):
        chosen = cases[cell.dataset]
        if cell.key in (fail or {}):
            fail_cell(cell, output, fail[cell.key])
        elif cell.key not in skip:
            off, listens = quality[cell.method]
            silent = cell.text == NULL
            painter = Painter(off + (listens if silent else 0), cell.seed, 0 if silent else listens)
            write_cell(cell, output, chosen, painter, by=plan.datasets[cell.dataset].by)
