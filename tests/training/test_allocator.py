"""Freed memory is kept, so that it is not cleared anew at each step."""

import subprocess
import sys

import pytest

COUNT = """
import resource, sys
from drivemeta.training.allocator import keep_freed_memory

if sys.argv[1] == "keep":
    assert keep_freed_memory()
bytearray(1 << 26)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    bytearray(1 << 26)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(how: str) -> int:
    """Return the page faults of taking 64 MB ten times."""
    done = subprocess.run(
        [sys.executable, "-c", COUNT, how], check=True, capture_output=True, text=True
    )
    return int(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc alone is told")
def test_memory_that_is_kept_is_not_asked_for_again():
    given_back, kept = page_faults("give back"), page_faults("keep")
    assert kept < given_back / 5
