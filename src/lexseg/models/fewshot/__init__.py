"""A model taught from a few images: the features of another model, and a head fitted to a few labelled pixels.

`lexseg.fewshot` reads the labelled images and fits; here are the network and its heads, which know nothing of files.
"""

from lexseg.models.fewshot.model import FewShot

__all__ = ["FewShot"]
