"""Corrections of a mask by words and by hand: pure operations over a state, a parser of sentences, and sessions.

It may touch the rooms below it: answers and images that were looked at (`predict`), what is written of them
(`outputs`), manifests (`cases`), words (`language`). LIMIS-style: the paper's code and command vocabulary are not
public, and what is here is ours. Its door is :class:`~lexseg.interaction.session.CorrectionSession`:

>>> from lexseg.interaction import CorrectionSession
>>> session = CorrectionSession.start(Segmenter.from_pretrained("default").set_image("film.png"), "opacity on the left")
>>> session.correct("a bit more generous").echo
>>> session.correct("undo")
"""

from lexseg.interaction.parse import Misunderstood, parse
from lexseg.interaction.session import CorrectionSession, Reply
from lexseg.interaction.state import State

__all__ = ["CorrectionSession", "Misunderstood", "Reply", "State", "parse"]
