"""The plot of a report: how new classes resemble each other, and held-out scores by class."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw

from drivemeta.adaptation.adapted import Adapted
from drivemeta.adaptation.report.diagnosis import SupportDiagnosis
from drivemeta.core.lettering import shortened, write

_INK, _FAINT, _GOOD, _BAD, _REST = "#1b1f24", "#6b7480", "#059669", "#dc2626", "#c3cad3"
_CELL, _ROW, _LABEL, _WIDTH, _GAP, _TOP = 44, 34, 210, 420, 60, 70
_MOST = 24


def draw_report_plot(adapted: Adapted, diagnosis: SupportDiagnosis) -> Image.Image:
    """Return an RGB picture: scores of boxes and of other things, and the matrix of cosines.

    At most the first 24 classes are drawn.
    """
    names = adapted.record.support.classes[:_MOST]
    wide = _LABEL + _WIDTH + _GAP + (_LABEL + _CELL * len(names) if len(names) > 1 else 0)
    high = _TOP + max(_ROW, _CELL) * len(names) + 60
    sheet = Image.new("RGB", (wide + 20, high), "#ffffff")
    pen = ImageDraw.Draw(sheet)
    _draw_scores(pen, adapted, diagnosis, names)
    if len(names) > 1:
        _draw_cosines(pen, diagnosis, names, _LABEL + _WIDTH + _GAP)
    return sheet


def plot_png(adapted: Adapted, diagnosis: SupportDiagnosis) -> bytes:
    """Return the plot as a PNG file."""
    data = io.BytesIO()
    draw_report_plot(adapted, diagnosis).save(data, "PNG")
    return data.getvalue()


def _draw_scores(
    pen: ImageDraw.ImageDraw, adapted: Adapted, diagnosis: SupportDiagnosis, names: tuple[str, ...]
) -> None:
    write(pen, (12, 10), "Scores of held-out boxes", _INK, 16)
    words = "green: named right, red: not; grey: other things; line: threshold"
    write(pen, (12, 34), words, _FAINT, 12)

    def x(score: float) -> float:
        return _LABEL + score * (_WIDTH - 20)

    bank = adapted.detector.bank
    for label, name in enumerate(names):
        y = _TOP + label * max(_ROW, _CELL) + _ROW // 2
        write(pen, (12, y - 7), shortened(name, 12, _LABEL - 24), _INK, 12)
        pen.line((x(0), y, x(1), y), "#e5e9ee")
        for score in adapted.record.held.negatives[label].tolist():
            pen.ellipse((x(score) - 2, y - 2, x(score) + 2, y + 2), _REST)
        for shot in diagnosis.shots:
            if shot.name == name:
                at, colour = x(shot.score), _BAD if shot.disagrees else _GOOD
                pen.ellipse((at - 5, y - 5, at + 5, y + 5), outline=colour, width=2)
        at = x(bank.classes[bank.index(name)].threshold)
        pen.line((at, y - 12, at, y + 12), _INK, 2)
    bottom = _TOP + len(names) * max(_ROW, _CELL) + 8
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        write(pen, (x(tick) - 8, bottom), f"{tick:g}", _FAINT, 12)


def _draw_cosines(
    pen: ImageDraw.ImageDraw, diagnosis: SupportDiagnosis, names: tuple[str, ...], left: int
) -> None:
    write(pen, (left, 10), "Cosine between new classes", _INK, 16)
    cosine = {(p.name, p.other): p.cosine for p in diagnosis.likeness if p.kind == "new"}
    for i, row in enumerate(names):
        y = _TOP + i * _CELL
        write(pen, (left, y + 14), shortened(row, 12, _LABEL - 12), _INK, 12)
        for j, column in enumerate(names):
            if row != column and (row, column) not in cosine:
                continue  # a sign and a thing, or kinds of two super-classes: never rivals
            value = cosine.get((row, column), 1.0)
            shade = int(255 - 175 * max(value, 0.0))
            at = left + _LABEL + j * _CELL
            pen.rectangle((at, y, at + _CELL - 2, y + _CELL - 2), (shade, shade, 255))
            ink = "#ffffff" if value > 0.75 else _INK
            write(pen, (at + 8, y + 14), f"{value:.2f}", ink, 12)
