"""Fixtures of small data sets."""

from made_sets import make_films, make_set, write_csv

__all__ = ["make_films", "make_set", "write_csv"]
