"""Losses: functions of logits, embeddings and targets."""
