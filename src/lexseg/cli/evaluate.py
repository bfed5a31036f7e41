"""``lexseg evaluate``: score a model, or another tool's masks, and probe whether the words matter."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lexseg.cli.check import add_links, progress_bar
from lexseg.cli.main import add_cluster, add_operating_point, add_running, add_threads, cluster, open_model, use_threads
from lexseg.cli.values import count, index, path_text
from lexseg.errors import ConfigError

if TYPE_CHECKING:
    from lexseg.evaluation.sources import PredictionFolder, Predictor

_HELP = "score a model, or another tool's masks, and probe whether the words matter"
_USAGE = """lexseg evaluate MODEL CASES [options] --output DIR
       lexseg evaluate CASES --predictions FOLDER [options] --output DIR"""
_DESCRIPTION = """Writes report.json, cases.csv (one row a case) and report.html (tables, plots, pictures).

MODEL is a bundled model, a model folder or a hub id; CASES is a manifest, or several with commas between them.
Every image is scored at its own size, and a model is asked four times: with the case's sentence, without one, with the
sentence of another case, and with left and right swapped. Referring data (with a column expression_kind, as `lexseg
refer` makes it) is also asked for another target of the image, for what the image does not hold, and in other wordings;
it is scored by gIoU, cIoU, Pr@X, N-acc and T-acc, and by three measures of listening."""
_EPILOG = """examples:
  lexseg evaluate default cases.csv --output report
  lexseg evaluate runs/mine/model cases.csv --split val --tta --save-masks --output report
  lexseg evaluate runs/mine/model cases.csv --split-file runs/mine/split.csv --split val --output report
  lexseg evaluate cases.csv --predictions other_tool/masks --split all --output report
  lexseg evaluate default cases.csv --split val --interactive 10 --output corrected
  lexseg evaluate default referring.csv --split val --by region,query --wordings 3 --output report

A folder of masks holds ID.png, or STEM.png or STEM_mask.png after the image's name, 0 for background.
Research use only: not a medical device."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``evaluate`` to the command line."""
    parser = subparsers.add_parser(
        "evaluate",
        help=_HELP,
        usage=_USAGE,
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "inputs",
        nargs="*",
        type=path_text,
        metavar="MODEL CASES",
        help="what is scored, and on what; CASES alone with --predictions",
    )
    add("--predictions", type=Path, metavar="FOLDER", help="score these masks instead of a model's")
    add("--output", type=Path, required=True, metavar="DIR", help="folder for the report; an earlier one is replaced")
    add("--split", metavar="NAME", help="train, val, test, or all (default: test)")
    add(
        "--split-file",
        "--split_file",
        type=Path,
        metavar="FILE",
        help="splits in place of the manifest's: the split.csv of a run, which it made where there were none, or folds",
    )
    add(
        "--text_column",
        "--text-column",
        type=_names,
        default=(),
        metavar="C[,C]",
        help="column of the sentence, and of its other wordings (default: text; of referring data also text_2, ...)",
    )
    add("--threshold", type=float, metavar="T", help="probability from which a pixel is found (default: the model's)")
    add_operating_point(add)
    add("--tta", action="store_true", help="test-time augmentation: average with the mirrored image and swapped words")
    add(
        "--size",
        type=int,
        metavar="N",
        help="score at N x N pixels, as many papers do (default: each image's own size)",
    )
    add(
        "--probes",
        type=_names,
        metavar="P[,P]",
        help="of none, shuffled, swapped, irrelevant, other, absent, class-free; '' for no probes (default: all that "
        "can be made; class-free for towers alone)",
    )
    add(
        "--wordings",
        type=int,
        default=3,
        metavar="N",
        help="ask at most N wordings of a referring expression (default: %(default)s)",
    )
    add("--by", type=_names, default=(), metavar="C[,C]", help="also score each value of these columns of CASES alone")
    add(
        "--classes",
        default="",
        metavar="C",
        help="the column of CASES that names each row's class: classes are scored on one map of an image, where each "
        "pixel goes to the most probable",
    )
    add("--save-masks", "--save_masks", action="store_true", help="also write the masks, to DIR/masks/ID.png")
    add("--include-text", "--include_text", action="store_true", help="show sentences, which may tell of a patient")
    add(
        "--interactive",
        type=count,
        metavar="N",
        help="instead: a simulated user corrects each mask by up to N sentences, beside yardsticks",
    )
    add(
        "--interactive-cases",
        "--interactive_cases",
        type=count,
        metavar="M",
        help="of at most M cases, drawn by --seed (default: all)",
    )
    add(
        "--refiner",
        type=Path,
        metavar="DIR",
        help="of --interactive: a refiner that answers one more yardstick's clicks",
    )
    add("--seed", type=index, default=0, metavar="N", help="of shuffled sentences and intervals (default: %(default)s)")
    add("--resamples", type=count, default=2000, metavar="N", help="bootstrap samples (default: %(default)s)")
    add_links(parser)
    add_cluster(add)
    add_threads(add)
    add_running(add)
    parser.set_defaults(run=run, usage_error=parser.error)
    _allow_options_between(parser)


def run(args: argparse.Namespace) -> int:
    """Evaluate, and print the scores."""
    from lexseg.cases.manifest import read_manifests
    from lexseg.cases.sentence_columns import sentence_columns
    from lexseg.cases.splits import apply_splits
    from lexseg.evaluation.cases import select_cases
    from lexseg.evaluation.evaluate import EvaluationOptions, evaluate_to

    use_threads(args.threads)
    model, manifests = _inputs(args)
    if args.cluster and (args.interactive is not None or model is None):
        raise ConfigError("--cluster spreads what a model is asked; leave it out with --interactive and --predictions")
    paths = [Path(part) for part in manifests.split(",")]
    texts = sentence_columns(paths, args.text_column)
    cases = read_manifests(paths, text_columns=texts, links=args.links)
    if args.split_file is not None:
        cases = apply_splits(cases, args.split_file)
    chosen = select_cases(cases, args.split)
    if args.refiner is not None and args.interactive is None:
        raise ConfigError("--refiner answers the clicks of --interactive N; give both")
    if args.interactive is not None:
        from lexseg.cli.evaluate_interactive import run_interactive
        from lexseg.predict.segmenter import Segmenter

        if model is None:
            raise ConfigError("--interactive corrects a model's masks; give MODEL and CASES")
        return run_interactive(Segmenter.from_pretrained(model, device=args.device), chosen, args)
    options = EvaluationOptions(
        threshold=args.threshold,
        tta=args.tta,
        size=args.size,
        seed=args.seed,
        n_resamples=args.resamples,
        probes=args.probes,
        wordings=args.wordings,
        by=args.by,
        classes=args.classes.strip(),
    )
    source = _source(model, args)
    with cluster(args), progress_bar("scoring") as progress:
        report = evaluate_to(
            args.output,
            source,
            chosen,
            options,
            save_masks=args.save_masks,
            include_text=args.include_text,
            notes={"split": args.split or "test", "text_column": ",".join(texts)},
            progress=progress,
        )
    print(_lines(report.summary, args.output))
    if getattr(source, "uses_text", False) and not any(text for case in chosen for text in case.texts):
        print("note: no case has a sentence; --text_column names the column of them", file=sys.stderr)
    return 0


def _names(value: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))


def _inputs(args: argparse.Namespace) -> tuple[str | None, str]:
    given = list(args.inputs)
    if args.predictions is not None:
        if len(given) != 1:
            args.usage_error("with --predictions give CASES alone: lexseg evaluate CASES --predictions FOLDER")
        return None, given[0]
    if len(given) != 2:
        args.usage_error("give MODEL and CASES, or CASES and --predictions FOLDER")
    return given[0], given[1]


def _source(model: str | None, args: argparse.Namespace) -> "Predictor | PredictionFolder":
    if model is None:
        if args.operating_point is not None:
            raise ConfigError("--operating-point: masks from a folder were made with one presence threshold already")
        from lexseg.evaluation.sources import PredictionFolder

        return PredictionFolder(args.predictions)
    from lexseg.training.weak.folder import is_towers_folder

    if is_towers_folder(model):
        from lexseg.training.weak.word_maps import WordMaps

        if args.operating_point is not None:
            raise ConfigError("--operating-point: towers do not say whether what the words name is there")
        return WordMaps.from_folder(model, device=args.device)
    opened = open_model(args, model)
    if not args.cluster:
        return opened
    from functools import partial

    from lexseg.evaluation.on_cluster import OnCluster

    return OnCluster(opened, partial(open_model, args, model))


def _lines(summary: dict[str, Any], output: Path) -> str:
    """The scores in words, each with its aggregation and interval."""
    what = "phantoms (drawn: no result on patients)" if summary["data"]["phantoms"] else "cases"
    rows = [f"{summary['model']['name']} on {summary['n']} {what}, {summary['resolution']} resolution"]
    dice, iou, pooled = summary["per_image"]["dice"], summary["per_image"]["iou"], summary["pooled"]
    rows.append(f"  per image   Dice {_number(dice)}   IoU {_number(iou)}")
    rows.append(f"  pooled      Dice {_plain(pooled['dice'])}   IoU {_plain(pooled['iou'])}")
    hd95, nsd = summary["hd95"], summary["nsd"]
    far = "-" if hd95["mean"] is None else f"{hd95['mean']:.2f} {hd95['unit']}"
    rows.append(f"  outline     HD95 {far}   NSD {_plain(nsd['mean'])}")
    rows.append(f"  missed {summary['missed']}, false alarms {summary['false_alarms']}")
    if undrawn := summary["n"] - summary["n_located"]:
        rows.append(f"  {undrawn} cases of targets that nobody has drawn: in presence and missed, in no score of masks")
    for name, probe in summary["text_probes"].items():
        if probe is None or not summary["n_located"]:
            continue
        changed = probe["changed_only"]
        mean, pooled_dice = probe["per_image"]["dice"]["mean"], probe["pooled"]["dice"]
        line = f"  {name:<10}  Dice per image {mean:.4f}, pooled {pooled_dice:.4f}"
        if changed is not None:
            line += f"; on the {probe['n_changed']} altered {changed['given']:.4f} -> {changed[name]:.4f}"
            if changed["catastrophic"] is not None:
                line += f", lost {changed['catastrophic']:.1%}"
            if "empty" in changed:
                line += f", nothing painted {changed['empty']:.1%}"
        rows.append(line)
    rows += [f"  {name:<10}  not asked: {why}" for name, why in summary["text_probes_missing"].items()]
    rows += [*_referring(summary), *_presence(summary["presence"])]
    for column, groups in summary["by"].items():
        rows.append(f"  by {column}")
        rows += [f"    {value or '(blank)':<24}  {_group(group)}" for value, group in groups.items()]
    rows += _classes(summary["classes"])
    return "\n".join([*rows, f"written to {output}"])


def _classes(part: dict[str, Any] | None) -> list[str]:
    """The rows of classes, each pixel given to one of them."""
    if part is None:
        return []
    rows = [f"  classes, {part['n_images']} images, each pixel to one class at most"]
    for name, each in part["classes"].items():
        dice, pooled = each["per_image"]["dice"]["mean"], each["pooled"]["dice"]
        rows.append(f"    {name:<24}  {each['n']} rows   Dice per image {_plain(dice)}, pooled {_plain(pooled)}")
    mean = part["mean"]
    if mean["per_image"] is not None:
        dice, pooled = _number(mean["per_image"]), _number(mean["pooled"])
        rows.append(f"    {'mean over classes':<24}  Dice per image {dice}, pooled {pooled}")
    return rows


def _referring(summary: dict[str, Any]) -> list[str]:
    """The rows of expressions that name targets."""
    part, listening = summary["referring"], summary["listening"]
    if part is None or listening is None:
        return []
    rows = [f"  referring   {part['n_target']} expressions with a target, {part['n_none']} without"]
    names = {"giou": "gIoU", "ciou": "cIoU", "pr50": "Pr@0.5", "pr70": "Pr@0.7", "pr90": "Pr@0.9"}
    names |= {"n_acc": "N-acc", "t_acc": "T-acc", "dice": "Dice"}
    rows.append("              " + "   ".join(f"{label} {_plain(part[key])}" for key, label in names.items()))
    names = {"follow_rate": "follow rate", "switch_score": "switch score", "paraphrase_spread": "paraphrase spread"}
    rows.append("  listening   " + "   ".join(f"{label} {_plain(listening[key])}" for key, label in names.items()))
    sides = {"one_of_both": "one side of two asked for", "clear_side": "the clear side asked for"}
    for key, label in sides.items():
        if listening["sides"][key] is not None:
            rows.append(f"    {label:<26}{_group(listening['sides'][key])}")
    return rows


def _presence(part: dict[str, Any] | None) -> list[str]:
    if part is None:
        return []
    ends = f"threshold {part['threshold']:.3g}; {part['n_present']} there, {part['n_absent']} not"
    error = {"mean": part["ece_equal_mass"], "ci95": part["ci95"]["ece_equal_mass"]}
    rows = [f"  presence    AUROC {_plain(part['auroc'])}   calibration error {_number(error)} ({ends})", _rates(part)]
    for one in part["operating_points"]:
        source = "the model's" if one["from"] == "model" else "for these cases"
        rows.append(
            f"    {one['point']:>2} % lost, {source:<15}  threshold {one['threshold']:.3g}   {_rates(one).strip()}"
        )
    return rows


def _rates(part: dict[str, Any]) -> str:
    ends = part["ci95"]
    shown = [f"{name} {_number({'mean': part[name], 'ci95': ends[name]})}" for name in ("sensitivity", "specificity")]
    return "              " + "   ".join(shown)


def _group(group: dict[str, Any]) -> str:
    names = {"dice": "Dice", "follow_rate": "follow rate", "n_acc": "N-acc", "empty": "empty"}
    shown = [f"{label} {_plain(group[key])}" for key, label in names.items() if group[key] is not None]
    if group["presence"] is not None:
        names = {"auroc": "AUROC", "sensitivity": "sensitivity", "specificity": "specificity"}
        known = [f"{label} {_plain(group['presence'][key])}" for key, label in names.items()]
        shown.append("presence: " + ", ".join(known))
    return f"{group['n']} cases   " + "   ".join(shown)


def _plain(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _number(score: dict[str, Any]) -> str:
    ends = "" if score["ci95"] is None else " [{:.4f}, {:.4f}]".format(*score["ci95"])
    return f"{_plain(score['mean'])}{ends}"


def _allow_options_between(parser: argparse.ArgumentParser) -> None:
    """Takes ``MODEL --split val CASES`` too: argparse gives up on positional arguments with options between them."""
    plain = parser.parse_known_args

    def mixed(args: Any = None, namespace: Any = None) -> Any:
        parser.parse_known_args = plain  # type: ignore[method-assign]
        try:
            return parser.parse_known_intermixed_args(args, namespace)
        finally:
            parser.parse_known_args = mixed  # type: ignore[method-assign]

    parser.parse_known_args = mixed  # type: ignore[method-assign]
