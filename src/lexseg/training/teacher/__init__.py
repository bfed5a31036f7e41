"""A large teacher, trained in minutes on a bare machine with a GPU, and distilled into a small model on the CPU.

What runs on the bare machine (`contents`, `batches`, `fit`, `shards`, `bare`) needs PyTorch, NumPy, safetensors and
transformers, and nothing else.
"""
