"""Train a method from a recipe.

Here live recipes and their settings, cases as samples and batches, augmentation that keeps words and pixels in step,
the one training loop, what it leaves (a run folder, a model folder, curves), the judge of scope and the small models
that learn from large ones. The room may touch everything below it and knows nothing of prediction, scores of a data set
or files of results. Its door is `lexseg.training.run.train`.
"""
