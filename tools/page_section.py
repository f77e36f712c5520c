"""A section of a page, put where it was."""

from __future__ import annotations

from pathlib import Path

from drivemeta.files import write_text


def put_section(page: Path, text: str) -> None:
    """Put a section in place of the one of its heading, or at the end of a page.

    Args:
        page: Markdown file; begun if it is absent.
        text: Text whose first line is a heading of the second level.
    """
    heading = text.splitlines()[0]
    if not heading.startswith("## "):
        raise ValueError(f"expected a section that begins with a heading, found {heading!r}")
    old = page.read_text(encoding="utf-8") if page.is_file() else "# Benchmarks\n"
    start = old.find(f"\n{heading}\n")
    if start < 0:
        write_text(page, old.rstrip() + "\n\n" + text)
        return
    end = old.find("\n## ", start + 1)
    rest = old[end:] if end >= 0 else ""
    write_text(page, old[: start + 1] + text.rstrip() + "\n" + rest)
