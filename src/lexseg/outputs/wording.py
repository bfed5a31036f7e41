"""Messages of other rooms, which speak to those who type commands, said to those who send requests."""

import re

_ASIDE = re.compile(r",? ?(?:or )?--[a-z-]+ on the command line")
_OPTION = re.compile(r"--([a-z][a-z-]*)")


def for_clients(message: str) -> str:
    """A message in which options of the command line are fields of a request, as ``--series`` is the field 'series'."""
    return _OPTION.sub(lambda found: f"the field '{found[1].replace('-', '_')}'", _ASIDE.sub("", message))
