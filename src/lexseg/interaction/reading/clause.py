"""A clause that is read, with what each kind of correction may be made of."""

from dataclasses import dataclass
from typing import Literal

from lexseg.interaction.operations import Amount, Region
from lexseg.interaction.reading.about import About
from lexseg.interaction.reading.places import Whose
from lexseg.interaction.reading.tags import Tagged
from lexseg.language.lexicon import Lexicon

IDLE = ("filler", "polite", "all", "finding")
WHERE = ("place", "anatomy", "part_noun", "half", "edge", "centre", "component", "thing", "outer")
AMOUNT = ("slight", "fair", "much", "vast")
HOW = (*AMOUNT, "up", "down")


@dataclass(frozen=True, slots=True)
class CommandClause:
    """A clause of a command: its words, and what of the mask and its places they name.

    Attributes:
        said: its words with their parts.
        region: the place it names.
        about: what it is about.
        words: the lexicon.
    """

    said: Tagged
    region: Region | None
    about: About
    words: Lexicon

    @property
    def whose(self) -> Whose:
        """Whose sides its words mean."""
        return Whose(self.about.left)

    @property
    def amount(self) -> Amount:
        """How much of it is asked for."""
        return amount_of(self.said)

    @property
    def unit(self) -> Literal["mm", "px", "%"]:
        """Of the length that it names."""
        assert self.said.length is not None
        unit = self.said.length.unit
        return "mm" if unit == "mm" else "px" if unit == "px" else "%"

    def kept(self) -> bool | None:
        """Whether what is named is kept and all else goes, or is taken away; ``None`` where neither is said."""
        said = self.said
        taken = said.has("remove", "wrong", "no", "rest", "except") or (
            said.has("not") and not said.has("keep", "only")
        )
        if said.has("except"):
            return True if said.has("remove") and not said.has("never", "not", "no") else None
        if said.has("rest"):
            return True if said.has("keep", "only", "remove") and not said.has("not", "no") else None
        if said.has("keep", "only"):
            if said.has("remove") and not said.has("keep"):
                return False if not said.has("not", "no") else None  # "remove only the left one"
            return True if not taken and not said.has("never", "not") else None
        if not taken:
            return None
        if said.has("not", "no") and said.has("remove", "wrong"):
            return None
        return False


def amount_of(said: Tagged) -> Amount:
    """How much of it is asked for: "a bit", "quite a bit", "a lot" or "vastly" of it, or what is usual."""
    if said.has("vast") or said.count("much") > 1:  # "much, much more"
        return "vast"
    return "slight" if said.has("slight") else "fair" if said.has("fair") else "much" if said.has("much") else "usual"
