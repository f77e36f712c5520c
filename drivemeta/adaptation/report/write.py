"""The files of a report, beside the model that it is about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from drivemeta.adaptation.adapted import Adapted
from drivemeta.adaptation.branch_learning import RowLearning
from drivemeta.adaptation.held_frames import hold_frames_out
from drivemeta.adaptation.report.contact_sheet import write_contact_sheet
from drivemeta.adaptation.report.diagnosis import diagnose_support
from drivemeta.adaptation.report.expected_ap50 import expected_ap50
from drivemeta.adaptation.report.page import report_json, report_markdown, warnings
from drivemeta.adaptation.report.plot import plot_png
from drivemeta.adaptation.report.verdict import verdicts
from drivemeta.files import write_bytes, write_text


def write_report(adapted: Adapted, model: Path, *, full: bool) -> dict[str, Any]:
    """Write contact sheet (.crops.png), plot (.report.png) and page (.report.md) beside a model.

    Args:
        adapted: Adapted detector.
        model: Path of the exported model.
        full: Whether to hold out every frame in turn, not only a few, and estimate AP50.

    Returns:
        The report as JSON values.

    Raises:
        OutputError: a file cannot be written.
    """
    diagnosis = diagnose_support(adapted)
    record = adapted.record
    held = record.frames_held
    if full:
        learning = RowLearning(record.base, record.evidence, record.rows, record.again)
        held = hold_frames_out(learning, record.parents, at_most=None)
    expected = expected_ap50(adapted, held) if full else None
    judged = verdicts(adapted, diagnosis, held)
    sheet, plot = model.with_suffix(".crops.png"), model.with_suffix(".report.png")
    notes = {
        row.name: f"{row.shots} shots, threshold {row.threshold:.2f}" for row in adapted.classes
    }
    write_contact_sheet(record.support, sheet, notes)
    write_bytes(plot, plot_png(adapted, diagnosis))
    page = model.with_suffix(".report.md")
    write_text(page, report_markdown(adapted, diagnosis, judged, expected, (plot, sheet)))
    return {
        "contact_sheet": str(sheet),
        "plot": str(plot),
        "page": str(page),
        **report_json(adapted, diagnosis, judged, expected),
        "warnings": warnings(diagnosis),
    }
