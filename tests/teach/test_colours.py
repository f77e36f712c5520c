"""A class has the colour on the page that it has in videos."""

import re
from pathlib import Path

import drivemeta
from drivemeta.plugins.sink.class_colours import LEARNT_COLOURS

SCRIPT = Path(drivemeta.__file__).parent / "teach" / "page" / "lists.js"


def test_the_page_has_the_colours_of_learnt_classes():
    (line,) = re.findall(r"const PALETTE = \[(.*?)\]", SCRIPT.read_text("utf-8"))
    expected = ["#{:02x}{:02x}{:02x}".format(*colour) for colour in LEARNT_COLOURS]
    assert re.findall(r"#\w{6}", line) == expected
