"""Referring data sets from images with masks: targets, what is true of them, and sentences that name some of them."""

from lexseg.datasets.refer.anatomy import ANATOMIES
from lexseg.datasets.refer.build import ReferReport, ReferSettings, refer

__all__ = ["ANATOMIES", "ReferReport", "ReferSettings", "refer"]
