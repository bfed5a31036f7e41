"""Scores of masks against references: pure functions that name their aggregation and their rule for empty masks."""
