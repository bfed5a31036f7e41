"""Segment images with a trained model: load once, set an image once, ask many sentences."""
