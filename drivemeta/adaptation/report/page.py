"""The report on an adaptation, as JSON values and as a Markdown page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from drivemeta.adaptation.adapted import Adapted
from drivemeta.adaptation.report.diagnosis import SupportDiagnosis
from drivemeta.adaptation.report.expected_ap50 import ExpectedAp50
from drivemeta.adaptation.report.verdict import Verdict
from drivemeta.banks.contrast import SAME_KIND
from drivemeta.core.bank import ALIKE
from drivemeta.markdown import table


def report_json(
    adapted: Adapted,
    diagnosis: SupportDiagnosis,
    judged: Sequence[Verdict],
    expected: Sequence[ExpectedAp50] | None,
) -> dict[str, Any]:
    """Return what is known of an adaptation; `expected` is null where it was not requested."""
    return {
        "learner": adapted.record.learner.name,
        "classes": [asdict(row) for row in adapted.classes],
        "images": len(adapted.record.support.images),
        "verdicts": [asdict(verdict) | {"line": verdict.line} for verdict in judged],
        "support": diagnosis.to_json(),
        "expected_ap50": None if expected is None else [asdict(row) for row in expected],
        "adapt_seconds": round(adapted.record.seconds, 2),
    }


def report_markdown(
    adapted: Adapted,
    diagnosis: SupportDiagnosis,
    judged: Sequence[Verdict],
    expected: Sequence[ExpectedAp50] | None,
    pictures: Sequence[Path] = (),
) -> str:
    """Return the page, one that is read without knowing the project.

    Args:
        adapted: What was learnt.
        diagnosis: Diagnosis of the support set.
        judged: Verdict of each class.
        expected: Estimate, None where it was not requested.
        pictures: Files beside the page to show.
    """
    lines = [f"# {', '.join(adapted.record.support.classes)}", ""]
    lines += table(
        ["class", "found as", "shots", "found by the base", "threshold"], _class_rows(adapted)
    )
    lines += ["", *(f"- **{row.name}**: {row.reason}." for row in adapted.classes)]
    lines += ["", "## Verdict", ""]
    lines += [f"- **{verdict.name}**: {verdict.line}." for verdict in judged]
    lines += ["", *_findings(diagnosis), ""]
    lines += _expected(expected)
    lines += ["", "## Which classes look alike", ""]
    lines += table(
        ["class", "and", "which is", "cosine"],
        ([p.name, p.other, p.kind, f"{p.cosine:.2f}"] for p in diagnosis.likeness),
    )
    lines += ["", "## Every box", ""]
    lines += table(
        ["class", "image", "box", "pixels", "found", "named", "score", "reported"],
        _shot_rows(diagnosis),
    )
    for picture in pictures:
        lines += ["", f"![{picture.stem}]({picture.name})"]
    return "\n".join(lines) + "\n"


def warnings(diagnosis: SupportDiagnosis) -> list[str]:
    """Return what a user should look at, one sentence each."""
    said = [
        f"{shot.image}, {shot.entry}: annotated as {shot.name}, named {shot.named}"
        + (" when held out" if shot.held_out else "")
        for shot in diagnosis.disagreeing
    ]
    said += [
        f"{shot.image}, {shot.entry} ({shot.name}, {shot.width:g} x {shot.height:g} pixels) is "
        "not found by level 1"
        for shot in diagnosis.missed
    ]
    said += [
        f"{pair.name} looks like {pair.other} ({pair.kind}): cosine {pair.cosine:.2f}"
        for pair in diagnosis.alike
    ]
    return said


def _findings(diagnosis: SupportDiagnosis) -> list[str]:
    said = warnings(diagnosis)
    if not said:
        judged = all(shot.held_out for shot in diagnosis.shots)
        named = "named as annotated" if judged else "named as annotated where it was held out"
        return [
            f"Every box is {named} and found by level 1, and no two classes have a "
            f"cosine of {ALIKE} or more, {SAME_KIND} of things."
        ]
    return ["## To look at", "", *(f"- {line}" for line in said)]


def _expected(expected: Sequence[ExpectedAp50] | None) -> list[str]:
    lines = ["## Expected AP50", ""]
    if expected is None:
        return [*lines, "Not estimated; `--report` does."]
    if not expected:
        return [
            *lines,
            "No estimate: it takes frames of which each class keeps a box when one is left out.",
        ]
    lines += table(
        ["class", "AP50", "boxes", "frames"],
        ([e.name, f"{e.ap50:.2f}", str(e.n_boxes), str(e.n_frames)] for e in expected),
    )
    return [
        *lines,
        "",
        "An estimate by leaving one frame out at a time, on as few boxes as the table says: with "
        "five, one box more or less moves it by about 0.2. Objects in these frames that are not "
        "annotated count as false alarms.",
    ]


def _class_rows(adapted: Adapted) -> Iterator[list[str]]:
    for row in adapted.classes:
        doubt = " (low confidence)" if row.low_confidence else ""
        yield [
            row.name,
            row.parent or "a new kind of object",
            str(row.shots),
            "no scenes (crops)" if row.found is None else f"{row.found} of {row.added}",
            f"{row.threshold:.2f}{doubt}",
        ]


def _shot_rows(diagnosis: SupportDiagnosis) -> Iterator[list[str]]:
    for shot in diagnosis.shots:
        yield [
            shot.name,
            shot.image,
            shot.entry,
            f"{shot.width:g} x {shot.height:g}",
            {True: "yes", False: "**no**", None: "no scene"}[shot.found],
            (f"**{shot.named}**" if shot.disagrees else shot.named)
            + ("" if shot.held_out else " (not held out)"),
            f"{shot.score:.2f}",
            "yes" if shot.passes else "no",
        ]
