"""Models as folders of ONNX graphs, for whatever runs those: no torch, no LexSeg needed.

Here live the folder, its card, smaller weights, and the check that it answers as the model it was made of. The room
touches predict, graphs and models. Its door is `folder.export_model`.
"""
