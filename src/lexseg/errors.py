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
