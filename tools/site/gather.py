"""Gather the pages of the site: those of docs/, those that lie elsewhere, and that of all commands.

    python -m tools.site.gather build/site-pages

`make docs` runs it before zensical, which `zensical.toml` tells where the pages lie.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
from pathlib import Path

from tools.site.commands import commands_page

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
COMMANDS_PAGE = "reference/commands.md"
ELSEWHERE = {  # file of the checkout -> page of the site
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changes.md",
    "examples/README.md": "examples.md",
    "drivemeta/weights/MODEL_CARD.md": "model-card.md",
}
_LINK = re.compile(r"\]\((?!\w+://)([^)\s#]+)")


def pages() -> dict[str, Path]:
    """Return the file of each page of the site, but for that of the commands."""
    found = {path.relative_to(DOCS).as_posix(): path for path in sorted(DOCS.rglob("*.md"))}
    return found | {page: ROOT / file for file, page in ELSEWHERE.items()}


def gather(out: Path) -> None:
    """Write all pages, with pictures and examples, to a folder; what lay there is removed."""
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(DOCS, out)
    (out / "examples").mkdir()
    for script in (ROOT / "examples").glob("*.py"):
        shutil.copy(script, out / "examples")
    for page, path in pages().items():
        (out / page).write_text(with_links_of(page, path), "utf-8")
    (out / COMMANDS_PAGE).write_text(commands_page(), "utf-8")


def with_links_of(page: str, path: Path) -> str:
    """Return the text of a file whose links lead from its page to the pages of the site."""

    def moved(link: re.Match[str]) -> str:
        target = Path(os.path.normpath(path.parent / link[1]))
        inside = target.relative_to(DOCS if target.is_relative_to(DOCS) else ROOT).as_posix()
        there = os.path.relpath(ELSEWHERE.get(inside, inside), Path(page).parent)
        return f"]({there}"

    return _LINK.sub(moved, path.read_text("utf-8"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Gather the pages of the site.")
    parser.add_argument("out", type=Path, help="Folder that is made anew.")
    gather(parser.parse_args().out)
