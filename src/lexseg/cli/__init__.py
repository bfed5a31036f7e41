"""The command line: parse, call, print. A command is a module here, with `add_parser` and `run`; no logic."""
