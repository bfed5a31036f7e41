"""One clause: a line of confidence, a shape, a move, parts, a size or a region; each rule in turn."""

from collections.abc import Callable
from dataclasses import replace

from lexseg.interaction.operations import Operation, Region
from lexseg.interaction.reading.about import About, Misunderstood
from lexseg.interaction.reading.clause import CommandClause
from lexseg.interaction.reading.covers import covered
from lexseg.interaction.reading.moves import edge_moved, moved
from lexseg.interaction.reading.parts import parted
from lexseg.interaction.reading.places import Whose, region_of
from lexseg.interaction.reading.shapes import shaped, threshold
from lexseg.interaction.reading.sizes import sized
from lexseg.interaction.reading.tags import tagged
from lexseg.interaction.reading.typos import mended
from lexseg.language.lexicon import Lexicon

_RULES: tuple[Callable[[CommandClause], Operation | None], ...] = (shaped, edge_moved, moved, parted, sized, covered)


def understood(bare: str, about: About, words: Lexicon) -> Operation:
    """What a clause asks for.

    Args:
        bare: the clause, as :func:`lexseg.interaction.reading.tags.normal` made it, without courtesies.
        about: what it is about.
        words: the lexicon.

    Raises:
        Misunderstood: if it asks for nothing, or not surely.
    """
    whose = Whose(about.left)
    said = tagged(bare, words)
    if said.unknown and (again := mended(bare, said.unknown, words)) is not None:
        bare, said = again, tagged(again, words)
    if (line := threshold(said)) is not None:
        return line
    region: Region | None
    region, rest = region_of(said.text, words, whose)
    if rest != said.text:  # a line such as "above the diaphragm" is taken out
        said = replace(tagged(rest, words), length=said.length)
    if said.unknown:
        named = ", ".join(f"'{word}'" for word in said.unknown)
        raise Misunderstood(f"not understood: {named}; nothing was changed", said.unknown)
    clause = CommandClause(said, region, about, words)
    for rule in _RULES:
        if (found := rule(clause)) is not None:
            return found
    raise Misunderstood("that asks for nothing that is known here; nothing was changed")
