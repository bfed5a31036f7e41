"""Damage ten thousand files and make up thousands of requests: nothing may crash, hang, or take more than it may.

Three stages, each with a number that tells which files and requests it makes:

1. Real files of every format, damaged by `mutate`, each read by a reader in a process of its own (time, memory and how
   it ends are watched) and sent to a running server. ``--start N`` takes up a run that was ended at file N.
2. ``--guided SECONDS``: atheris changes files, guided by the branches that the readers take.
3. ``--requests N``: hypothesis makes up requests, and shrinks one that goes wrong to the smallest that still does.

    python tests/soak/fuzz.py --files 10000 --guided 60 --requests 3000

What goes wrong is printed with the smallest file that shows it, and kept in ``--keep``.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from asking import ask
from load import Client, example_images, served, tree_bytes
from mutate import mutated
from reading import Watched
from seed_files import seed_files
from uploading import Fault, send

GROWTH = 1.5
"""Times what the server held after the first files that it may hold at the end; readers are watched apart."""
_ASKED = 20  # of so many files one is asked about
_SHRINK = 20.0  # seconds for finding a smaller file that goes wrong
_IN_CORPUS = 60_000  # bytes of a file that atheris begins with


class Run:
    """Files and requests, and what became of them.

    Args:
        keep: folder for what goes wrong.
        scratch: for temporary files.

    Attributes:
        counts: of each kind of seed, of what became of the files; ``read: packed: refused`` and so on.
        faults: what went wrong.
    """

    def __init__(self, keep: Path, scratch: Path) -> None:
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []
        self.slowest, self.largest = 0.0, 0
        self._keep, self._scratch = keep, scratch
        self._seeds = seed_files()

    def files(self, start: int, count: int, client: Client | None, say: Callable[[str], None] = print) -> None:
        """Read damaged files, and send them to a server."""
        names, contents = list(self._seeds), list(self._seeds.values())
        folder = Path(tempfile.mkdtemp(dir=self._scratch))
        reader, began = Watched(folder), time.monotonic()
        try:
            for number in range(start, start + count):
                name = names[number % len(names)]
                data = mutated(self._seeds[name], number, contents)
                self._read(reader, number, name, data)
                if client is not None:
                    self._send(client, number, name, data)
                if (done := number + 1 - start) % 500 == 0 or done == count:
                    took = time.monotonic() - began
                    say(f"file {number + 1:,} of {start + count:,}: {len(self.faults)} faults, {took:.0f} s")
        finally:
            reader.close()

    def _read(self, reader: Watched, number: int, name: str, data: bytes) -> None:
        outcome = reader.read(data)
        if outcome.fault and outcome.fault.startswith("took"):  # a busy machine may have been the reason
            outcome = reader.read(data)
        self.slowest, self.largest = max(self.slowest, outcome.seconds), max(self.largest, outcome.memory)
        self.counts[f"read: {name.partition('/')[0]}: {outcome.what}"] += 1
        if outcome.fault:
            kind = outcome.fault.partition(":")[0][:40]
            small = shrunk(data, lambda smaller: (reader.read(smaller).fault or "").startswith(kind))
            path = self._kept(number, name, small)
            self.fault(f"file {number} of {name}: {outcome.fault}", f"lexseg.scans.open_scan({str(path)!r})", small)

    def _send(self, client: Client, number: int, name: str, data: bytes) -> None:
        try:
            self.counts[f"sent: {name.partition('/')[0]}: {send(client, data, ask=number % _ASKED == 0)}"] += 1
        except Fault as fault:
            kind = str(fault)[:12]
            small = shrunk(data, lambda smaller: _sending_fails(client, smaller).startswith(kind))
            path = self._kept(number, name, small)
            self.fault(f"file {number} of {name}, sent: {fault}", f"curl -F file=@{path} SERVER/v1/images", small)

    def guided(
        self, long: tuple[str, int], number: int, client: Client | None, say: Callable[[str], None] = print
    ) -> None:
        """Have atheris look for files, and send the server those that reached something new.

        Args:
            long: ``("--seconds", 60)`` or ``("--files", 200)``.
            number: tells which.
            client: of the server.
            say: told what was found.
        """
        corpus = Path(tempfile.mkdtemp(dir=self._scratch))
        for name, data in self._seeds.items():
            if len(data) <= _IN_CORPUS:
                (corpus / name.replace("/", "-")).write_bytes(data)
        first = set(corpus.iterdir())
        script = Path(__file__).with_name("guided.py")
        # By way of a shell: a process counts as its own peak what its parent held when it was begun, and atheris would
        # end for the memory of the tests.
        shell = ["sh", "-c", '"$@"; exit $?', "sh"]
        command = [*shell, sys.executable, str(script), long[0], str(long[1]), "--seed", str(number)]
        self._keep.mkdir(parents=True, exist_ok=True)
        before = set(self._keep.iterdir())
        ended = subprocess.run(
            [*command, "--corpus", str(corpus), "--keep", str(self._keep)],
            env=os.environ | {"TMPDIR": str(self._scratch)}, capture_output=True, check=False,
        )  # fmt: skip
        said = ended.stderr.decode("utf-8", "replace")
        runs = [
            int(line.split()[-1]) for line in said.splitlines() if line.startswith("stat::number_of_executed_units")
        ]
        found = sorted(set(corpus.iterdir()) - first)
        self.counts["guided: read"] += sum(runs)
        if ended.returncode or not runs:
            kept = ", ".join(str(path) for path in sorted(set(self._keep.iterdir()) - before)) or "no file"
            self.fault(f"guided, seed {number}: ended with {ended.returncode}: {said[-1500:]}", kept)
        for path in found if client is not None else []:
            self._send(client, number, "guided/found", path.read_bytes())
        say(
            f"guided: {sum(runs):,} files read, {len(found):,} of them reached something new, {len(self.faults)} faults"
        )

    def requests(self, port: int, count: int, number: int, say: Callable[[str], None] = print) -> None:
        """Send requests that hypothesis makes up."""
        client = Client(port)
        _, image = client.upload(example_images()[0])
        _, answer = client.segment(image["id"], sentences=["hypoechoic mass"])
        try:
            ask(port, image["id"], answer["results"][0]["id"], count, number, self._answered)
        except (Fault, ExceptionGroup) as error:  # hypothesis puts several into a group
            notes = "; ".join([str(error), *getattr(error, "__notes__", [])])
            inner = [
                f"{each}; {'; '.join(getattr(each, '__notes__', []))}" for each in getattr(error, "exceptions", [])
            ]
            self.fault(f"requests, seed {number}: {notes} {' | '.join(inner)}", f"--requests {count} --seed {number}")
        finally:
            Client(port).call("DELETE", f"/v1/images/{image['id']}")
        say(f"{count:,} requests: {len(self.faults)} faults")

    def _answered(self, status: str) -> None:
        self.counts[f"asked: {status}"] += 1

    def fault(self, what: str, again: str, data: bytes = b"") -> None:
        """Note what went wrong, and say how to have it again."""
        self.faults.append(what)
        shown = f"\n  {len(data)} bytes: {data[:120]!r}" if data else ""
        print(f"FAULT {what}{shown}\n  again: {again}", flush=True)

    def _kept(self, number: int, name: str, data: bytes) -> Path:
        self._keep.mkdir(parents=True, exist_ok=True)
        path = self._keep / f"{number}-{name.replace('/', '-')}"
        path.write_bytes(data)
        return path


def shrunk(data: bytes, fails: Callable[[bytes], bool], seconds: float = _SHRINK) -> bytes:
    """The smallest file that was found in some seconds, and still goes wrong."""
    until, step = time.monotonic() + seconds, len(data) // 2
    while step:
        at = 0
        while at < len(data) and time.monotonic() < until:
            smaller = data[:at] + data[at + step :]
            if smaller and fails(smaller):
                data = smaller
            else:
                at += step
        step //= 2
    return data


def _sending_fails(client: Client, data: bytes) -> str:
    try:
        send(client, data, ask=True)
    except Fault as fault:
        return str(fault)
    return ""


def left_behind(scratch: Path) -> list[str]:
    """What servers and readers have left in a folder for temporary files: nothing, once they have ended."""
    return sorted(path.name for path in scratch.iterdir() if not path.name.startswith("torchinductor"))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--files", type=int, default=10_000, help="the number of the last file")
    parser.add_argument("--start", type=int, default=0, help="the number of the first file")
    parser.add_argument("--guided", type=int, default=60, metavar="SECONDS", help="for atheris to look for files")
    parser.add_argument("--requests", type=int, default=3000, metavar="N", help="that hypothesis makes up")
    parser.add_argument("--seed", type=int, default=1, help="of the guided files and of the requests")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-faults"), help="folder for what goes wrong")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch, state = Path(folder) / "scratch", Path(folder) / "state"
        scratch.mkdir()
        state.mkdir()
        run = Run(args.keep.resolve(), Path(folder))
        print(f"damaged files of {len(run._seeds)} real ones; what goes wrong is kept in {args.keep}", flush=True)
        os.environ["TMPDIR"] = str(scratch)
        with served(state) as (process, port):
            client = Client(port)
            if args.files > args.start:
                first = min(500, args.files - args.start)
                run.files(args.start, first, client)
                held = tree_bytes(process.pid)
                run.files(args.start + first, args.files - args.start - first, client)
                if tree_bytes(process.pid) > GROWTH * held:
                    run.fault(f"the server grew from {held:,} to {tree_bytes(process.pid):,} bytes", "the whole run")
            if args.guided:
                run.guided(("--seconds", args.guided), args.seed, Client(port))
            if args.requests:
                run.requests(port, args.requests, args.seed)
            (work,) = scratch.glob("lexseg-serve-*")
            if left := [path.name for path in work.iterdir() if path.is_dir()]:
                run.fault(f"the server holds what nobody has opened: {left}", "the whole run")
            if process.poll() is not None or Client(port).call("GET", "/healthz")[0] != 200:
                run.fault("the server does not answer", "the whole run")
        if left := left_behind(scratch):
            run.fault(f"left in the folder for temporary files: {left}", "the whole run")
        if "ERROR" in (log := (state / "log").read_text()):
            run.fault("the log tells of a fault: " + log[log.index("ERROR") :][:500], "the whole run")
    for what, count in sorted(run.counts.items()):
        print(f"{count:8,} {what}")
    print(f"the slowest took {run.slowest:.2f} s of processor time, the largest {run.largest / 1e6:.0f} MB")
    print(f"{len(run.faults)} faults")
    return 1 if run.faults else 0


if __name__ == "__main__":
    sys.exit(main())
