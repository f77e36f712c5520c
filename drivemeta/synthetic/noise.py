"""Tileable noise, made once: the grain of asphalt, grass, clouds and walls."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

SIDE = 512


@functools.cache
def noise_tile(exponent: float, seed: int = 0) -> NDArray[np.float32]:
    """Return (512, 512) noise of mean 0 and deviation 1 that repeats without a seam.

    Args:
        exponent: Power by which the amplitude falls with frequency: 0 is white, 2 like clouds.
        seed: Seed of the tile.
    """
    rng = np.random.default_rng([seed, int(exponent * 100)])
    spectrum = np.fft.rfft2(rng.standard_normal((SIDE, SIDE)))
    rows, columns = np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None]
    frequency = np.maximum(np.hypot(rows, columns), 1 / SIDE)
    tile = np.fft.irfft2(spectrum / frequency**exponent, (SIDE, SIDE))
    tile = ((tile - tile.mean()) / tile.std()).astype(np.float32)
    tile.setflags(write=False)
    return np.asarray(tile)


def profile(exponent: float, seed: int, n: int) -> NDArray[np.float32]:
    """Return (n,) smooth noise, a row of a tile stretched to n values."""
    row = noise_tile(exponent)[seed % SIDE]
    places = np.linspace(0, SIDE, n, endpoint=False)
    return np.asarray(np.interp(places, np.arange(SIDE), row), np.float32)
