"""Annotated images: readers, support sets, sources for training and synthetic scenes."""
