"""Every dependency is pinned, listed with its licence, and free of the GPL."""

import re
import tomllib
from importlib import metadata
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PINS = re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text("utf-8"), re.MULTILINE)
PAGE = (ROOT / "docs" / "licences.md").read_text("utf-8")
LISTED = [
    row
    for row in re.findall(r"^\| \**([\w.-]+?)\** \| (.+) \|$", PAGE, re.MULTILINE)
    if row[0] != "package"
]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_what_is_pinned_is_listed_and_the_other_way_round():
    listed = {normal(name) for name, _ in LISTED}
    assert {normal(name) for name in PINS} == listed


def test_what_is_listed_is_permissive():
    copyleft = [name for name, licence in LISTED if "GPL" in licence]
    assert not copyleft


@pytest.mark.parametrize("name", PINS)
def test_what_is_installed_does_not_claim_the_gpl(name):
    try:
        found = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        pytest.skip("not installed: of another platform or extra")
    claims = [found.get("License-Expression") or "", *(found.get_all("Classifier") or [])]
    licences = [claim for claim in claims if not claim.startswith(("Topic", "Programming"))]
    assert not [claim for claim in licences if re.search(r"\bA?GPL|General Public", claim)]


@pytest.mark.parametrize(("name", "licence"), LISTED)
def test_the_page_names_the_licence_that_what_is_installed_states(name, licence):
    try:
        stated = metadata.metadata(name).get("License-Expression")
    except metadata.PackageNotFoundError:
        pytest.skip("not installed: of another platform or extra")
    if stated:
        assert re.match(r"[^(;]+", licence)[0].strip() == re.sub("[()]", "", stated)


def test_direct_dependencies_are_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines = [*chain(project["dependencies"], *project["optional-dependencies"].values())]
    required = [re.match(r"[\w.-]+", line)[0] for line in lines]
    elsewhere = {"onnxruntime"}  # where there is no wheel of onnxruntime-gpu
    assert {normal(name) for name in required} <= {normal(name) for name in PINS} | elsewhere
