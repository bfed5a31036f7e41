"""What the bundle starts: the command ``lexseg``; or, for a process that LexSeg starts of itself, a module or a script.

A bundle has no ``python``: ``sys.executable`` is the bundle, and ``-m MODULE`` and ``-P SCRIPT`` come here.
"""

import runpy
import sys


def main() -> None:
    """Run the command, a module or a script."""
    arguments = sys.argv[1:]
    started = arguments[:1] == ["-P"]
    arguments = arguments[started:]
    if started and arguments[:1] == ["-m"]:
        sys.argv = arguments[1:]
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    elif started:
        sys.argv = arguments
        runpy.run_path(arguments[0], run_name="__main__")
    else:
        from lexseg.cli.main import main as lexseg

        sys.exit(lexseg())


if __name__ == "__main__":
    main()
