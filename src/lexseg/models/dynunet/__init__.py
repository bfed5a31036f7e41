"""DynUNet and the parts that are its own."""

from lexseg.models.dynunet.model import DynUNet

__all__ = ["DynUNet"]
