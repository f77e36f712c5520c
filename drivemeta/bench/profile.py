"""Where a model's time goes, by ONNX Runtime's own profiler, joined to the parts of our graph."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from drivemeta.runtime.model_file import read_model_file
from drivemeta.runtime.providers import SessionOptions, create_session

LEVEL1, LEVEL2 = "level 1", "level 2"
PREPARE, RESIZE = "bytes to planes", "resize"
SCORE, SUPPRESS = "scores and candidates", "suppression"
CROPS, REST = "RoiAlign", "choice of crops, names, output"
_NUMBERED = re.compile(r"(?:[^/]*/)?([A-Za-z]+)_(\d+)")
_END = "_kernel_time"


def profile_model(
    path: str | Path,
    frames: Sequence[NDArray[np.uint8]],
    *,
    provider: str = "cpu",
    threads: int | None = None,
    runs: int = 10,
) -> dict[str, float]:
    """Return the milliseconds of each part of one call, by ONNX Runtime's profiler.

    Args:
        path: Exported model.
        frames: Batch, (height, width, 3) uint8 BGR of one size.
        provider: Short name.
        threads: Threads of the CPU for one operator, or None for ONNX Runtime's choice.
        runs: Calls that count, after two that do not.

    Raises:
        ModelFileError: the file is damaged or not ours.
        ProviderError: the provider does not run.
    """
    file = read_model_file(path)
    batch = np.stack(frames)
    with tempfile.TemporaryDirectory() as folder:
        options = SessionOptions(provider, threads=threads, profile=str(Path(folder) / "profile"))
        session, _ = create_session(file.data, options)
        for _ in range(runs + 2):
            session.run(None, {"frames": batch})
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    parts = parts_of_graph(file.proto.graph)
    totals: dict[str, float] = {}
    for event in _last_runs(events, runs):
        part = part_of(event["name"].removesuffix(_END), parts)
        totals[part] = totals.get(part, 0.0) + event["dur"] / 1e3 / runs
    return {part: round(totals[part], 3) for part in sorted(totals, key=lambda p: -totals[p])}


def share_of_vision(parts: dict[str, float]) -> float:
    """Return the share of resizing, RoiAlign and suppression together in all parts."""
    return (parts.get(RESIZE, 0) + parts.get(CROPS, 0) + parts.get(SUPPRESS, 0)) / sum(
        parts.values()
    )


def parts_of_graph(graph: onnx.GraphProto) -> list[tuple[int, str]]:
    """Return from which of the builder's running numbers on which part begins.

    The graph is written in order: preparation, level 1, scores, suppression from the `Split` of the
    candidates' corners to the second `TopK`, and the rest.
    """
    numbers: dict[str, list[int]] = {}
    for node in graph.node:
        match = _NUMBERED.match(node.name)
        if match:
            numbers.setdefault(match[1], []).append(int(match[2]))
    level1 = next(int(m[1]) for n in graph.node if (m := re.match(r"level1_(\d+)/", n.name)))
    return [
        (0, PREPARE),
        (level1, SCORE),
        (numbers["Split"][0], SUPPRESS),
        (numbers["TopK"][1], REST),
    ]


def part_of(name: str, parts: list[tuple[int, str]]) -> str:
    """Return the part of an executed node, also of one that ONNX Runtime fused or inserted.

    >>> parts = [(0, PREPARE), (9, SCORE), (20, SUPPRESS), (40, REST)]
    >>> [part_of(n, parts) for n in ("level1_9//neck/Conv", "Resize_5", "MatMul_22", "TopK_40")]
    ['level 1', 'resize', 'suppression', 'choice of crops, names, output']
    """
    for stem, part in (("level1_", LEVEL1), ("level2_", LEVEL2)):
        if re.search(rf"(^|/){stem}\d+/", name):
            return part
    if "RoiAlign" in name:
        return CROPS
    match = _NUMBERED.match(name)
    if name.startswith("level2_on") or not match:
        return REST
    if match[1] == "Resize" or (match[1] == "Pad" and int(match[2]) < parts[1][0]):
        return RESIZE
    return [part for start, part in parts if start <= int(match[2])][-1]


def _last_runs(events: list[dict[str, Any]], runs: int) -> list[dict[str, Any]]:
    """Return the kernel events of the last calls, nodes that hold subgraphs left out."""
    ends = [e for e in events if e.get("name") == "model_run"]
    since = ends[-runs]["ts"]
    return [
        e
        for e in events
        if e.get("cat") == "Node"
        and str(e["name"]).endswith(_END)
        and e["ts"] >= since
        and e["args"].get("op_name") != "If"
    ]
