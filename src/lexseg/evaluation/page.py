"""``report.html``: one file that needs nothing else, for light and dark screens and for print."""

from collections.abc import Iterable
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from lexseg.evaluation.gallery import Kept
from lexseg.evaluation.markup import Cell, Rows, bold, cell, ranged, share, three
from lexseg.evaluation.page_presence import presence
from lexseg.evaluation.page_referring import expressions_shown, groups, referring
from lexseg.evaluation.pictures import PROBE_WORDS, Figure, figure
from lexseg.evaluation.plots import probe_bars, score_histograms, size_against_dice
from lexseg.evaluation.probes import ANSWERED, LOST, PUBLISHED
from lexseg.outputs.html import render
from lexseg.outputs.overlay import FOUND, TRUTH

if TYPE_CHECKING:
    from lexseg.evaluation.measured import Measured


def build_page(report: "Measured", *, include_text: bool = False) -> str:
    """The report of an evaluation as one HTML page: scores, probes, plots and a gallery of cases.

    Args:
        report: what was found.
        include_text: show sentences, which are patient data, below the pictures.
    """
    summary = report.summary
    # of a folder its last two names will do: above them stands how somebody's disk is ordered
    name = "/".join(PurePath(summary["model"]["name"]).parts[-2:])
    return render(
        "evaluation/page.html",
        title=f"{name} on {summary['n']} {'phantoms' if summary['data']['phantoms'] else 'cases'}",
        facts=_facts(summary),
        cards=_cards(summary),
        scores=_scores(report),
        probes=_probes(report),
        referring=referring(summary),
        presence=presence(report),
        groups=groups(summary),
        pictures=_pictures(report, include_text),
        made=_provenance(summary, name),
    )


def _facts(summary: dict[str, Any]) -> str:
    facts = [
        "drawn phantoms: no result on patients" if summary["data"]["phantoms"] else "",
        f"split {summary['split']}" if summary.get("split") else "",
        f"scored at {summary['resolution']} resolution",
        f"empty masks: {summary['empty_rule']}",
        summary["date"][:10],
    ]
    return " · ".join(fact for fact in facts if fact)


def _cards(summary: dict[str, Any]) -> list[tuple[str, str, str]]:
    empty = summary["n"] - summary["n_foreground"]
    return [
        ("Dice, per image", three(summary["per_image"]["dice"]["mean"]), ranged(summary["per_image"]["dice"]["ci95"])),
        ("Dice, pooled", three(summary["pooled"]["dice"]), ranged(summary["pooled"]["dice_ci95"])),
        ("missed", str(summary["missed"]), f"of {summary['n_foreground']} with a target"),
        ("false alarms", str(summary["false_alarms"]), f"of {empty} without a target" if empty else "no empty cases"),
    ]


def _scores(report: "Measured") -> dict[str, Any]:
    summary = report.summary
    rows: Rows = [["", "cases", "Dice", "IoU"]]
    drawn = sum(s.located and s.has_foreground for s in report.scores)
    named = [("per image", "per_image", summary["n_located"])]
    if drawn < summary["n_located"]:
        named.append(("per image, with a target only", "per_image_foreground", drawn))
    for label, key, n in named:
        part = summary[key]
        rows.append([label, str(n), cell(part["dice"]), cell(part["iou"])])
    pooled = [{"mean": summary["pooled"][m], "ci95": summary["pooled"][f"{m}_ci95"]} for m in ("dice", "iou")]
    rows.append(["pooled over all pixels", str(summary["n_located"]), *map(cell, pooled)])
    hd95, nsd = summary["hd95"], summary["nsd"]
    outline: Rows = [
        ["", "mean", ""],
        [f"HD95 [{hd95['unit']}]", cell(hd95), _diagonals(hd95["n_one_empty"])],
        [f"surface Dice at {nsd['tolerance']} {nsd['unit']}", cell(nsd), ""],
    ]
    note = "Per image and pooled scores of the same masks differ by several points: compare like with like."
    if summary["n_located"] < summary["n"]:
        note += f" Of {summary['n'] - summary['n_located']} cases it is known that the target is there, but not where."
    return {
        "rows": rows,
        "note": note,
        "outline": outline,
        "histograms": score_histograms(report.scores, hd95["unit"]),
        "sizes": size_against_dice(report.scores),
    }


def _diagonals(n: int) -> str:
    return f"{n} {'case counts' if n == 1 else 'cases count'} as the image diagonal" if n else ""


def _probes(report: "Measured") -> dict[str, Any]:
    summary = report.summary
    missing, probes = summary["text_probes_missing"], summary["text_probes"]
    if not summary["n_located"]:
        return {"rows": [], "told": ["Not measured: nobody has drawn where the targets are."]}
    told = [f"{PROBE_WORDS[name].capitalize()}: not asked, {why}." for name, why in missing.items()]
    if len(set(missing.values())) == 1 and len(missing) == len(probes):
        told = [f"Not asked: {next(iter(missing.values()))}."]
    if all(probe is None for probe in probes.values()):
        return {"rows": [], "told": told}
    return {"rows": _probe_rows(summary), "note": PUBLISHED, "plot": probe_bars(summary), "told": told}


def _probe_rows(summary: dict[str, Any]) -> Rows:
    head = ["asked with", "Dice, per image", "Dice, pooled", "sentences altered", "Dice on those: given, probe", "drop"]
    own = [cell(summary["per_image"]["dice"]), three(summary["pooled"]["dice"])]
    head += [f"lost: from {ANSWERED} or more to below {LOST}", "nothing painted"]
    rows: Rows = [head, [PROBE_WORDS["given"], *own, "", "", "", "", ""]]
    for name, probe in summary["text_probes"].items():
        if probe is None:
            continue
        changed = probe["changed_only"]
        rows.append(
            [
                PROBE_WORDS[name],
                cell(probe["per_image"]["dice"]),
                three(probe["pooled"]["dice"]),
                str(probe["n_changed"]),
                f"{three(changed['given'])}, {three(changed[name])}" if changed else "",
                cell(changed["drop"]) if changed else "",
                three(changed["catastrophic"]) if changed else "",
                three(changed["empty"]) if changed and "empty" in changed else "",
            ]
        )
    return rows


def _pictures(report: "Measured", include_text: bool) -> dict[str, Any] | None:
    gallery = report.gallery
    ranked = (("Best", gallery.best), ("Worst", gallery.worst), ("False alarms", gallery.false_alarms))
    if not any((gallery.best, gallery.worst, gallery.false_alarms, gallery.compared, gallery.expressions)):
        return None
    return {
        "found": FOUND,
        "truth": TRUTH,
        "expressions": expressions_shown(report, include_text),
        "ranked": [(heading, _figures(report, kept, include_text)) for heading, kept in ranked if kept],
        "compared": [
            (report.scores[kept.index].case.id, _compared(report, kept, include_text)) for kept in gallery.compared
        ],
    }


def _figures(report: "Measured", group: Iterable[Kept], include_text: bool) -> list[Figure]:
    figures = []
    for kept in group:
        score = report.scores[kept.index]
        target = f"target {share(score.given.reference, score.pixels)}"
        lines: list[Cell] = [bold(f"Dice {kept.dice:.3f}"), score.case.id, target]
        if include_text and score.case.text:
            lines.append(score.case.text)
        figures.append(figure(report, kept, "given", lines))
    return figures


def _compared(report: "Measured", kept: Kept, include_text: bool) -> list[Figure]:
    score, asked = report.scores[kept.index], report.questions.of(kept.index)
    figures = []
    for name in kept.masks:
        dice = (score.given if name == "given" else score.probes[name]).dice
        lines: list[Cell] = [bold(f"Dice {dice:.3f}"), PROBE_WORDS[name]]
        if include_text and asked[name]:
            lines.append(str(asked[name]))
        figures.append(figure(report, kept, name, lines))
    return figures


def _provenance(summary: dict[str, Any], name: str) -> list[tuple[str, str]]:
    shown = {
        "model": f"{name} ({summary['model']['kind']})",
        "model, SHA-256": summary["model"]["sha256"],
        "data": ", ".join(summary["data"]["manifests"]),
        "data, SHA-256": summary["data"]["sha256"],
        "sentence": summary.get("text_column"),
        "cases with a sentence": f"{summary['data']['n_with_text']} of {summary['n']}",
        "patients (images where unknown)": summary["n_clusters"],
        "threshold": summary["threshold"],
        "test-time augmentation": "yes" if summary["tta"] else "no",
        "left means": f"the {summary['laterality']}'s left" if summary["laterality"] else "not stated by the model",
        "shuffled by": summary["shuffled_by"],
        "seed": summary["seed"],
        "intervals": f"{summary['interval']['method']}, {summary['interval']['n_resamples']} resamples",
        "made": summary["date"],
        "versions": ", ".join(f"{package} {number}" for package, number in summary["versions"].items()),
    }
    if summary["model"]["kind"] == "predictions":
        shown["left means"] = None
    return [(key, str(value)) for key, value in shown.items() if value is not None]
