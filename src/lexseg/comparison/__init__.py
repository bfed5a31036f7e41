"""Methods compared under one budget: a plan, its cells, a process for each, and one table."""
