"""Atheris' own search for files that lead the readers astray, guided by the branches that they take.

    python tests/soak/guided.py --seconds 60 --seed 3 --corpus FOLDER --keep FOLDER

``--files N`` in place of ``--seconds`` ends it after N files, on a machine of any speed, and gives each file a minute.

Half of the files are changed by atheris, half by `mutate`; those that reach something new are changed again. The search
ends with the process: libFuzzer's status is not 0 where a file crashes it, raises what is no `DataError`, or takes too
long, and the file is kept.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(
    include=[
        "lexseg.scans",
        "nrrd",
        "nibabel.nifti1",
        "pydicom.filereader",
        "pydicom.dataset",
        "pydicom.dataelem",
        "zipfile",
    ]
):
    from lexseg.scans import open_scan

from mutate import mutated

from lexseg.errors import DataError

SLOWEST = 8  # seconds by the clock on the wall, on a machine that may be busy; alone, no file takes 5
LARGEST = 200_000  # bytes of a file
MEMORY = 2048  # MB


def main() -> None:
    parser = argparse.ArgumentParser()
    long = parser.add_mutually_exclusive_group(required=True)
    long.add_argument("--seconds", type=int)
    long.add_argument("--files", type=int)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--keep", type=Path, required=True)
    args = parser.parse_args()
    folder = tempfile.TemporaryDirectory()
    path = Path(folder.name) / "file"

    def read(data: bytes) -> None:
        path.write_bytes(data or b"\0")
        try:
            scan = open_scan(path)
            if scan.shape[1] * scan.shape[2] < 4_000_000:
                shown = scan.show(scan.shape[0] - 1)
                assert shown.min() >= 0 and shown.max() <= 1
        except (DataError, MemoryError):
            pass

    def change(data: bytes, most: int, number: int) -> bytes:
        return (mutated(data, number) if number % 2 else atheris.Mutate(data, most))[:most]

    options = [
        f"-max_total_time={args.seconds}" if args.seconds else f"-runs={args.files}",
        f"-timeout={SLOWEST if args.seconds else 60}", f"-seed={args.seed + 1}", f"-rss_limit_mb={MEMORY}",
        f"-max_len={LARGEST}", f"-artifact_prefix={args.keep}/guided-{args.seed}-", "-verbosity=0", "-close_fd_mask=1",
        "-print_final_stats=1", str(args.corpus),
    ]  # fmt: skip
    atheris.Setup([sys.argv[0], *options], read, custom_mutator=change)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
