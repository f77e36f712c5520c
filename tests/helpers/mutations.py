"""Damage done to files at random, by a seed: bytes cut out, put in, put twice, or flipped."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from drivemeta.errors import DriveMetaError

PIECES = [
    b"\x00",
    b"9" * 400,
    b"-1",
    b"nan",
    b"1e999",
    b"\xff",
    b"[",
    b"<",
    b"}",
    b"]]>",
    b"&e;",
    b" ",
]


def mutated_bytes(data: bytes, rng: random.Random) -> bytes:
    """Return bytes with some cut out, put in, or put twice."""
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data) + 1)
        end = min(len(data), at + rng.randint(0, 12))
        piece = rng.choice([*PIECES, data[at:end], data[at:end] * 2, b""])
        data = data[:at] + piece + data[end:]
    return data


def damaged(data: bytes, rng: random.Random) -> bytes:
    """Return a binary file with some bytes changed, mostly in its head, or its end cut off."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        most = len(changed) if rng.random() < 0.5 else min(len(changed), 800)
        changed[rng.randrange(most)] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])
    if rng.random() < 0.2:
        del changed[rng.randrange(1, len(changed)) :]
    return mutated_bytes(bytes(changed), rng) if rng.random() < 0.2 else bytes(changed)


def refusal(read: Callable[[], object], number: int) -> str:
    """Return why an input is refused, an empty text if it is read; anything else fails the test."""
    try:
        read()
    except DriveMetaError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001  (the input has to be told)
        pytest.fail(f"input {number}: {error!r}")
    return ""
