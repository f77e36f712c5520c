"""Sections of a page that tools write."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.page_section import put_section


def test_a_section_is_put_where_it_was_and_others_stay(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    for text in ("## One\n\na\n", "## Two\n\nb\n", "## One\n\nc\n"):
        put_section(page, text)
    assert page.read_text() == "# Benchmarks\n\n## One\n\nc\n\n## Two\n\nb\n"
    with pytest.raises(ValueError, match="begins with a heading, found 'three'"):
        put_section(page, "three")
