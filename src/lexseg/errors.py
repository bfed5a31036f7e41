"""Errors that a user can mend.

The command line prints them as one message, without a traceback, and exits with status 1. Everything else that is
raised is a fault of ours and keeps its traceback.
"""


class LexSegError(Exception):
    """Something the user gave cannot be used; the message says what, what was expected and what to do."""


class DataError(LexSegError):
    """A manifest, an image or a mask cannot be used."""


class TextError(LexSegError):
    """A sentence cannot be used: blank, or longer than the text encoder reads."""


class ModelError(LexSegError):
    """A model folder, a checkpoint or a model's name cannot be used."""


class ConfigError(LexSegError):
    """A recipe or an option cannot be used."""


class PacsError(LexSegError):
    """A PACS cannot be reached, refuses, or does not hold what was asked for."""


def check_flags(**given: object) -> None:
    """Refuse what is neither true nor false, as the text "no" is, which would count as true.

    Args:
        given: options by their names.

    Raises:
        ConfigError: one is neither ``True`` nor ``False`` (0 and 1, and numpy's own, will do).
    """
    for name, value in given.items():
        if isinstance(value, str) or value not in (True, False):
            raise ConfigError(f"{name}={value!r}: True or False was expected, without quotation marks")
