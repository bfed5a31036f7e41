"""Damage files of every format and have them read: no crash, no hang, no memory beyond a limit.

``python tests/soak/fuzz_files.py --files 10000`` mutates small real files at random. ``--guided SECONDS`` lets atheris
look for ways of its own after that. Each runs in a process of its own, so that its end is seen, whatever ends it.
"""

import argparse
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from hostile import DICOM, UNPACKED_APART, mutated, seeds

SLOWEST = 5.0
"""Seconds for one file."""

MEMORY = 1_000_000_000
"""Bytes that the reading process may take at most; the largest of the whole files takes a tenth."""


def read(path):
    """What became of a file: ``read`` or ``refused``; everything else is raised."""
    from lexseg.data.scans import open_scan
    from lexseg.errors import DataError

    try:
        scan = open_scan(path)
        shown = scan.show(scan.shape[0] - 1)
        assert 0 <= shown.min() <= shown.max() <= 1, "what is shown lies between 0 and 1"
        return "read"
    except DataError:
        return "refused"


def mutations(count, seed):
    """Read mutated files; prints what became of them."""
    files, rng = seeds((*DICOM, *UNPACKED_APART)), random.Random(seed)
    names, counts, slowest = sorted(files), Counter(), 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        for number in range(count):
            data = mutated(files[names[number % len(names)]], rng)
            path.write_bytes(data)
            began = time.perf_counter()
            try:
                counts[read(path)] += 1
            except BaseException:
                print(f"file {number} of {names[number % len(names)]}, seed {seed}", flush=True)
                raise
            slowest = max(slowest, time.perf_counter() - began)
            if slowest > SLOWEST:
                raise SystemExit(f"file {number} of seed {seed} took {slowest:.1f} s")
    taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    shown = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
    print(f"{count} files: {shown}; the slowest took {slowest:.2f} s, memory {taken / 1e6:.0f} MB")
    if taken > MEMORY:
        raise SystemExit(f"more than {MEMORY / 1e6:.0f} MB")


def guided(seconds):
    """Have atheris look for ways through the readers; it ends the process when it is done."""
    import atheris

    with atheris.instrument_imports(include=["lexseg.data.scans", "lexseg.data.volumes"]):
        import lexseg.data.scans  # noqa: F401 - instrumented as it is imported

    folder = Path(tempfile.mkdtemp())
    corpus = folder / "corpus"
    corpus.mkdir()
    for name, data in seeds(("CT_small.dcm", "MR_small_RLE.dcm", "MR_small_implicit.dcm", "JPEG2000.dcm")).items():
        (corpus / name).write_bytes(data)
    path = folder / "file"

    def one(data):
        path.write_bytes(data or b"\0")
        read(path)

    limits = [f"-max_total_time={seconds}", f"-timeout={int(SLOWEST)}", f"-rss_limit_mb={MEMORY // 1_000_000}"]
    atheris.Setup(
        [sys.argv[0], *limits, "-max_len=70000", "-verbosity=0", f"-artifact_prefix={folder}/", str(corpus)], one
    )
    atheris.Fuzz()


def main():
    """Run both, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--guided", type=int, default=0, metavar="SECONDS")
    parser.add_argument("--here", choices=["mutations", "guided"], help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.here == "mutations":
        return mutations(asked.files, asked.seed)
    if asked.here == "guided":
        return guided(asked.guided)
    for kind in ["mutations"] + ["guided"] * bool(asked.guided):
        options = [
            "--files",
            str(asked.files),
            "--seed",
            str(asked.seed),
            "--guided",
            str(asked.guided),
            "--here",
            kind,
        ]
        with tempfile.TemporaryDirectory() as folder:
            ended = subprocess.run(
                [sys.executable, __file__, *options], check=False, env=os.environ | {"TMPDIR": folder}
            ).returncode
        if ended:
            raise SystemExit(f"{kind}, seed {asked.seed}: the process ended with {ended}")
    return None


if __name__ == "__main__":
    main()
