"""What an import loads, and which names are public."""

import pytest

import drivemeta
from tests.helpers.fresh import loaded_by

HEAVY = ("torch", "onnxruntime", "cv2")


def test_core_needs_numpy_only():
    ours = loaded_by("import drivemeta.core")
    assert not ours & {*HEAVY, "supervision", "pydantic", "av", "rich"}


def test_the_package_itself_loads_nothing_heavy():
    assert not loaded_by("import drivemeta") & {*HEAVY, "numpy"}


def test_help_loads_nothing_heavy():
    statement = (
        "from drivemeta.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit as done: assert not done.code"
    )
    assert not loaded_by(statement) & {*HEAVY, "numpy", "supervision"}


def test_public_names_are_sorted():
    assert drivemeta.__all__ == sorted(drivemeta.__all__)


@pytest.mark.parametrize("name", drivemeta.__all__)
def test_public_names_can_be_imported_and_are_documented(name):
    assert getattr(drivemeta, name).__doc__


def test_public_names_are_listed():
    assert set(drivemeta.__all__) <= set(dir(drivemeta))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'adpat'"):
        _ = drivemeta.adpat
