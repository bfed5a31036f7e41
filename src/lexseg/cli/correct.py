"""``lexseg correct``: correct a mask by saying so."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lexseg.cli.correct_voice import by_voice, check_voice
from lexseg.cli.main import add_device, sentence, tell_sides
from lexseg.cli.values import click, index, path_text, share, spacing
from lexseg.errors import ConfigError, LexSegError, TextError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lexseg.interaction import CorrectionSession
    from lexseg.predict.segmenter import ImageSession

_HELP = "correct a mask by saying so"
_DESCRIPTION = """Asks an image, and corrects the mask as you say: a line each, or --say for scripts.

Confidence   be more generous; stricter; less strict at the top; set the threshold to 0.4
Size         2 mm larger on the left; shrink it a bit; too big at the bottom; 10 % smaller
Places       not the part above the diaphragm; also the apex; remove the left half; keep only the lower part
Parts        only the largest; drop the left one; remove the small specks; keep the two largest
Shape        smooth it; fill the holes; one piece; move it up a bit
Target       I meant the right lung; no, the other side; look for the effusion instead
Steps        undo; redo; back to the first; again; accept

What is not understood changes nothing, and says which words."""
_EPILOG = """examples:
  lexseg correct film.png --text "opacity in the left lung"
  lexseg correct film.png --text "opacity" --say "a bit more generous" --say "only the largest" --output out
  lexseg correct film.png --text "opacity" --manifest set/cases.csv      (what is accepted becomes a training case)
  lexseg correct film.png --replay film_corrections.json --output out
  lexseg correct film.png --text "opacity" --voice tiny.en --listen said.wav      (as a pedal's recorder writes it)

Research use only: not a medical device."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``correct`` to the command line."""
    parser = commands.add_parser(
        "correct",
        help=_HELP,
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("image", type=Path, metavar="IMAGE", help="PNG, JPEG, TIFF, BMP, DICOM, NIfTI or NRRD")
    add("--text", type=sentence, metavar="SENTENCE", help="what to find first (default: asked without a sentence)")
    say = "a correction; repeat for several, in their order"
    add("--say", type=sentence, action="append", default=[], metavar="WORDS", help=say)
    add("--replay", type=Path, metavar="FILE", help="do the corrections of an earlier --save, and check each of them")
    add("--save", type=Path, metavar="FILE", help="write all that was said and done, as JSON; it holds your words")
    add("--output", type=Path, metavar="DIR", help="folder for NAME_mask.png, NAME_overlay.png and NAME.json")
    add("--manifest", type=Path, metavar="FILE", help="add the mask, once accepted, to this manifest for training")
    add("--model", default="default", help="a bundled model, a model folder or a hub id (default: %(default)s)")
    add("--slice", type=index, metavar="N", help="which slice of a volume, from 0")
    add("--laterality", choices=["image", "patient"], help="whose left 'left' is, in questions and corrections")
    add("--threshold", type=share, metavar="T", help="probability from which a pixel is found (default: the model's)")
    add("--anyway", action="store_true", help="look also for what the model never learnt to find")
    add("--spacing", type=spacing, metavar="ROW,COL", help="millimetres between pixels (default: of the header)")
    add("--include-text", "--include_text", action="store_true", help="write the sentence into the results")
    add("--refiner", type=Path, metavar="DIR", help="a refiner (`lexseg pretrain refiner`) that answers --click")
    add("--lang2box", type=Path, metavar="DIR", help="make the first mask from a box that the words name (`lexseg "
        "pretrain lang2box`), filled by --sam or --refiner")  # fmt: skip
    add("--sam", action="store_true", help="have LiteMedSAM fill that box (pip install 'lexseg[sam]')")
    add("--click", action="append", type=click, default=[], metavar="ROW,COL[,-]", help="take in what lies at a pixel; "
        "with ,- take it away; before --say; repeat for several")  # fmt: skip
    add(
        "--voice",
        type=path_text,
        metavar="MODEL",
        help="hear spoken corrections: a folder of Whisper as CTranslate2 keeps it, or "
        "tiny.en (pip install 'lexseg[voice]'); what was heard is shown, and done after a yes",
    )
    add("--hear", action="append", type=Path, default=[], metavar="FILE", help="a WAV recording of one correction, "
        "confirmed by typing; repeat for several")  # fmt: skip
    add("--listen", type=Path, metavar="FILE", help="hear this WAV file each time it is written anew, as by a recorder "
        "on a key or a pedal; confirmed by saying yes")  # fmt: skip
    add_device(add)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Correct; the exit status is 1 where a correction of ``--say`` was not done."""
    if args.replay is not None and (args.text is not None or args.say or args.click):
        raise ConfigError("--replay does what its file says; leave --text, --say and --click out")
    if args.sam and args.lang2box is None:
        raise ConfigError("--sam fills the box of --lang2box DIR; give both, or leave it out")
    if args.replay is not None and args.lang2box is not None:
        raise ConfigError("--replay begins with the model's own mask; leave --lang2box out")
    check_voice(args)
    if args.text is not None and not args.text.strip():
        raise TextError("--text is blank; write what to find, or leave --text out to ask without a sentence")
    if args.output is not None:
        from lexseg.files import check_writable

        check_writable(args.output)
    image, pixels = _looked(args)
    session = _begun(args, image, pixels)
    print(_state(session))
    refused = 0 if args.replay is not None else _corrected(session, args)
    _write(session, pixels, args)
    if refused:
        raise TextError(
            f"{refused} of {len(args.say) + len(args.click) + len(args.hear)} corrections were not done; the lines "
            "above say why"
        )
    return 0


def _looked(args: argparse.Namespace) -> "tuple[ImageSession, NDArray[np.float32]]":
    from dataclasses import replace

    from lexseg.predict.ask import look
    from lexseg.predict.segmenter import Segmenter
    from lexseg.scans import open_scan

    scan = open_scan(args.image)
    if scan.is_volume and args.slice is None:
        raise ConfigError(f"{args.image}: a volume of {scan.shape[0]} slices; say which one with --slice N")
    if (args.slice or 0) >= scan.shape[0]:
        raise ConfigError(f"{args.image}: there is no slice {args.slice}; there are {scan.shape[0]}, counted from 0")
    if args.spacing is not None:
        scan = replace(scan, spacing=args.spacing)
    pixels = scan.show(args.slice or 0)
    segmenter = Segmenter.from_pretrained(args.model, device=args.device)
    tell_sides(segmenter, [(args.image, [args.text, *args.say], args.laterality, None)])
    return look(segmenter, [(scan, pixels)])[0], pixels


def _begun(args: argparse.Namespace, image: "ImageSession", pixels: "NDArray[np.float32]") -> "CorrectionSession":
    from lexseg.interaction import CorrectionSession
    from lexseg.interaction.record import read_record, replay

    refine = None
    if args.refiner is not None:
        from lexseg.interaction.refining import refiner_of

        refine = refiner_of(args.refiner, pixels)

    if args.replay is not None:
        session = replay(read_record(args.replay), image, refine)
        for event in session.log:
            print(f"> {event.said or '(by hand)'}\n{event.echo}")
        return session
    asked = {"threshold": args.threshold, "laterality": args.laterality, "anyway": args.anyway}
    if args.lang2box is None:
        return CorrectionSession.start(image, args.text, refine=refine, **asked)
    session = _boxed(args, image, pixels, asked)
    session.refine = refine
    return session


def _boxed(
    args: argparse.Namespace, image: "ImageSession", pixels: "NDArray[np.float32]", asked: dict[str, Any]
) -> "CorrectionSession":
    from lexseg.interaction.boxed import boxed
    from lexseg.training.lang2box.folder import load_lang2box
    from lexseg.training.refiner.folder import load_refiner

    if args.text is None:
        raise TextError("--lang2box names the box of a sentence; write it: --text SENTENCE")
    refiner = None if args.refiner is None else load_refiner(args.refiner)
    first = boxed(load_lang2box(args.lang2box), pixels, sam=args.sam, refiner=refiner)
    return first.begin(image, image.segment(args.text, **asked))


def _corrected(session: "CorrectionSession", args: argparse.Namespace) -> int:
    """Do what is said; how many corrections of ``--say`` were not done."""
    from lexseg.interaction.operations import Point

    if args.voice:
        return by_voice(session, args, _said)
    refused = 0
    for row, column, wanted in args.click:
        reply = session.do([Point(row, column, wanted)])
        print(f"> (click)\n{reply.echo if reply.done else f'not done: {reply.echo}'}")
        refused += not reply.done
    for said in args.say or ([] if args.click else _lines(sys.stdin)):
        done, echo = _said(session, said)
        print((f"> {said}\n" if args.say else "") + echo)
        refused += not done
        if session.accepted and not args.say:
            break
    return refused if args.say or args.click else 0


def _said(session: "CorrectionSession", words: str) -> tuple[bool, str]:
    """Have the session do a sentence: whether it was done, and what to show."""
    try:
        reply = session.correct(words)
    except LexSegError as error:
        return False, f"not done: {error}"
    return reply.done, reply.echo if reply.done else f"not done: {reply.echo}"


def _lines(stream: Iterable[str]) -> Iterator[str]:
    """What the user types, until it is accepted, "quit", or the end."""
    prompt = sys.stdin.isatty()
    if prompt:
        print("What is to be changed? (accept or quit to end)")
    for line in stream:
        said = line.strip()
        if said.casefold() in ("quit", "exit", "q"):
            return
        if said:
            yield said


def _state(session: "CorrectionSession") -> str:
    answer = session.segmentation
    if not answer.found:
        why = answer.outside.why if answer.outside is not None and not answer.anyway else ""
        return f"{answer.state}{f': {why}' if why else ''}; the mask is empty"
    share = session.state.area / session.mask.size
    return f"found: {session.state.area} px ({share:.1%})"


def _write(session: "CorrectionSession", pixels: "NDArray[np.float32]", args: argparse.Namespace) -> None:
    import hashlib

    from lexseg.cli.requests import Request
    from lexseg.files import readable, write_files
    from lexseg.interaction.accepted import add_to_manifest
    from lexseg.interaction.record import write_record
    from lexseg.outputs.formats import result_contents

    print(_state(session))
    sha256 = hashlib.sha256(args.image.read_bytes()).hexdigest() if args.image.is_file() else None
    if args.output is not None:
        stem = Request(args.image, (), "").stem
        record = {"image": readable(str(args.image)), "corrections": session.at, "accepted": session.accepted}
        answer = session.segmentation
        _, contents = result_contents(args.output, stem, pixels, answer, record, include_text=args.include_text)
        write_files(contents)
        print(f"written: {args.output / stem}_mask.png")
    if args.save is not None:
        write_record(args.save, session, image_sha256=sha256)
        print(f"written: {args.save}")
    if args.manifest is not None:
        if session.accepted:
            case = add_to_manifest(session, args.image, args.manifest)
            print(f"added to {args.manifest}: {case.id}")
        else:
            print(f"not added to {args.manifest}: the mask was not accepted; say 'accept'")
