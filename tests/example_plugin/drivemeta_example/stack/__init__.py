"""A source of frames that lie stacked in one file."""
