"""Letters of any script are shown, or their codes; never the empty boxes of a font without them."""

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from drivemeta.core import lettering
from drivemeta.core.lettering import shortened, width_of, write
from tests.helpers.fresh import loaded_by

SCRIPTS = {
    "latin": "Fußgänger · stop",
    "vietnamese": "Cấm đỗ xe",
    "cyrillic": "Пешеход",
    "greek": "Προσοχή",
    "chinese": "停车让行",
    "korean": "정지 stop",
    "arabic": "قف",
}


@pytest.fixture(autouse=True)
def no_system_fonts(monkeypatch):
    """Let every machine be one without fonts of its own."""
    monkeypatch.setattr(lettering, "_system_fonts", lambda: ())
    lettering._lettered.cache_clear()
    yield
    lettering._lettered.cache_clear()


def test_letters_do_not_take_the_import_of_matplotlib():
    loaded = loaded_by("from drivemeta.core.lettering import width_of; width_of('stop', 12)")
    assert "PIL" in loaded
    assert "matplotlib" not in loaded


def drawn(text: str, size: int = 24) -> np.ndarray:
    sheet = Image.new("L", (600, 60), 0)
    write(ImageDraw.Draw(sheet), (4, 4), text, "white", size)
    return np.asarray(sheet)


@pytest.mark.parametrize("script", SCRIPTS)
def test_letters_of_many_scripts_are_shown_as_they_are(script):
    text = SCRIPTS[script]
    assert lettering._lettered(text, 24)[0] == text
    picture = drawn(text)
    columns = np.flatnonzero(picture.any(0))
    assert columns.min() >= 4
    assert columns.max() <= 4 + width_of(text, 24) + 1
    letters = [drawn(letter) for letter in text if not letter.isspace()]
    assert len({each.tobytes() for each in letters}) > len(letters) / 2  # no boxes, all alike
    empty = drawn(lettering._NO_LETTER)
    assert all((each != empty).any() for each in letters)


def test_what_no_font_shows_stands_as_its_code():
    assert lettering._lettered("ห้าม 5", 24)[0] == "U+0E2B U+0E49 U+0E32 U+0E21 5"
    assert lettering._lettered("a\udcffb", 24)[0] == "a U+DCFF b"
    assert drawn("ห้าม").any()


def test_without_the_letters_of_opencv_codes_stand_for_them(monkeypatch):
    monkeypatch.delattr(cv2, "FontFace")
    lettering._opencv_shows.cache_clear()
    assert lettering._lettered("停 a", 24)[0] == "U+505C a"
    lettering._opencv_shows.cache_clear()


def test_letters_written_to_the_left_need_the_whole_layout(monkeypatch):
    monkeypatch.setattr(lettering.features, "check", lambda _: False)
    lettering._shows.cache_clear()
    assert lettering._lettered("قف", 24)[0] == "U+0642 U+0641"
    lettering._shows.cache_clear()


def test_a_font_of_the_system_is_taken_where_it_has_all_letters(monkeypatch):
    monkeypatch.setattr(lettering, "_dejavu", lambda: "")
    monkeypatch.setattr(lettering, "_opencv_shows", lambda _: False)
    monkeypatch.setattr(lettering, "_shows", lambda path, _: path == "thai.ttf")
    monkeypatch.setattr(lettering, "_system_fonts", lambda: ("other.ttf", "thai.ttf"))
    monkeypatch.setattr(ImageFont, "truetype", lambda path, size: (path, size))
    assert lettering._lettered("ห้าม", 24) == ("ห้าม", ("thai.ttf", 24))


def test_long_text_loses_its_beginning():
    assert shortened("stop", 13, 400) == "stop"
    short = shortened("0123456789" * 9, 13, 200)
    assert short.startswith("…")
    assert short.endswith("89")
    assert width_of(short, 13) <= 200


def test_all_texts_of_a_size_share_a_font_since_each_holds_memory():
    fonts = {id(lettering._lettered(f"car 0.{i}", 24)[1]) for i in range(50)}
    assert len(fonts) == 1
