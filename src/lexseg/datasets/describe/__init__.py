"""Sentences from masks, for people who have none: the styles of published data sets, each with what it leaks."""

from lexseg.datasets.describe.build import DescribeReport, describe
from lexseg.datasets.describe.settings import DescribeSettings
from lexseg.datasets.describe.styles import STYLES, Style

__all__ = ["STYLES", "DescribeReport", "DescribeSettings", "Style", "describe"]
