"""Scoring a model, or another tool's masks, so that the numbers hold: see `lexseg.evaluation.evaluate`."""
