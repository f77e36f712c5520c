"""The site has every page, and its reference every public name; what it needs is in it."""

import inspect
import re
import shutil
import subprocess
import sys
import tomllib

import pytest

import drivemeta as dm
from drivemeta.cli.main import COMMANDS
from drivemeta.plugins.kinds import KINDS, PROTOCOLS
from tools.site.commands import cell, commands_page
from tools.site.gather import COMMANDS_PAGE, ROOT, gather, pages

CONFIG = tomllib.loads((ROOT / "zensical.toml").read_text("utf-8"))["project"]
REFERENCE = ROOT / "docs" / "reference"
SHOWN = re.compile(r"^::: (\S+)$", re.MULTILINE)
OF_ARRAYS = re.compile(r"\b(?:Image|\w*Array|Tensor)\b")
A_SHAPE = re.compile(r"\((?:\w+|\.\.\.),(?: [\w.*]+)?(?:, \w+)*\)")


def listed(entry):
    """Yield the pages of a navigation, or of a part of it."""
    if isinstance(entry, str):
        yield entry
    else:
        for each in entry.values() if isinstance(entry, dict) else entry:
            yield from listed(each)


def documented(owner, name):
    """Yield the public parts of a public name that take or return arrays, with their docstrings."""
    if not inspect.isclass(owner):
        yield name, inspect.signature(owner), inspect.getdoc(owner) or ""
        return
    fields = getattr(owner, "__annotations__", {})
    yield name, " ".join(map(str, fields.values())), inspect.getdoc(owner) or ""
    for each, member in vars(owner).items():
        function = getattr(member, "fget", None) or getattr(member, "__func__", member)
        if inspect.isfunction(function) and (not each.startswith("_") or each == "__call__"):
            text = (inspect.getdoc(function) or "") + (inspect.getdoc(owner) or "")
            yield f"{name}.{each}", inspect.signature(function), text


def test_every_page_is_in_the_navigation_once():
    assert sorted(listed(CONFIG["nav"])) == sorted([*pages(), COMMANDS_PAGE])


def test_every_public_name_is_in_the_reference():
    shown = SHOWN.findall((REFERENCE / "python.md").read_text("utf-8"))
    assert sorted(shown) == [f"drivemeta.{name}" for name in sorted(dm.__all__)]
    protocols = SHOWN.findall((REFERENCE / "protocols.md").read_text("utf-8"))
    assert protocols == [PROTOCOLS[kind].__module__ for kind in KINDS]


@pytest.mark.parametrize("name", dm.__all__)
def test_where_arrays_go_in_or_out_their_shapes_are_told(name):
    for part, annotations, text in documented(getattr(dm, name), name):
        assert text, part
        if OF_ARRAYS.search(str(annotations)):
            assert A_SHAPE.search(text), f"{part}{annotations}\n{text}"


def test_commands_are_told_with_all_their_options():
    page = commands_page()
    assert all(f"## drivemeta {name}\n" in page for name in COMMANDS)
    assert "| `--jobs <int range>` |" in page
    assert cell("A | b, [default: 1]\n  <c>") == r"A \| b, \[default: 1\] \<c\>"


def test_gathered_pages_link_to_each_other(tmp_path):
    (tmp_path / "old.md").write_text("old")
    gather(tmp_path / "pages")
    gathered = sorted((tmp_path / "pages").rglob("*.md"))
    assert len(gathered) == len(pages()) + 1
    for page in gathered:
        links = re.findall(r"\]\((?!\w+://)([^)\s#]+)", page.read_text("utf-8"))
        assert not [link for link in links if not (page.parent / link).exists()], page
    assert "](model-card.md)" in (tmp_path / "pages" / "licences.md").read_text("utf-8")
    assert "](images/failures.jpg)" in (tmp_path / "pages" / "model-card.md").read_text("utf-8")


@pytest.mark.slow
def test_the_site_builds_and_needs_nothing_from_elsewhere(tmp_path):
    pytest.importorskip("zensical", reason="pip install -e '.[docs]'")
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    (tmp_path / "drivemeta").symlink_to(ROOT / "drivemeta")
    gather(tmp_path / CONFIG["docs_dir"])
    command = [sys.executable, "-m", "zensical", "build", "--strict"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    python = (tmp_path / "site" / "reference" / "python.html").read_text("utf-8")
    assert all(f'id="drivemeta.{name}"' in python for name in dm.__all__)
    fetched = [
        tag
        for page in (tmp_path / "site").rglob("*.html")
        for tag in re.findall(r"<(?:script|link|img)\b[^>]*>", page.read_text("utf-8"))
        if re.search(r"""(?:src|href)=["']?(?:https?:)?//""", tag)
    ]
    assert not fetched
