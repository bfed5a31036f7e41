"""Referring data sets from images with masks: targets, what is true of them, and sentences that name some of them."""

from lexseg.data.refer.anatomy import ANATOMIES
from lexseg.data.refer.build import ReferReport, ReferSettings, refer

__all__ = ["ANATOMIES", "ReferReport", "ReferSettings", "refer"]
