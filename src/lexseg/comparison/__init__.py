"""Methods compared under one budget: a plan, its cells, a process for each, and one table.

Here live plans and what they come to, the running of cells, tables with intervals, ablations, and the benchmark of time
and memory. The room trains and evaluates through `lexseg.training` and `lexseg.evaluation` and scores nothing itself.
Its doors are `lexseg.comparison.plan_file`, `lexseg.comparison.runner` and `lexseg.comparison.results`.
"""
