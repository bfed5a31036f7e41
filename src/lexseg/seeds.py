"""Chance that can be repeated."""

import hashlib

import numpy as np


def case_generator(seed: int, epoch: int, case_id: str) -> np.random.Generator:
    """A generator that depends on nothing but its three arguments: not on workers, ranks, order or earlier draws."""
    digest = hashlib.sha256(f"{seed}/{epoch}/{case_id}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "little"))
