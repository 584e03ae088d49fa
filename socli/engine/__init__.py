"""The students at work on torch: loading, batches, attention, decoding, training, checkpoints."""
