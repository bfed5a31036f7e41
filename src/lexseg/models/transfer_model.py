"""What CLIPSeg and CRIS share where the vision-language transfer study (Poudel et al., MIDL 2024) fine-tunes them."""

from torch import Tensor

from lexseg.encoders.text.batch import TextBatch
from lexseg.losses.published import transfer_study_losses
from lexseg.losses.target import Target
from lexseg.models.text_model import TextModel


class TransferModel(TextModel):
    """An image encoder pretrained with language, and the study's losses.

    Attributes:
        cross_entropy_weight: beside a Dice of weight 1.
        as_published: compute the losses as the study's code does.
    """

    def build_losses(self, cross_entropy_weight: float, *, as_published: bool) -> None:
        """Set the losses; the head for presence is there already, or is left out."""
        self.cross_entropy_weight, self.as_published = cross_entropy_weight, as_published
        self.loss_names = ("dice", "bce", *self.presence_names)

    def training_losses(self, image: Tensor, text: TextBatch, target: Target) -> dict[str, Tensor]:
        """Dice and cross-entropy, and where configured the presence term."""
        prediction = self.decode(self.encode_for(image, text), text)
        losses = transfer_study_losses(
            prediction.logits, target, self.cross_entropy_weight, as_published=self.as_published
        )
        return losses | self.presence_losses(prediction, target)
