"""A model's network as ONNX graphs: traced from torch, kept without weights of their own, opened by ONNX Runtime.

A graph here is structure: its weights are the model's ``model.safetensors``, given to it by their names when it is
opened. So there is one copy of the weights, and a graph never answers with weights that it was not asked with. The room
touches models and encoders; only :mod:`lexseg.graphs.trace` and :mod:`lexseg.graphs.make` import torch. Its doors are
`make.make_graphs` and `store.open_graphs`.
"""
