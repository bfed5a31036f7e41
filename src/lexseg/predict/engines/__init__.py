"""What runs a network: torch, or ONNX Runtime. Both give the same answers through the same Segmenter."""
