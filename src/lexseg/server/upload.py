"""Uploads, written to disk piece by piece as they come, under names of our own."""

import contextlib
import hashlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from lexseg.server.images import UPLOAD
from lexseg.server.refusal import Refusal
from lexseg.server.settings import MEGABYTE, Limits

FIELDS = ("series", "spacing", "channel", "modality")
_LONGEST_FIELD = 1000


@dataclass(slots=True)
class Upload:
    """An upload's form: its fields, and size and hashes of its files.

    Attributes:
        fields: the form's other fields.
        size: bytes of the files.
        hashes: SHA-256 of each file.
    """

    fields: dict[str, str] = field(default_factory=dict)
    size: int = 0
    hashes: list[str] = field(default_factory=list)

    @property
    def files(self) -> int:
        """How many files were uploaded."""
        return len(self.hashes)

    @property
    def sha256(self) -> str:
        """Of the file; of several, that of their sorted hashes, a line for each: in whatever order they came."""
        if len(self.hashes) == 1:
            return self.hashes[0]
        return hashlib.sha256("".join(f"{hash_}\n" for hash_ in sorted(self.hashes)).encode()).hexdigest()


async def receive(content_type: str, stream: AsyncIterator[bytes], folder: Path, limits: Limits) -> Upload:
    """Write an upload into a folder: one file as ``upload``, several as ``upload/00001`` and so on.

    What a client calls its files is not looked at: names lead nowhere, and may be a patient's.

    Args:
        content_type: of the request: multipart/form-data.
        stream: of the body.
        folder: where to write; it is empty.
        limits: of the server.

    Raises:
        Refusal: if it is no form, has no file, or too many of them.
    """
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data" or b"boundary" not in options:
        raise Refusal(415, "not_a_form", "send the file as multipart/form-data, in the field 'file'")
    form = _Form(folder / UPLOAD, limits)
    try:
        parser = MultipartParser(options[b"boundary"], form.callbacks())  # type: ignore[arg-type]
        async for piece in stream:
            parser.write(piece)
        parser.finalize()
    except FormParserError:
        raise Refusal(400, "broken_form", "the form is broken or was cut short; send it again") from None
    finally:
        form.close()
    if not form.ended:
        raise Refusal(400, "broken_form", "the form was cut short; send it again")
    if not form.upload.files:
        raise Refusal(400, "no_file", "the form has no file; send one in the field 'file'")
    if form.upload.files == 1:
        (folder / UPLOAD).rename(folder / "folder")
        (folder / "folder" / "00001").rename(folder / UPLOAD)
        (folder / "folder").rmdir()
    return form.upload


def upload_too_large(limits: Limits) -> Refusal:
    """What is said of files that are larger, all of an upload together, than the limit."""
    most = limits.upload_bytes
    return Refusal(413, "too_large", f"the files are larger than the {most:,} bytes ({most / MEGABYTE:g} MB) taken")


class _Form:
    """Takes the parts of a form."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self.upload, self.ended = Upload(), False
        self._folder, self._limits = folder, limits
        self._header = self._value = b""
        self._name = ""
        self._file: BinaryIO | None = None
        self._hash = hashlib.sha256()
        self._text = b""

    def callbacks(self) -> dict[str, Any]:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._start,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_end": self._all,
        }

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin(self) -> None:
        self._header = self._value = self._text = b""
        self._name = ""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            _, options = parse_options_header(self._value)
            self._name = options.get(b"name", b"").decode("utf-8", "replace")
        self._header = self._value = b""

    def _start(self) -> None:
        if self._name == "file":
            if self.upload.files >= self._limits.upload_files:
                raise Refusal(413, "too_many_files", f"more than {self._limits.upload_files} files; send a zip of them")
            self._folder.mkdir(mode=0o700, exist_ok=True)
            path = self._folder / f"{self.upload.files + 1:05d}"
            self._hash = hashlib.sha256()
            self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        elif self._name not in FIELDS:
            raise Refusal(
                400, "unknown_field", f"a field of the form is not known; there are file, {', '.join(FIELDS)}"
            )

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self.upload.size += end - start
            if self.upload.size > self._limits.upload_bytes:
                raise upload_too_large(self._limits)
            self._file.write(data[start:end])
            self._hash.update(data[start:end])
            return
        self._text += data[start:end]
        if len(self._text) > _LONGEST_FIELD:
            raise Refusal(413, "too_large", f"a field of the form is longer than {_LONGEST_FIELD} bytes")

    def _end(self) -> None:
        if self._file is not None:
            self.close()
            self.upload.hashes.append(self._hash.hexdigest())
        else:
            self.upload.fields[self._name] = self._text.decode("utf-8", "replace").strip()

    def _all(self) -> None:
        self.ended = True


def parse_spacing(text: str) -> tuple[float, float]:
    """``row,col`` in millimetres."""
    values: tuple[float, ...] = ()
    with contextlib.suppress(ValueError):
        values = tuple(float(part) for part in text.split(","))
    if len(values) != 2 or not all(0 < value < 1e4 for value in values):
        raise Refusal(
            422, "invalid", "spacing is two numbers above 0 in millimetres, row and column, such as '0.2,0.2'"
        )
    return values[0], values[1]


def parse_channel(text: str) -> int:
    """A form's channel: a whole number, counted from 0."""
    if not (text.isascii() and text.isdigit() and len(text) < 7):
        raise Refusal(422, "invalid", "channel is a whole number, counted from 0")
    return int(text)
