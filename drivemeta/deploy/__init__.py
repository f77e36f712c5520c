"""Models in other places: class banks edited in the file, Triton, portable folders.

Never imports torch.
"""
