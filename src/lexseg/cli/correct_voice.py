"""``lexseg correct --voice``: spoken corrections, shown as they were heard, and done once they are confirmed."""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lexseg.errors import ConfigError, DataError

if TYPE_CHECKING:
    from lexseg.interaction import CorrectionSession
    from lexseg.interaction.dictation import Dictation

    Said = Callable[[CorrectionSession, str], tuple[bool, str]]

_LOOKED = 0.1
"""Seconds between two looks at a file that is listened to."""
_QUIET = 0.5
"""Seconds for which it must stay as it is, to be a whole recording."""


def check_voice(args: argparse.Namespace) -> None:
    """Refuse options that do not go together.

    Raises:
        ConfigError: naming them.
    """
    if not args.voice and (args.hear or args.listen):
        raise ConfigError("--hear and --listen need a recogniser; name it with --voice MODEL (a folder, or tiny.en)")
    if args.voice and not args.hear and not args.listen:
        raise ConfigError("--voice hears what --hear FILE or --listen FILE names; give one of them")
    if args.hear and args.listen:
        raise ConfigError("--hear hears recordings that are there, --listen those to come; give one of them")
    if args.voice and (args.say or args.click or args.replay):
        raise ConfigError("--voice takes what is spoken; leave --say, --click and --replay out")


def by_voice(session: "CorrectionSession", args: argparse.Namespace, said: "Said") -> int:
    """Do what is spoken and confirmed.

    Args:
        session: that is corrected.
        args: the options of ``lexseg correct``.
        said: has the session do a sentence: whether it was done, and what to show.

    Returns:
        of recordings that were there (``--hear``), how many did not lead to a correction.

    Raises:
        ModelError: there is no such recogniser.
        DataError: a recording of ``--hear`` cannot be heard.
    """
    from lexseg.interaction.dictation import Dictation
    from lexseg.interaction.hearing import Whisper, read_sound

    recognise, dictation = Whisper(args.voice), Dictation(session)
    refused = 0
    for path, sound in [(path, read_sound(path)) for path in args.hear]:  # all are read before anything is done
        heard = dictation.hear(recognise(sound))
        print(f"{path.name}: {heard.told}")
        confirmed = _typed(dictation) if dictation.waiting else ""
        done, echo = said(session, confirmed) if confirmed else (False, "")
        print(echo or "nothing was changed")
        refused += not done
    if args.listen:
        print(f"Listening to {args.listen}: record a correction there, then 'yes' or 'no'; 'accept' or 'quit' to end")
        _listened(dictation, _written(args.listen), lambda path: recognise(read_sound(path)), said)
    return refused


def _typed(dictation: "Dictation") -> str:
    """What is typed about what was heard: "yes" has it done, "no" does not, anything else is meant in its place."""
    from lexseg.interaction.dictation import NO, YES, cleaned

    typed = cleaned(sys.stdin.readline())
    if typed and typed.casefold() not in YES | NO:
        dictation.waiting = ""
        return typed
    return dictation.hear(typed or "no").do


def _listened(dictation: "Dictation", written: Iterator[Path], heard_in: Callable[[Path], str], said: "Said") -> None:
    from lexseg.interaction.dictation import STOP, cleaned

    for path in written:
        try:
            words = heard_in(path)
        except DataError as error:
            print(f"not heard: {error}", flush=True)
            continue
        if cleaned(words).casefold() in STOP:
            return
        heard = dictation.hear(words)
        print(heard.told, flush=True)
        if heard.do:
            print(said(dictation.session, heard.do)[1], flush=True)
        if dictation.session.accepted:
            return


def _written(path: Path) -> Iterator[Path]:
    """The file, each time that it has been written anew; what is there at first is old."""
    known = _state(path)
    while True:
        time.sleep(_LOOKED)
        now = _state(path)
        if now == known or now is None:
            continue
        while True:  # until nobody writes any more
            time.sleep(_QUIET)
            later = _state(path)
            if later == now:
                break
            now = later
        known = now
        if now is not None:
            yield path


def _state(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
