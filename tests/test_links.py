"""Pages link to what is there, and name modules, files and names of the code that are there."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "examples" / "README.md",
    ROOT / "drivemeta" / "weights" / "MODEL_CARD.md",
]
CODE = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
DOTTED = re.compile(r"\bdrivemeta(?:\.\w+)+")
IN_THE_WHEEL = {"drivemeta/_plugins"}
FOLDERS = "|".join(
    path.name for home in (ROOT, ROOT / "drivemeta") for path in home.glob("[a-z]*/")
)
PATH = re.compile(rf"`((?:{FOLDERS})/[\w./*-]+)`")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@cache
def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    text = CODE.sub("", page.read_text("utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings
    }


def broken_links(page: Path) -> list[str]:
    """Return the links of a page that lead nowhere within the checkout."""
    found = []
    for link in LINK.findall(CODE.sub("", page.read_text("utf-8"))):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            found.append(link)
    return found


@cache
def names_in(module: Path) -> set[str]:
    """Return the names that a module defines, imports, or lists among its public ones."""
    found = set()
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.alias):
            found.add(node.name)
        elif isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
    return found


def is_there(dotted: str) -> bool:
    """Tell whether a dotted name is a module of ours, or a name that one of them has."""
    path, parts = ROOT, dotted.split(".")
    while parts and (path / parts[0]).is_dir():
        path /= parts.pop(0)
    if parts and (path / f"{parts[0]}.py").is_file():
        path /= f"{parts.pop(0)}.py"
    return not parts or parts[0] in names_in(path if path.suffix else path / "__init__.py")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    assert not broken_links(page)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_names_of_the_code_are_there(page):
    text = page.read_text("utf-8")
    assert not [dotted for dotted in DOTTED.findall(text) if not is_there(dotted)]
    paths = set(PATH.findall(text)) - IN_THE_WHEEL
    homes = (ROOT, ROOT / "drivemeta", page.parent)
    assert not [path for path in paths if not any(any(home.glob(path)) for home in homes)]


def test_what_is_broken_is_seen(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A page\n[a](#a-page) [b](#b) [c](c.md)\n```sh\n# d\n[e](e.md)\n```\n[d](#d)")
    assert broken_links(page) == ["#b", "c.md", "#d"]
    assert is_there("drivemeta.core.Frame")
    assert is_there("drivemeta.plugins.kinds")
    assert not is_there("drivemeta.plugins.protocols")
    assert not is_there("drivemeta.core.frame.Nothing")
