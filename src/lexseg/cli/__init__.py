"""The command line: parse, call, print.

A command is a module here, with `add_parser(commands)` and `run(args)`, named in `lexseg.cli.main`; it imports what it
needs inside `run`, so that `lexseg --help` answers at once. The room may touch everything and holds no logic.
Its door is `lexseg.cli.main.main`.
"""
