"""Networks of random weights in int8, for tests of everything but what int8 costs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from drivemeta.export.precision import rewrite


@contextmanager
def random_networks_allowed() -> Iterator[None]:
    """Let int8 of a random network through, which spreads every rounding: against itself."""
    changed = rewrite._changed
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rewrite, "UNMATCHED_SHARE", {**rewrite.UNMATCHED_SHARE, "int8": 9.0})
        patch.setattr(rewrite, "_changed", lambda *given: (changed(*given)[1],) * 2)
        yield
