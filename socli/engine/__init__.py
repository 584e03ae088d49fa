"""The students at work on torch: loading, batches, attention, decoding, training, checkpoints."""

import os

# Read by torch at its first allocation: large tensors lie in huge pages, and a training step has hundreds of
# page faults instead of a hundred thousand (docs/experiments.md).
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
