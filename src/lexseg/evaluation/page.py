"""``report.html``: one file that needs nothing else, for light and dark screens and for print."""

from collections.abc import Iterable
from html import escape
from importlib.resources import files
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from lexseg.evaluation.gallery import Kept
from lexseg.evaluation.markup import cell, plot, ranged, share, swatch, table, three
from lexseg.evaluation.page_presence import presence
from lexseg.evaluation.page_referring import expressions_shown, groups, referring
from lexseg.evaluation.pictures import PROBE_WORDS, figure
from lexseg.evaluation.plots import probe_bars, score_histograms, size_against_dice
from lexseg.outputs.overlay import FOUND, TRUTH

if TYPE_CHECKING:
    from lexseg.evaluation.measured import Measured


def build_page(report: "Measured", *, include_text: bool = False) -> str:
    """The whole page.

    Args:
        report: what was found.
        include_text: show sentences, which are patient data, below the pictures.
    """
    summary = report.summary
    # of a folder its last two names will do: above them stands how somebody's disk is ordered
    name = "/".join(PurePath(summary["model"]["name"]).parts[-2:])
    title = f"{name} on {summary['n']} {'phantoms' if summary['data']['phantoms'] else 'cases'}"
    sections = [
        _head(summary, title),
        _scores(report),
        _probes(report),
        referring(summary),
        presence(report),
        groups(summary),
        _pictures(report, include_text),
        _provenance(summary, name),
        "<footer>Research use only: not a medical device. Every mean is given with its 95 % interval, "
        "resampled by patient, or by image where no patient is known.</footer>",
    ]
    css = files("lexseg.evaluation").joinpath("page.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{css}</style>\n</head>\n<body>\n"
        + "\n".join(part for part in sections if part)
        + "\n</body>\n</html>\n"
    )


def _head(summary: dict[str, Any], title: str) -> str:
    empty = summary["n"] - summary["n_foreground"]
    cards = [
        ("Dice, per image", three(summary["per_image"]["dice"]["mean"]), ranged(summary["per_image"]["dice"]["ci95"])),
        ("Dice, pooled", three(summary["pooled"]["dice"]), ranged(summary["pooled"]["dice_ci95"])),
        ("missed", str(summary["missed"]), f"of {summary['n_foreground']} with a target"),
        ("false alarms", str(summary["false_alarms"]), f"of {empty} without a target" if empty else "no empty cases"),
    ]
    facts = [
        "drawn phantoms: no result on patients" if summary["data"]["phantoms"] else "",
        f"split {summary['split']}" if summary.get("split") else "",
        f"scored at {summary['resolution']} resolution",
        f"empty masks: {summary['empty_rule']}",
        summary["date"][:10],
    ]
    boxes = "".join(
        f'<div class="card">{escape(a)}<b>{escape(b)}</b><span>{escape(c)}</span></div>' for a, b, c in cards
    )
    line = escape(" · ".join(fact for fact in facts if fact))
    return f'<h1>{escape(title)}</h1>\n<div class="soft">{line}</div>\n<div class="cards">{boxes}</div>'


def _scores(report: "Measured") -> str:
    summary = report.summary
    rows = [["", "cases", "Dice", "IoU"]]
    drawn = sum(s.located and s.has_foreground for s in report.scores)
    named = [("per image", "per_image", summary["n_located"])]
    if drawn < summary["n_located"]:
        named.append(("per image, with a target only", "per_image_foreground", drawn))
    for label, key, n in named:
        part = summary[key]
        rows.append([escape(label), str(n), cell(part["dice"]), cell(part["iou"])])
    pooled = [{"mean": summary["pooled"][m], "ci95": summary["pooled"][f"{m}_ci95"]} for m in ("dice", "iou")]
    rows.append(["pooled over all pixels", str(summary["n_located"]), *map(cell, pooled)])
    hd95, nsd = summary["hd95"], summary["nsd"]
    outline = [
        ["", "mean", ""],
        [f"HD95 [{escape(hd95['unit'])}]", cell(hd95), _diagonals(hd95["n_one_empty"])],
        [f"surface Dice at {nsd['tolerance']} {escape(nsd['unit'])}", cell(nsd), ""],
    ]
    note = "Per image and pooled scores of the same masks differ by several points: compare like with like."
    if summary["n_located"] < summary["n"]:
        note += f" Of {summary['n'] - summary['n_located']} cases it is known that the target is there, but not where."
    spread = plot(score_histograms(report.scores, hd95["unit"]))
    return f"<h2>Scores</h2>{table(rows, note)}{table(outline)}{spread}{plot(size_against_dice(report.scores))}"


def _diagonals(n: int) -> str:
    return f"{n} {'case counts' if n == 1 else 'cases count'} as the image diagonal" if n else ""


def _probes(report: "Measured") -> str:
    summary = report.summary
    head = "<h2>Does it listen?</h2>"
    reasons = "".join(
        f'<p class="soft">{escape(PROBE_WORDS[name].capitalize())}: not asked, {escape(why)}.</p>'
        for name, why in summary["text_probes_missing"].items()
    )
    if not summary["n_located"]:
        return f'{head}<p class="soft">Not measured: nobody has drawn where the targets are.</p>'
    names = list(summary["text_probes"])
    if len(set(summary["text_probes_missing"].values())) == 1 and len(summary["text_probes_missing"]) == len(names):
        why = next(iter(summary["text_probes_missing"].values()))
        reasons = f'<p class="soft">Not asked: {escape(why)}.</p>'
    if all(summary["text_probes"][name] is None for name in names):
        return head + reasons
    rows = [
        [
            "asked with",
            "Dice, per image",
            "Dice, pooled",
            "sentences altered",
            "Dice on those: given, probe",
            "drop",
            "lost: from 0.5 or more to below 0.1",
        ]
    ]
    rows.append(
        [PROBE_WORDS["given"], cell(summary["per_image"]["dice"]), three(summary["pooled"]["dice"]), "", "", "", ""]
    )
    for name in names:
        probe = summary["text_probes"][name]
        if probe is None:
            continue
        changed = probe["changed_only"]
        compared = f"{three(changed['given'])}, {three(changed[name])}" if changed else ""
        rows.append(
            [
                PROBE_WORDS[name],
                cell(probe["per_image"]["dice"]),
                three(probe["pooled"]["dice"]),
                str(probe["n_changed"]),
                compared,
                cell(changed["drop"]) if changed else "",
                three(changed["catastrophic"]) if changed else "",
            ]
        )
    intro = (
        "<p>The same images, asked otherwise. A model that follows the words gets worse with the wrong ones; "
        "a drop whose interval holds zero cannot be told from not listening at all.</p>"
    )
    return f"{head}{intro}{plot(probe_bars(summary))}{table(rows)}{reasons}"


def _pictures(report: "Measured", include_text: bool) -> str:
    gallery = report.gallery
    groups = (("Best", gallery.best), ("Worst", gallery.worst), ("False alarms", gallery.false_alarms))
    parts = [f"<h3>{title}</h3>{_grid(report, kept, include_text)}" for title, kept in groups if kept]
    if gallery.compared:
        parts.append(
            "<h3>The same image, other words</h3>"
            '<p class="soft">Drawn by chance from the cases whose sentence the probes alter.</p>'
            + "".join(_comparison(report, kept, include_text) for kept in gallery.compared)
        )
    if gallery.expressions:
        parts.insert(0, expressions_shown(report, include_text))
    if not parts:
        return ""
    key = f'<p class="soft">{swatch(FOUND)}found &nbsp; {swatch(TRUTH)}reference</p>'
    return f"<h2>Pictures</h2>{key}{''.join(parts)}"


def _grid(report: "Measured", group: Iterable[Kept], include_text: bool) -> str:
    figures = []
    for kept in group:
        score = report.scores[kept.index]
        lines = [
            f"<b>Dice {kept.dice:.3f}</b>",
            escape(score.case.id),
            f"target {share(score.given.reference, score.pixels)}",
        ]
        if include_text and score.case.text:
            lines.append(escape(score.case.text))
        figures.append(figure(report, kept, "given", "<br>".join(lines)))
    return f'<div class="grid">{"".join(figures)}</div>'


def _comparison(report: "Measured", kept: Kept, include_text: bool) -> str:
    score, asked = report.scores[kept.index], report.questions.of(kept.index)
    figures = []
    for name in kept.masks:
        dice = (score.given if name == "given" else score.probes[name]).dice
        lines = [f"<b>Dice {dice:.3f}</b>", PROBE_WORDS[name]]
        if include_text and asked[name]:
            lines.append(escape(str(asked[name])))
        figures.append(figure(report, kept, name, "<br>".join(lines)))
    return f'<p>{escape(score.case.id)}</p><div class="grid four">{"".join(figures)}</div>'


def _provenance(summary: dict[str, Any], name: str) -> str:
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
    rows = [[escape(key), escape(str(value))] for key, value in shown.items() if value is not None]
    body = "".join(f'<tr><th>{key}</th><td class="word">{value}</td></tr>' for key, value in rows)
    return f'<h2>Made with</h2><div class="scroll"><table>{body}</table></div>'
