"""Models as folders of ONNX graphs, for whatever runs those: no torch, no LexSeg needed."""
