"""``lexseg few-shot``: teach a target from a few labelled images, and measure how well it was learnt."""

import argparse
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lexseg.fewshot.evaluate import Score
    from lexseg.fewshot.fit import TeachingOptions

_HEADS = ("ridge", "proto", "panet", "anil", "reptile", "maml", "meta-sgd", "guided", "finetune")
_DESCRIPTION = """Teaches a target that no model has met from a few images with a few labels, in a minute, on a CPU:
a head is fitted to the labelled pixels, on the features of a model that stays as it is.

SUPPORT is a manifest (id, image, mask; text). Its masks may be sparse: pictures of 255 on the target, 0 beside it and
127 where nothing is said, as scribbled with any brush. Whole masks of two values will do as well."""
_EPILOG = """examples:
  lexseg few-shot fit default SUPPORT.csv --output femur
  lexseg segment film.png --model femur --output out
  lexseg few-shot evaluate default CASES.csv --task task --labels scribble_0,scribble_1,scribble_2
  lexseg few-shot learn default polyps/cases.csv sonograms/cases.csv --head proto --output learnt
  lexseg few-shot fit learnt --head proto --words "left lung" --output lung

Research use only: not a medical device."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``few-shot`` to the command line."""
    parser = commands.add_parser(
        "few-shot",
        help="teach a target from a few labelled images",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    fit = actions.add_parser("fit", help="teach a target, and write a model folder", allow_abbrev=False)
    fit.add_argument("model", metavar="MODEL", help="whose features are used: a bundled name, a folder or a hub id")
    fit.add_argument("support", type=Path, nargs="?", metavar="SUPPORT", help="manifest of the labelled images; none: "
                     "by words alone, with a head that was learnt")  # fmt: skip
    fit.add_argument("--labels", default="mask", metavar="COLUMN", help="column of the labels (default: mask)")
    fit.add_argument("--output", type=Path, required=True, metavar="DIR", help="model folder to write")
    _common(fit)
    judge = actions.add_parser("evaluate", help="leave each image out in turn, and score it", allow_abbrev=False)
    judge.add_argument("model", metavar="MODEL", help="as of fit")
    judge.add_argument("cases", type=Path, metavar="CASES", help="manifest; its masks are whole, and only scored by")
    judge.add_argument("--labels", default="mask", metavar="COLUMNS", help="columns of the labels to teach from, with "
                       "commas between them, one run each (default: mask)")  # fmt: skip
    judge.add_argument("--sparse", metavar="STYLE", help="teach from labels that are made of the masks: points, grid, "
                       "scribbles, contours, skeleton or polygons")  # fmt: skip
    judge.add_argument("--task", metavar="COLUMN", help="column that names the task (default: all cases are of one)")
    judge.add_argument("--shots", type=int, metavar="K", help="teach from K others at most (default: all)")
    judge.add_argument("--seed", type=int, default=0, help="of --sparse (default: 0)")
    judge.add_argument("--output", type=Path, metavar="FILE", help="write a row for each image, as CSV")
    _common(judge)
    learn = actions.add_parser("learn", help="learn a head over many tasks, before it is fitted", allow_abbrev=False)
    learn.add_argument("model", metavar="MODEL", help="as of fit")
    learn.add_argument("cases", type=Path, nargs="+", metavar="CASES", help="manifests with masks, one task each")
    learn.add_argument("--episodes", type=int, default=600, help="few-shot tasks to draw (default: 600)")
    learn.add_argument("--shots", type=int, default=5, help="labelled images of a task (default: 5)")
    learn.add_argument("--images", type=int, default=24, help="images of a manifest that are seen (default: 24)")
    learn.add_argument("--seed", type=int, default=0, help="of all that is drawn (default: 0)")
    learn.add_argument("--output", type=Path, required=True, metavar="DIR", help="model folder to write")
    _common(learn)
    parser.set_defaults(run=run)


def _common(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--head", default="ridge", choices=_HEADS, help="how the target is told from the rest (default: ridge)")
    add("--words", metavar="TEXT", help="the target in words, for a model that reads them (default: the sentence of "
        "the labelled images, where all have the same)")  # fmt: skip
    add("--text_column", "--text-column", default="text", metavar="C", help="columns of the sentence (default: text)")
    add("--parts", default="model,encoder,statistics,place", help="what is seen of a place (default: %(default)s)")
    add("--size", type=int, default=256, help="side of the square that images are stretched to (default: 256)")
    add(
        "--steps",
        type=int,
        metavar="N",
        help="of a head that takes steps: how many (default: as published)",
    )
    add("--scale", type=int, choices=(1, 2), help="of ridge: 1 as R2D2, 2 as MetaOptNet, its equal times two")
    add("--as-drawn", "--as_drawn", action="store_true", help="do not grow sparse labels into masks first")
    add("--refine", type=int, default=4, help="radius in pixels of the filter by which masks follow edges; 0: none "
        "(default: 4)")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Teach, measure or learn."""
    return {"fit": _fit, "evaluate": _evaluate, "learn": _learn}[args.action](args)


def _options(args: argparse.Namespace) -> "TeachingOptions":
    from lexseg.errors import ConfigError
    from lexseg.fewshot.fit import TeachingOptions

    own: dict[str, int] = {}
    for name, heads in (("steps", ("anil", "maml", "meta-sgd", "reptile", "finetune")), ("scale", ("ridge",))):
        value = getattr(args, name)
        if value is not None and args.head not in heads:
            raise ConfigError(f"--{name} changes nothing about the head {args.head}; leave it out")
        own |= {} if value is None else {name: value}
    parts = tuple(part.strip() for part in args.parts.split(",") if part.strip())
    return TeachingOptions(
        args.head, own, args.size, parts, grow=not args.as_drawn, refine=args.refine, words=args.words
    )


def _fit(args: argparse.Namespace) -> int:
    from lexseg.fewshot.support import read_support
    from lexseg.fewshot.teach import teach
    from lexseg.files import check_writable
    from lexseg.models.config import find_model
    from lexseg.models.io import load_model

    options = _options(args)
    check_writable(args.output)
    columns = tuple(args.text_column.split(","))
    examples = [] if args.support is None else read_support(args.support, labels=args.labels, text_columns=columns)
    taught = teach(load_model(find_model(args.model)), examples, options)
    taught.save(args.output)
    told = "no labelled image, by words alone" if not examples else f"{len(examples)} labelled images"
    print(f"taught from {told}: {args.output}")
    if taught.left_out is not None:
        print(f"each of them left out in turn: Dice {taught.left_out:.3f} against its labels")
    print(f"ask it: lexseg segment IMAGE --model {quote(str(args.output))} --output OUT")
    return 0


def _evaluate(args: argparse.Namespace) -> int:
    from itertools import groupby
    from operator import attrgetter

    import numpy as np

    from lexseg.cases.case import Case
    from lexseg.cases.manifest import read_manifest
    from lexseg.cli.check import progress_bar
    from lexseg.errors import ConfigError
    from lexseg.fewshot.evaluate import leave_one_out
    from lexseg.fewshot.labels import Labels
    from lexseg.fewshot.sparse import sparsify
    from lexseg.files import check_folder_of, replace_file
    from lexseg.models.config import find_model
    from lexseg.models.io import load_model
    from lexseg.scans.open import Bool
    from lexseg.seeds import case_generator

    if args.shots is not None and args.shots < 1:
        raise ConfigError(f"--shots is {args.shots}; one image or more was expected")
    if args.sparse and args.labels != "mask":
        raise ConfigError("--sparse makes labels of the masks, and --labels names drawn ones: give one of the two")
    if args.output is not None:
        check_folder_of(args.output)

    def made(case: Case, mask: Bool) -> Labels:
        return sparsify(mask, args.sparse, case_generator(args.seed, 0, case.id))

    options = _options(args)
    cases = read_manifest(args.cases, text_columns=tuple(args.text_column.split(",")))
    scores: list[Score] = []
    means: dict[str, float] = {}
    with progress_bar("leaving one out") as progress:
        each = leave_one_out(
            load_model(find_model(args.model)),
            cases,
            options,
            labels=args.labels.split(","),
            task=args.task,
            shots=args.shots,
            label=made if args.sparse else None,
            progress=progress,
        )
        for task, own in groupby(each, key=attrgetter("task")):
            scores += (done := list(own))
            means[task] = float(np.mean([score.dice for score in done]))
            print(_line(task, done), flush=True)
    if args.output is not None:
        replace_file(args.output, _table(scores).encode())
    print(f"mean of {len(means)} task{'s' if len(means) > 1 else ''}: Dice {np.mean(list(means.values())):.3f}")
    return 0


def _line(task: str, scores: "list[Score]") -> str:
    dice, iou, seconds = (sum(getattr(s, name) for s in scores) / len(scores) for name in ("dice", "iou", "seconds"))
    shots = "-".join(map(str, sorted({score.shots for score in scores})))
    answers = f"{len(scores)} answers, {shots} shots, {seconds:.1f} s to fit"
    return f"{task or 'all'}: Dice {dice:.3f}, IoU {iou:.3f} ({answers})"


def _table(scores: "list[Score]") -> str:
    rows = ["task,id,labels,shots,dice,iou,seconds"]
    for s in scores:
        rows.append(f"{s.task},{s.id},{s.labels},{s.shots},{s.dice:.4f},{s.iou:.4f},{s.seconds:.2f}")
    return "\n".join(rows) + "\n"


def _learn(args: argparse.Namespace) -> int:
    from lexseg.cases.manifest import read_manifest
    from lexseg.cli.check import progress_bar
    from lexseg.fewshot.learn import LearningPlan, learn
    from lexseg.files import check_writable
    from lexseg.models.config import find_model
    from lexseg.models.io import load_model

    options = _options(args)
    check_writable(args.output)
    columns = tuple(args.text_column.split(","))
    tasks = [read_manifest(path, text_columns=columns) for path in args.cases]
    plan = LearningPlan(args.episodes, args.shots, args.images, args.seed)
    with progress_bar("learning") as progress:
        learnt = learn(load_model(find_model(args.model)), tasks, options, plan, progress=progress)
    learnt.save(args.output)
    print(f"learnt over {args.episodes} tasks: {args.output}")
    print(f"loss of the first tenth of them {learnt.first:.3f}, of the last {learnt.last:.3f}")
    print(f"teach it: lexseg few-shot fit {quote(str(args.output))} SUPPORT.csv --head {args.head} --output DIR")
    return 0
