"""A finished Run as a folder to give away: plain transformers files, and a card that says what they are."""
