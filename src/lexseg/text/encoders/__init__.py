"""Text encoders: BERT-family folders and ids, the packaged MiniLM, a small word-level encoder."""
