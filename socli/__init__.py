"""Distil a large model's reasoning into a small model that asks itself the right sub-questions."""

__version__ = "0.1.0"
