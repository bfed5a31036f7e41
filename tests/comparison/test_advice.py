"""What our measurements would choose, and by which row."""

import csv
from pathlib import Path

import pytest

from lexseg.cli.main import main
from lexseg.comparison.advice import MeasuredRow, Stock, advise, measurements, stock_of
from lexseg.errors import DataError
from lexseg.training.recipe import shipped_recipes
from lexseg.training.regimes import NONE, REGIMES

ROOT = Path(__file__).parents[2]


def row(
    recipe: str, dice: float, labels: int = 80, *, regime: str = "supervised", words: str = "none", gain=None
) -> MeasuredRow:
    return MeasuredRow("set", labels, 0, recipe, regime, words, 1, 1, dice, gain, "here")


def stock(labelled: int = 80, unlabelled: int = 0, told: int = 0) -> Stock:
    return Stock(labelled, unlabelled, told, 0, 50, 20)


def test_every_row_is_what_was_measured() -> None:
    checked = 0
    for each in measurements():
        assert each.recipe in shipped_recipes() and each.regime in (NONE, *REGIMES)
        if each.source.startswith("docs/results/"):
            with (ROOT / each.source / "summary.csv").open(encoding="utf-8", newline="") as file:
                known = {(r["method"], r["dataset"]): r for r in csv.DictReader(file)}
            method = each.recipe.removesuffix("-lite")
            found = known[method, {"QaTa-COV19": "qata", "Kvasir polyps": "polyp"}[each.dataset]]
            assert each.dice == pytest.approx(float(found["dice_per_image"]), abs=6e-4)
            assert each.runs == int(found["n_seeds"])
            checked += 1
    assert checked


def test_the_number_of_labels_decides_which_rows_are_held_side_by_side() -> None:
    rows = [row("few", 0.5, 50), row("many", 0.9, 5000), row("more", 0.8, 5000)]
    assert advise(stock(80), rows).row.recipe == "few"
    found = advise(stock(2000), rows)
    assert found.row.recipe == "many" and [r.recipe for r in found.beside] == ["more"]
    assert any("as a hint alone" in note for note in advise(stock(5), rows).notes)
    assert not any("hint" in note for note in found.notes)


def test_a_regime_must_have_an_interval_above_nothing() -> None:
    better = row("unet-lite", 0.75, regime="dec", gain=(0.03, 0.01, 0.05))
    doubtful = row("unet-lite", 0.78, regime="mean-teacher", gain=(0.06, -0.01, 0.13))
    alone = row("unet-lite", 0.72)
    assert advise(stock(80, 700), [alone, doubtful]).row is alone
    assert any("of no proven use" in n for n in advise(stock(80, 700), [alone, doubtful]).notes)
    found = advise(stock(80, 700), [alone, doubtful, better])
    assert found.row is better and "--regime dec" in found.command
    assert advise(stock(80, 0), [alone, doubtful, better]).row is alone  # nothing to use it on
    elsewhere = row("unet-lite", 0.6, 9, regime="dec", gain=(0.03, 0.01, 0.05))
    noted = advise(stock(80, 700), [alone, doubtful, elsewhere]).notes
    assert any("no proven use by any row there" in n and "--regime dec" in n for n in noted)


def test_recipes_that_read_words_need_some() -> None:
    rows = [row("tmca-lite", 0.8, words="own"), row("unet-lite", 0.7)]
    assert advise(stock(80, told=80), rows).row.recipe == "tmca-lite"
    assert advise(stock(80, told=10), rows).row.recipe == "unet-lite"


def test_without_a_mask_there_is_nothing_to_train() -> None:
    found = advise(stock(0, 500, told=500), measurements())
    assert found.row is None and found.command == "" and "pretrain align" in found.notes[0]
    note = advise(stock(0, 500), measurements()).notes[0]
    assert all(said in note for said in ("packaged encoder", "pretrain restoration", "short"))  # as was measured


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    header, lines = "id,image,mask,split,patient,text", []
    for i in range(10):
        (tmp_path / f"{i}.png").write_bytes(b"\x89PNG never opened" + bytes([i]))
        (tmp_path / f"m{i}.png").write_bytes(b"nor this")
        mask = f"m{i}.png" if i < 4 or i > 7 else ""
        lines.append(f"c{i},{i}.png,{mask},{'val' if i > 7 else 'train'},p{i // 2},{'a polyp' if i < 6 else ''}")
    cases = tmp_path / "cases.csv"
    cases.write_text("\n".join([header, *lines]), encoding="utf-8")
    assert stock_of([str(cases)]) == Stock(4, 4, 6, 0, 4, 2)
    assert main(["advise", str(cases)]) == 0
    said = capsys.readouterr().out
    assert "4 cases with a mask, 4 without; 6 with a sentence; patients: 4; kept apart: 2" in said
    assert "by this row:" in said and "lexseg train --config" in said
    cases.write_text(header + "\nc9,9.png,m9.png,val,p4,\n", encoding="utf-8")
    with pytest.raises(DataError, match="nothing to train on"):
        stock_of([str(cases)])
