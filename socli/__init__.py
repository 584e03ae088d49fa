"""Distil a large model's reasoning into a small model that asks itself the right sub-questions."""

import os

__version__ = "0.1.0"

# Read once, when torch is loaded: two processes whose idle threads spin slow each other fivefold.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
