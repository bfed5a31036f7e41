"""What the methods that read a sentence share: how words come in, and the answer whether what they name is there."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from lexseg.encoders.text.batch import TextBatch
from lexseg.losses.presence import presence_loss
from lexseg.losses.target import Target
from lexseg.models.base import Prediction, SegmentationModel
from lexseg.models.parts.presence import PresenceHead
from lexseg.models.parts.text_adapter import TextAdapter
from lexseg.models.parts.text_input import TextInput, trained_text_encoder


class TextModel(SegmentationModel):
    """A network that reads words, and may say whether what they name is in the image.

    A subclass builds both where its constructor wants them, since weights are drawn and saved in that order:
    :meth:`build_text`, and :meth:`build_presence` once it knows the widths of its maps. Its ``decode`` then has
    :meth:`read_words` and :meth:`answer_presence`, its ``training_losses`` :meth:`presence_losses`.

    Attributes:
        adapter: a trained transformer over the token states; ``None`` where the states are the words.
        presence_weight: of the presence term.
    """

    adapter: TextAdapter | None
    presence_weight: float

    def __init__(self) -> None:
        super().__init__()
        self.adapter, self.presence_weight = None, 0.0

    def build_text(
        self, width: int, encoder: Mapping[str, Any] | None = None, adapter: Mapping[str, Any] | None = None
    ) -> int:
        """Build the way in for sentences, and return the width D of :meth:`read_words`.

        Args:
            width: of the token states.
            encoder: configuration of a text encoder that is trained with the model; ``None`` where it is frozen and
                stands outside.
            adapter: keywords of a :class:`TextAdapter` over the states; ``None`` leaves it out.
        """
        self.text_input = TextInput(width, trained_text_encoder(encoder))
        self.adapter = TextAdapter(width, **adapter) if adapter else None
        return int(adapter["dim"]) if adapter else width

    def build_presence(self, maps: Sequence[int], sentence: int, weight: float) -> None:
        """Build the head that answers whether what the words name is there; ``weight`` 0 leaves it out.

        Args:
            maps: widths of the maps that :meth:`answer_presence` is given.
            sentence: width of the sentence's vector.
            weight: of the presence term.
        """
        self.presence = PresenceHead(maps, sentence) if weight else None
        self.presence_weight = weight

    @property
    def presence_names(self) -> tuple[str, ...]:
        """The keys of :meth:`presence_losses`, for ``loss_names``."""
        return () if self.presence is None else ("presence",)

    def read_states(self, text: TextBatch) -> tuple[Tensor, Tensor]:
        """Token states float[B, L, width], zero where there is no word, and the mask bool[B, L] of the words."""
        assert self.text_input is not None
        states, mask = self.text_input(text)
        return states, mask

    def adapted(self, states: Tensor, mask: Tensor) -> Tensor:
        """The states, float[B, L, width], as the method reads them: float[B, L, D]; what padding becomes is no word."""
        return states if self.adapter is None else self.adapter(states, mask)

    def read_words(self, text: TextBatch) -> tuple[Tensor, Tensor]:
        """The sentences as the method reads them: words float[B, L, D], and the mask bool[B, L]."""
        states, mask = self.read_states(text)
        return self.adapted(states, mask), mask

    def answer_presence(self, maps: Sequence[Tensor], logits: Tensor, sentence: Tensor) -> Tensor | None:
        """Whether what the words name is there: float[B], logits; ``None`` where this was left out.

        Args:
            maps: float[B, C, h, w] each, which know the words.
            logits: float[B, 1, H, W], of the mask.
            sentence: float[B, D].
        """
        return None if self.presence is None else self.presence(maps, logits, sentence)

    def presence_losses(self, prediction: Prediction, target: Target) -> dict[str, Tensor]:
        """The presence term, weighted; none where the answer was left out."""
        if prediction.presence is None:
            return {}
        return {"presence": self.presence_weight * presence_loss(prediction.presence, target)}
