"""Gittins indices against published ones: Gittins' table for a discount of 0.9."""

import pytest

from tools.papers.gittins import index_table

# Table of Gittins indices at a discount of 0.9, as in Christian, Griffiths: Algorithms to Live By.
PUBLISHED = {(0, 0): 0.7029, (1, 1): 0.6346, (2, 2): 0.6010, (9, 1): 0.8695}


def test_published_values():
    table = index_table(0.9, 10)
    for (wins, losses), value in PUBLISHED.items():
        assert table[wins, losses] == pytest.approx(value, abs=1e-4)
