"""Scoring a model, or another tool's masks, so that the numbers hold.

Here live the scores of a data set with their intervals, the honesty probes (no sentence, another case's sentence, sides
swapped), presence and calibration, simulated users who correct what a model found, and the report as JSON and as a
page. The measures themselves are pure functions in `lexseg.metrics`. Its door is `lexseg.evaluation.evaluate`.
"""
