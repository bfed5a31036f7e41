"""Many machines: work that is spread over a Ray cluster, whose results are those of one machine.

What a piece of work is, and what is done with it, is said where it is done: `lexseg segment`, `evaluate`, `compare`.
"""

import contextlib
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lexseg._version import __version__
from lexseg.errors import ConfigError, LexSegError

NAME = "ray"
TOGETHER = 8
"""Pieces that a worker takes at a time: what is lost with it is done again by another."""


def check_name(name: str) -> str:
    """The address in ``ray`` or ``ray:ADDRESS``; empty where none is given.

    Raises:
        ConfigError: it is neither.
    """
    kind, _, address = name.partition(":")
    if kind != NAME:
        raise ConfigError(
            f"--cluster {name}: 'ray' was expected, for the cluster that RAY_ADDRESS names or one of this machine; "
            "or ray:ADDRESS, such as ray:10.0.0.1:6379"
        )
    return address


@contextlib.contextmanager
def joined(name: str) -> Iterator[None]:
    """Be part of a cluster; what was started for it ends with it.

    A cluster of this machine has no dashboard, and Ray's reports of its use to its makers are off.

    Args:
        name: ``ray`` or ``ray:ADDRESS``.

    Raises:
        ConfigError: Ray is not installed, or the cluster cannot be reached.
    """
    address = check_name(name) or os.environ.get("RAY_ADDRESS", "")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # on standard error; all is in Ray's own log files
    try:
        import ray
    except ImportError:
        raise ConfigError("--cluster needs the extra 'ray': pip install 'lexseg[ray]', on every machine") from None
    where = {"address": address} if address else {"include_dashboard": False}
    try:
        ray.init(**where, log_to_driver=False, logging_level=logging.ERROR, configure_logging=False)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ConfigError(f"--cluster {name}: no cluster answers at {address or 'this machine'} ({error})") from error
    try:
        yield
    finally:
        ray.shutdown()


def spread(
    make: Callable[..., Callable[[Any], Any]],
    arguments: tuple[Any, ...],
    pieces: Sequence[Any],
    *,
    together: int = TOGETHER,
) -> Iterator[Any]:
    """Do pieces of work on the cluster that has been joined; by Ray Data.

    A piece whose worker or machine is lost is done again elsewhere, so doing one twice must leave what doing it once
    leaves: files are to be replaced whole.

    Args:
        make: called once by each worker, gives what does a piece. It and the pieces travel, and so do the results.
        arguments: of ``make``.
        pieces: the work.
        together: pieces that travel together; also the most that wait in a worker's memory.

    Yields:
        the results, in the order of the pieces.

    Raises:
        LexSegError: a piece could not be done, or a machine of the cluster is not as this one.
    """
    import ray

    if not pieces:
        return
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.preserve_order = True
    portions = -(-len(pieces) // together)
    workers = min(portions, max(1, int(ray.cluster_resources().get("CPU", 1))))
    waiting = ray.data.from_items(
        [{"piece": ray.cloudpickle.dumps(piece)} for piece in pieces], override_num_blocks=portions
    )
    results = waiting.map_batches(
        _Worker,
        fn_constructor_args=(make, arguments, _Told(__version__, str(Path.cwd()))),
        batch_size=together,
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=workers),
        num_cpus=1,
    )
    logging.disable(logging.WARNING)  # Ray Data sets up its own logging anew, and tells its plans
    try:
        for row in results.iter_rows():
            done = ray.cloudpickle.loads(row["done"])
            if isinstance(done, LexSegError):
                raise done
            yield done
    finally:
        logging.disable(logging.NOTSET)


class _Worker:
    """Holds what ``make`` has made, a model above all, for all pieces that this worker does."""

    def __init__(self, make: Callable[..., Callable[[Any], Any]], arguments: tuple[Any, ...], told: "_Told") -> None:
        self._make, self._arguments, self._told = make, arguments, told
        self._do: Callable[[Any], Any] | None = None

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        from ray import cloudpickle

        return {"done": [cloudpickle.dumps(self._result(cloudpickle.loads(piece))) for piece in batch["piece"]]}

    def _result(self, piece: Any) -> Any:
        """What the work gives, or what is wrong with it: an error that is raised here would be tried again."""
        try:
            if self._do is None:
                self._told.check()
                self._do = self._make(*self._arguments)
            return self._do(piece)
        except LexSegError as error:
            return error


@dataclass(frozen=True)
class _Told:
    """What the machine that gives the work says of itself. Attributes: version: of LexSeg; folder: it works in."""

    version: str
    folder: str

    def check(self) -> None:
        """See that this machine is like it, and work in the same folder: paths are as the user wrote them."""
        if self.version != __version__:
            raise ConfigError(
                f"a machine of the cluster has LexSeg {__version__}, the one that gives the work {self.version}; "
                "install one version on all"
            )
        try:
            os.chdir(self.folder)
        except OSError as error:
            raise ConfigError(
                f"{self.folder}: a machine of the cluster cannot work there ({error.strerror}); images, model and "
                "results must lie in a folder that all machines share under one name"
            ) from error
