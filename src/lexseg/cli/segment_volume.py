"""What ``lexseg segment`` does with a volume, and with sentences that are answered by one map."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from lexseg.cli.requests import Job, options_of, say
from lexseg.files import write_files
from lexseg.outputs.formats import AnyAnswer
from lexseg.outputs.together import together_contents
from lexseg.outputs.volume_results import volume_contents
from lexseg.predict.ask import ask, look


def segment_volume(job: Job, names: list[str], progress: Callable[[int, int], None] | None) -> None:
    """Answer all sentences about each slice, and then write."""
    args, scan = job.args, job.scan
    asked = options_of(args, job.request)
    frames = None if args.slices is None else range(args.slices[0], args.slices[1] or scan.shape[0])
    asked = replace(asked, frames=frames, window=job.window, progress=progress)
    results = ask(job.segmenter, scan, job.request.texts, asked)
    job.clock.lap("frames")
    job.told(doubt for result in results for doubt in result.doubts)
    options: dict[str, Any] = {"encode": job.outputs.encoder(scan, job.window), "caption": job.outputs.caption}
    for number, (result, name) in enumerate(zip(results, names, strict=True), start=1):
        record = job.record(number, result.doubts)
        job.write(
            volume_contents(
                args.output,
                name,
                scan,
                result,
                record,
                include_text=args.include_text,
                window=job.window,
                **options,
            )
        )


def segment_together(job: Job, name: str, progress: Callable[[int, int], None] | None) -> None:
    """Answer all sentences, and write them as one map."""
    args, scan = job.args, job.scan
    asked = options_of(args, job.request)
    answers: Sequence[AnyAnswer]
    if scan.is_volume:
        frames = None if args.slices is None else range(args.slices[0], args.slices[1] or scan.shape[0])
        asked = replace(asked, frames=frames, window=job.window, progress=progress)
        answers = ask(job.segmenter, scan, job.request.texts, asked)
    else:
        (session,) = look(job.segmenter, [(scan, scan.show(0, job.window))], tta=args.tta)
        answers = ask(job.segmenter, session, job.request.texts, asked)
    job.clock.lap("answers")
    doubts = list(dict.fromkeys(doubt for answer in answers for doubt in answer.doubts))
    job.told(doubts)
    record = job.record(len(answers), doubts)
    record["sentences"] = record.pop("sentence")
    values, contents = together_contents(args.output, name, scan, answers, record, job.outputs, window=job.window)
    write_files(contents)
    found = sum(label["found"] > 0 for label in values["labels"])
    say(f"{job.request.image.name} -> {next(iter(contents))}: {found} of {len(answers)} sentences found")
