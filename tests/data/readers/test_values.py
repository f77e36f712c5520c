"""Ids, flags, numbers and names in the types that files have them in."""

import math
import unicodedata

import pytest

from drivemeta.data.readers.values import as_flag, as_id, as_name, as_number, as_size, short
from drivemeta.errors import AnnotationError

HUGE = 10**5000


@pytest.mark.parametrize("value", [7, 7.0, "7", " 7 ", "7.0", "07"])
def test_ids_of_all_types_are_one(value):
    assert as_id(value, "image") == 7


@pytest.mark.parametrize("value", [None, True, [1], {}, math.nan, math.inf, 1.5, 1e308, "", " "])
def test_what_is_no_id(value):
    with pytest.raises(AnnotationError, match="image: expected an id"):
        as_id(value, "image")


def test_text_stays_text_and_long_numbers_do_not_end_in_a_traceback():
    assert as_id("1_000", "image") == "1_000"
    assert as_id("a7", "image") == "a7"
    assert as_id("9" * 6000, "image") == "9" * 6000
    with pytest.raises(AnnotationError, match="a number of many digits"):
        as_id(HUGE, "image")
    with pytest.raises(AnnotationError, match="a number of many digits"):
        as_number(HUGE, "x")


@pytest.mark.parametrize("value", [1, 1.0, True, "1", "true", " True ", "YES"])
def test_flags_that_are_set(value):
    assert as_flag(value, "iscrowd") is True


@pytest.mark.parametrize("value", [None, 0, 0.0, False, "0", "false", "", " No "])
def test_flags_that_are_not(value):
    assert as_flag(value, "iscrowd") is False


@pytest.mark.parametrize("value", [2, "maybe", [], [0], {}, math.nan])
def test_what_is_no_flag(value):
    with pytest.raises(AnnotationError, match="iscrowd: expected 0 or 1"):
        as_flag(value, "iscrowd")


@pytest.mark.parametrize("value", [None, True, "", "1_0", "1e999", math.inf, 1e308, [1], "inf"])
def test_what_is_no_number_of_pixels(value):
    with pytest.raises(AnnotationError, match="x: expected a finite number"):
        as_number(value, "x")


def test_sizes_are_read_or_absent_or_refused():
    assert as_size("60", 80.0, "a") == (60, 80)
    assert as_size(0, 0, "a") is as_size(None, 80, "a") is None
    for height in ("tall", 1.5, [60]):
        with pytest.raises(AnnotationError, match="a: "):
            as_size(height, 80, "a")


def test_names_lose_the_blanks_round_them():
    assert as_name("\n  give way ", "class 1") == "give way"
    assert as_name("Straßenschild", "class 1") == "Straßenschild"


@pytest.mark.parametrize("name", [None, 5, "", "  ", "a\x00b", "a\nb", "\ud800", "a\u2028b", []])
def test_names_that_are_none_are_refused(name):
    with pytest.raises(AnnotationError, match="class 1: "):
        as_name(name, "class 1")


def test_values_in_messages_are_short_and_printable():
    assert len(short("a" * 1000)) == 80
    assert short(HUGE) == "a number of many digits"
    assert short("\ud800") == "'\\ud800'"
    assert short([[[1]]]) == "a list of 1"


def test_names_are_one_in_either_unicode_form():
    names = {as_name(unicodedata.normalize(form, "Straße é"), "x") for form in ("NFC", "NFD")}
    assert len(names) == 1
