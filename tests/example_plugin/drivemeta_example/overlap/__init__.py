"""A tracker by overlap alone."""
