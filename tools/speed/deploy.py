"""Precisions, their AP50 and speed; overhead, hot classes, batching: the section `## Deploy`.

    python -m tools.speed.deploy --scenes ../shared/data/scenes --write docs/benchmarks.md

Some ten minutes on 2 idle cores; `--only speed`, or `--limit 30`, for a look. Ratios are medians
over rounds in which the contenders take turns. With `--threads 1` they are of processor time, which
a busy machine disturbs less.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from drivemeta.bench.frames import drawn_frames, of_size, read_frames
from drivemeta.bench.measure import BARE, OURS
from drivemeta.export.exporter import export_detector
from drivemeta.files import write_text
from drivemeta.models.store import load_base
from tools.page_section import put_section
from tools.provenance import command, machine
from tools.speed.deploy_measure import (
    adapted_subject,
    base_subject,
    body_speed,
    parts_of,
    precision_rows,
    set_bank_ms,
    streams,
    whole_speed,
)

HEADING = "## Deploy"
SIZE = (720, 1280)


def main() -> None:
    """Measure, print the section, write it."""
    arguments = _arguments()
    store = arguments.write.with_name("deploy.json") if arguments.write else None
    found: dict[str, Any] = {}
    if store and store.is_file():
        found = json.loads(store.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as name:
        folder = arguments.models or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        found |= _measured(arguments, folder)
    text = page(found)
    print(text)
    if store:
        put_section(arguments.write, text)
        write_text(store, json.dumps(found, indent=1, default=str) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    add = parser.add_argument
    add("--scenes", type=Path, default=Path("../shared/data/scenes"))
    add("--frames", help="video or folder of the timed frames, resized to 720x1280; else drawn")
    add("--limit", type=int, default=150, help="images that AP50 is measured on, for each model")
    add("--calibrate", type=int, default=48, help="frames that int8 is calibrated on")
    add("--shots", type=int, default=5)
    add(
        "--only", choices=("ap", "speed"), help="measure one part; keep what is stored of the other"
    )
    add("--rounds", type=int, default=20)
    add("--threads", type=int, default=2)
    add("--models", type=Path, help="folder to keep the models in")
    add("--write", type=Path, help="page whose section is written, docs/benchmarks.md")
    return parser.parse_args()


def _measured(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    said = {"command": _command(), "machine": machine()}
    whole, int8 = folder / "base.onnx", folder / "base-int8.onnx"
    found: dict[str, Any] = {}
    if not (arguments.only == "speed" and whole.is_file() and int8.is_file()):
        export_detector(load_base(), whole)
    if arguments.only != "speed" or not int8.is_file():
        base = base_subject(arguments.scenes, whole, arguments.limit, arguments.calibrate)
        out = folder / "adapted.onnx"
        adapted = adapted_subject(arguments.scenes, out, arguments.limit, base, arguments.shots)
        rows = [row for subject in (base, adapted) for row in precision_rows(subject, folder)]
        found["ap"] = {**said, "rows": rows}
    if arguments.only != "ap":
        found["speed"] = {**said, **_speed(arguments, whole, int8)}
    return found


def _command() -> str:
    """Return the command without the place where models are kept, which changes no figure."""
    words = sys.argv[1:]
    if "--models" in words:
        at = words.index("--models")
        del words[at : at + 2]
    return command(words)


def _speed(arguments: argparse.Namespace, whole: Path, int8: Path) -> dict[str, Any]:
    frames = drawn_frames(8, SIZE)
    if arguments.frames:
        frames = of_size(read_frames(arguments.frames, 8), SIZE)
    threads, rounds = arguments.threads, arguments.rounds
    return {
        "load": round(os.getloadavg()[0], 1),
        "threads": threads,
        "bodies": body_speed(whole, int8, frames[0], threads, rounds),
        "whole": whole_speed([whole, int8], frames, threads, rounds),
        "parts": parts_of(whole, frames, threads),
        "set_bank_ms": set_bank_ms(whole),
        "streams": streams(int8, frames, threads, max(4, rounds // 2)),
    }


def page(found: dict[str, Any]) -> str:
    """Return the section as Markdown."""
    lines = [HEADING, ""]
    if "ap" in found:
        lines += [
            f"`{found['ap']['command']}`; {found['ap']['machine']}.",
            "",
            "| model | precision | MB | of fp32 | images | AP50 base | AP50 novel |",
            "|---|---|---|---|---|---|---|",
            *(_precision_line(row) for row in found["ap"]["rows"]),
            "",
        ]
    if "speed" in found:
        lines += _speed_lines(found["speed"])
    return "\n".join(lines).rstrip() + "\n"


def _speed_lines(speed: dict[str, Any]) -> list[str]:
    whole = {(row["precision"], row["what"]): row for row in speed["whole"]}
    bodies, share, bank = speed["bodies"], speed["parts"]["share"], speed["set_bank_ms"]
    timed = "processor time" if speed["threads"] == 1 else "wall time"
    return [
        f"`{speed['command']}`; {speed['machine']}; {speed['threads']} threads, {timed}; the load "
        f"average was {speed['load']}. Contenders take turns; ratios are medians over rounds.",
        "",
        "| what | figure |",
        "|---|---|",
        f"| `OnnxDetector` by the bare session, 720p | {whole['fp32', OURS]['ratio']:.3f} |",
        f"| int8 by fp32: level 1, level 2 (32 crops), both | {bodies['level 1, times']:.2f}, "
        f"{bodies['level 2, 32 crops, times']:.2f}, {bodies['both, times']:.2f} times as fast |",
        f"| int8 by fp32, whole model | {whole['int8', BARE]['times']:.2f} times as fast |",
        f"| resize, RoiAlign (32 crops) and suppression in the fp32 graph | {100 * share:.1f} % |",
        f"| `set_bank` | {bank['median']:.2f} ms, 99 % within {bank['p99']:.2f} ms |",
        "",
        "| streams of 720p, int8, wall time | frames a call | frames/s | median ms | 95 % within |",
        "|---|---|---|---|---|",
        *(
            f"| {row['streams']}, {row['how']} | {row['frames_per_call']} | "
            f"{row['frames_per_s']:.1f} | {row['p50_ms']:.0f} | {row['p95_ms']:.0f} |"
            for row in speed["streams"]
        ),
        "",
        "Where one call of the fp32 model goes, by ONNX Runtime's profiler: "
        + ", ".join(f"{name} {ms:.1f} ms" for name, ms in speed["parts"]["ms"].items())
        + ".",
    ]


def _precision_line(row: dict[str, Any]) -> str:
    ap50, agreement = row["ap50"], row["agreement"]
    cells = []
    for group in ("base", "novel"):
        before, after = ap50["before"][group], ap50["after"][group]
        known = before is not None and after is not None
        cells.append(
            f"{100 * before:.2f} to {100 * after:.2f} ({100 * (after - before):+.2f})"
            if known
            else "-"
        )
    share = f"{100 * row['n_bytes'] / row['n_bytes_before']:.0f} %"
    size = f"{row['n_bytes'] / 1e6:.1f}"
    note = ""
    if row["precision"] == "fp16":
        note = (
            f" ({agreement['n_unmatched']} of {agreement['n_rows']} rows differ; the others by at "
            f"most {agreement['box_px']:.2f} px and {agreement['score']:.4f})"
        )
    return (
        f"| {row['subject']} | {row['precision']}{note} | {size} | {share} | {ap50['images']} | "
        f"{cells[0]} | {cells[1]} |"
    )


if __name__ == "__main__":
    main()
