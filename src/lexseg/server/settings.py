"""What a server may be told: where it listens, who may ask, and how much of everything it takes."""

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lexseg.errors import ConfigError
from lexseg.server.address import IPNetwork
from lexseg.server.tokens import NamedToken, unnamed

if TYPE_CHECKING:
    from lexseg.predict.engines import EngineChoice

MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a server takes. Whatever lies beyond is refused with a reason, before it costs anything.

    Attributes:
        upload_bytes: of one upload, all its files together.
        upload_files: of one upload; a series may come as many files.
        pixels: of one frame.
        voxels: of one image or volume, all frames together.
        images: that are open at a time.
        stored_bytes: on disk, all open images together.
        feature_bytes: of memory for encoded images; those that do not fit are encoded again when asked.
        sentences: of one question.
        sentence_letters: of one sentence.
        report_letters: of one report.
        results: kept of one image; the oldest goes first.
        corrected: results of one image that are under correction; the one left alone longest goes first.
        jobs: that wait for their turn or run.
        waiting: questions about single frames that wait for their turn.
        batch: questions that go through the network together.
        connections: open at a time.
        reader_bytes: of memory for each process that reads uploads.
    """

    upload_bytes: int = 512 * MEGABYTE
    upload_files: int = 3000
    pixels: int = 64 * MEGABYTE
    voxels: int = 512 * MEGABYTE
    images: int = 64
    stored_bytes: int = 16_000 * MEGABYTE
    feature_bytes: int = 128 * MEGABYTE
    sentences: int = 32
    sentence_letters: int = 2000
    report_letters: int = 100_000
    results: int = 100
    corrected: int = 16
    jobs: int = 8
    waiting: int = 512
    batch: int = 16
    connections: int = 512
    reader_bytes: int = 4 << 30


@dataclass(frozen=True, slots=True)
class Times:
    """How long a server waits, in seconds.

    Attributes:
        read: for a small upload to be read; of larger ones, each MB has a second.
        head: for the head of a request, from the moment that the connection is there.
        body: for the next piece of a request's body.
        upload: for a whole request's body.
        write: for a client that does not take its answer.
        answer: for the answer to a question about a frame.
        idle: until an image that nobody asks about is closed.
        spare: until it may be closed to make room for another.
        shutdown: for open requests to end when the server is told to stop.
    """

    read: float = 5.0
    head: float = 10.0
    body: float = 10.0
    upload: float = 600.0
    write: float = 30.0
    answer: float = 120.0
    idle: float = 1800.0
    spare: float = 300.0
    shutdown: float = 5.0


@dataclass(frozen=True, slots=True)
class Settings:
    """What a server is told.

    Attributes:
        model: a bundled name, a model folder or a hub id.
        device: where the model runs; ``None`` takes a GPU where there is one.
        engine: what runs the model, as of :meth:`lexseg.predict.segmenter.Segmenter.from_pretrained`.
        operating_point: of the model, at which it says "not found"; ``None`` takes its own threshold.
        host: address to listen at.
        port: to listen at; 0 takes a free one.
        token: that every request must bring; ``None`` asks for none, and is refused for addresses others can reach.
        tokens: further ones, by name, each with what its bearer may do.
        trusted_proxies: networks of proxies that are believed where a request comes from.
        audit: file that notes who did what to which image; ``None`` notes nothing.
        audit_text: whether it notes what was asked, too.
        tls_certificate, tls_key: files in PEM; ``None`` speaks plain HTTP.
        hosts: further names that requests may call the server by.
        state: folder for the journal of jobs; ``None`` keeps none.
        readers: processes that read uploads.
        page: whether the web page is served at ``/``.
        limits: how much is taken.
        times: how long is waited.
    """

    model: str = "default"
    device: str | None = None
    engine: "EngineChoice" = "auto"
    operating_point: str | None = None
    host: str = "127.0.0.1"
    port: int = 8765
    token: str | None = field(default=None, repr=False)
    tokens: tuple[NamedToken, ...] = field(default=(), repr=False)
    trusted_proxies: tuple[IPNetwork, ...] = ()
    audit: Path | None = None
    audit_text: bool = False
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    hosts: tuple[str, ...] = ()
    state: Path | None = None
    readers: int = 2
    page: bool = True
    limits: Limits = field(default_factory=Limits)
    times: Times = field(default_factory=Times)

    def __post_init__(self) -> None:
        if not self.known_tokens and not self.loopback:
            raise ConfigError(
                f"others can reach {self.host}: a token is needed; write one into a file and give --token-file, or set "
                "LEXSEG_TOKEN; or give a table of named ones as --tokens"
            )

    @property
    def known_tokens(self) -> tuple[NamedToken, ...]:
        """All tokens: the one without a name, and the named ones."""
        return (*(() if self.token is None else (unnamed(self.token),)), *self.tokens)

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        if self.host.lower() == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False
