"""Scores of masks against references: pure functions that name their aggregation and their rule for empty masks.

Here live overlap, surface distances, measures of referring and of listening, calibration, and intervals clustered by
patient. The room touches arrays alone: no file, no case, no network. Its doors are the functions by name.
"""
