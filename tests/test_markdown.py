"""Tables of Markdown."""

from drivemeta.markdown import table


def test_a_table_has_its_head_its_rule_and_its_rows():
    lines = ["| a | b |", "|---|---|", "| 1 | x\\|y |"]
    assert table(["a", "b"], [[1, "x|y"]]) == lines
    assert table(["a", "b"], []) == lines[:2]
