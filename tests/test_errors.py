"""The exception tree: codes, and that its drawing is true."""

import inspect

from drivemeta import errors


def classes() -> list[type[Exception]]:
    found = inspect.getmembers(errors, inspect.isclass)
    return [c for _, c in found if issubclass(c, Exception)]


def test_every_error_descends_from_one_and_is_drawn():
    drawn = inspect.getdoc(errors)
    for error in classes():
        assert issubclass(error, errors.DriveMetaError)
        assert error.__name__ in drawn


def test_wrong_input_exits_with_2_and_failures_with_1():
    for error in classes():
        assert error.exit_code == (2 if issubclass(error, errors.InputError) else 1)


def test_nothing_known_is_said():
    assert errors.suggest("x", []) == "none is known"
