"""Few-shot perception for driving: adapt a detector from a few frames, export it, run it."""
