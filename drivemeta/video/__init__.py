"""Frames in, tracks out: sources, inference, tracking and sinks, overlapping in threads."""
