"""Which meanings of signs learners are trained, chosen and tested on, when they are compared.

A test class is new by its meaning, and from a country that was never met: every meaning that
occurs in Vietnam is tested, so none of them is trained in any country. Of the others, every sixth
serves to choose by.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

from drivemeta.data.meanings import load_meanings

Part = Literal["train", "val", "test"]
NEVER_MET = "vietnam"
COUNTRIES = ("germany", "belgium", "china_tsrd", "china_tt100k")
EVERY = 6


@cache
def meanings_in(part: Part) -> frozenset[str]:
    """Return the meanings of one part; the three have none in common.

    >>> "no_entry" in meanings_in("test"), "stop" in meanings_in("test")
    (True, False)
    """
    known = {name for name, members in load_meanings().items() if members.keys() & {*COUNTRIES}}
    test = {name for name, members in load_meanings().items() if NEVER_MET in members}
    others = sorted(known - test)
    val = set(others[::EVERY])
    return frozenset({"train": set(others) - val, "val": val, "test": test}[part])
