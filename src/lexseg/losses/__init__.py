"""Losses: functions of logits, embeddings and a `Target`, which is what a model is trained towards.

One is a module, as it learns a temperature (`alignment`). The room touches tensors alone. Its doors are
`lexseg.losses.target.Target` and the functions by name.
"""
