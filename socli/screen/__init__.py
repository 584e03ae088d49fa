"""What a terminal shows: values become scenes, scenes become trees, bars and plain lines."""
