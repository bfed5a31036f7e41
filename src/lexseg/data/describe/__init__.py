"""Sentences from masks, for people who have none: the styles of published data sets, each with what it leaks."""

from lexseg.data.describe.build import DescribeReport, describe
from lexseg.data.describe.settings import DescribeSettings
from lexseg.data.describe.styles import STYLES, Style

__all__ = ["STYLES", "DescribeReport", "DescribeSettings", "Style", "describe"]
