"""How long the whole command takes for one film, of two versions of the code, in turn.

    python tests/cold_start.py OTHER/src src --text "opacity in the left lung" --runs 12

Tells of each the medians of seconds by the clock, of the processor's and of the peak memory in MB; then the medians of
the ratios.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FILM = Path(__file__).parents[1] / "src" / "lexseg" / "assets" / "examples" / "images" / "cxr_00003426.png"


def start(source, text, threads):
    """One start of the command: seconds, processor seconds, MB."""
    with tempfile.TemporaryDirectory() as output:
        command = [sys.executable, "-m", "lexseg", "segment", str(FILM), "--text", text, "--output", output]
        env = {**os.environ, "PYTHONPATH": str(Path(source).resolve()), "OMP_NUM_THREADS": str(threads)}
        began = time.perf_counter()
        process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        took = time.perf_counter() - began
        assert status == 0, f"{source}: lexseg segment ended with {status}"
    return took, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("one")
    parser.add_argument("other")
    parser.add_argument("--text", default="opacity in the left lung")
    parser.add_argument("--runs", type=int, default=12)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    told = [[start(source, args.text, args.threads) for source in (args.one, args.other)] for _ in range(args.runs + 1)]
    for k, source in enumerate((args.one, args.other)):
        print(source, *(f"{statistics.median(each):.2f}" for each in zip(*(pair[k] for pair in told[1:]), strict=True)))
    for k, what in enumerate(("seconds", "processor", "MB")):
        print(f"{what}: {statistics.median(other[k] / one[k] for one, other in told[1:]):.3f}")


if __name__ == "__main__":
    main()
