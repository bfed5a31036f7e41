"""Train a method from a recipe."""
