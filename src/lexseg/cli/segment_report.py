"""``lexseg segment --report``: each finding of a report about one image."""

import argparse
import sys

from lexseg.cli.main import open_model, tell_sides
from lexseg.cli.requests import (
    TABLES,
    Clock,
    about,
    asked_how,
    check_output,
    collect,
    found_words,
    open_asked,
    options_of,
    outputs_of,
    real,
)
from lexseg.errors import ConfigError, DataError, TextError


def run_report(args: argparse.Namespace) -> int:
    """Answer a report; all files are written, or none."""
    from lexseg.outputs.formats import result_files
    from lexseg.outputs.report_results import ReportFiles, finding_stems, report_files
    from lexseg.predict.answered import noted
    from lexseg.predict.ask import look
    from lexseg.predict.whole_report import answer_findings, findings_of, read_report_file

    images = [path for path in args.images if path.suffix.lower() not in TABLES or path.is_dir()]
    requests, problems = collect(images, series=args.series)
    for problem in problems:
        if problem.severity == "error":
            raise DataError(str(problem))
        print(f"warning: {problem}", file=sys.stderr)
    if len(requests) != 1 or len(args.images) != 1:
        raise ConfigError(f"--report is about one image, and {len(requests)} are given; run the command once for each")
    path, stem = requests[0].image, requests[0].stem
    text = read_report_file(args.report)
    clock = Clock()
    scan, window = open_asked(path, args, args.spacing)
    if scan.is_volume:
        raise ConfigError(f"{path}: --report is about one image, and this is a volume; ask its findings by --text")
    image = scan.show(0, window)
    clock.lap("read")
    segmenter = open_model(args)
    scan = noted(scan, segmenter.modalities)
    for note in scan.notes:
        print(f"note: {path}: {note}", file=sys.stderr)
    try:
        findings = findings_of(segmenter, text, args.language)
    except TextError as error:
        raise TextError(f"{args.report}: {error}") from error
    tell_sides(segmenter, [(path, [text], args.laterality, args.language)])
    outputs = outputs_of(args, segmenter.name, segmenter.sha256)
    stems = finding_stems(stem, len(findings))
    names = [
        *report_files(args.output, stem).values(),
        *(f for s in stems for f in result_files(args.output, s, outputs.endings)),
    ]
    check_output(args, [path, args.report], {real(name) for name in names})
    clock.lap("model")
    (session,) = look(segmenter, [(scan, image)], tta=args.tta)
    clock.lap("image")
    record = {**about(scan, path, window), **asked_how(segmenter, args)}
    encode = outputs.encoder(scan, window)
    files = ReportFiles(
        args.output,
        stem,
        image,
        len(findings),
        include_text=args.include_text,
        encode=encode,
        caption=outputs.caption,
    )
    doubts: list[str] = []
    entries = []
    spent = 0.0
    for answer in answer_findings(session, findings, options_of(args)):
        clock.lap("sentence")
        spent += clock.seconds["sentence"]
        own = [f"finding {answer.number}: {doubt}" for doubt in answer.result.doubts]
        entries.append(files.add(answer, record | {"warnings": own, "seconds": dict(clock.seconds)}))
        doubts += own
    for doubt in doubts:
        print(f"warning: {path}: {doubt}", file=sys.stderr)
    seconds = {name: clock.seconds[name] for name in ("read", "model", "image")} | {"sentences": round(spent, 4)}
    files.write(record | {"warnings": doubts, "seconds": seconds})
    for entry in entries:
        target = f"{args.output / entry['files']['mask']}: " if entry["files"].get("mask") else ""
        print(f"finding {entry['number']} -> {target}{found_words(entry)}")
    print(f"{path.name} -> {report_files(args.output, stem)['index']}")
    return 0
