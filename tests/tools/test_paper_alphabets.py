"""Characters of the test's alphabets in training."""

import json
from pathlib import Path

import numpy as np
import pytest

from drivemeta.errors import InputError
from tests.helpers.omniglot import write_omniglot
from tests.tools.test_paper_tables import small_row, train

TOOLS = Path(__file__).parents[2] / "tools"


@pytest.fixture
def tool(monkeypatch, tmp_path):
    """The tool, reading weights that were kept elsewhere."""
    monkeypatch.syspath_prepend(str(TOOLS))
    import paper_alphabets
    import paper_tables

    monkeypatch.setattr(paper_tables, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(paper_alphabets, "N_SHARED", 3)
    return paper_alphabets


def test_characters_change_sides_and_nothing_else_does(tool, tmp_path):
    path = write_omniglot(tmp_path / "o.npz", n=24)
    shared = tool.share_alphabets(path, tmp_path / "shared.npz", 3, seed=0)
    before, after = (dict(np.load(name)) for name in (path, shared))
    assert (before["vinyals"] == "test").sum() - (after["vinyals"] == "test").sum() == 3
    changed = before["vinyals"] != after["vinyals"]
    assert set(before["vinyals"][changed]) == {"test"}
    assert set(after["vinyals"][changed]) == {"train"}
    for key in before.keys() - {"vinyals"}:
        np.testing.assert_array_equal(before[key], after[key])


def test_a_row_is_tested_before_and_after(tool, tmp_path):
    import paper_tables

    omniglot = write_omniglot(tmp_path / "omniglot28.npz", n=24)
    with pytest.raises(InputError, match="protonet_3w1s: nothing is kept of it"):
        tool.measure(small_row(4), omniglot, 1.0, seed=0)
    kept = train(paper_tables, tmp_path, small_row(4))
    weights = paper_tables.weights_of(small_row(4)).read_bytes()
    found = tool.measure(small_row(kept["iterations"] + 4), omniglot, 1.0, seed=0)
    assert found["iterations"] == 4
    assert found["before"]["n_episodes"] == found["after"]["n_episodes"] == 2
    assert paper_tables.weights_of(small_row(4)).read_bytes() == weights


def test_what_was_measured_is_a_section(tool, tmp_path, monkeypatch):
    import paper_alphabets_table

    monkeypatch.setattr(paper_alphabets_table, "KEPT", tmp_path / "alphabets.json")
    assert paper_alphabets_table.section() == ""
    found = {when: {"mean": 0.5, "interval": 0.01} for when in ("before", "after")}
    found |= {"iterations": 4, "minutes": 1.0, "seed": 0}
    (tmp_path / "alphabets.json").write_text(json.dumps({"a_5w1s": found}))
    line = "| `a_5w1s` | 50.00 ± 1.00 | 50.00 ± 1.00 | 4 | 1.0 | 0 |\n"
    assert line in paper_alphabets_table.section()
