"""What happened on a drive: when each track came and went, and what changed about it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from drivemeta.core import UNTRACKED, Frame, Tracks
from drivemeta.core.run import RunContext
from drivemeta.core.stream import StreamInfo
from drivemeta.files import write_text


class Events:
    """Writes `events.json` at the end: a row a track, and the number of tracks by class.

    A change of a track's class (a traffic light that turns green) is an event with its time. After
    a kill the list is made again from the journal.

    Args:
        context: Context of the run, whose folder is written into.
        name: Name of the file.
    """

    def __init__(self, context: RunContext, name: str = "events.json") -> None:
        self._path = context.folder / name
        self._seen: dict[int, dict[str, Any]] = {}
        self._open = False

    def open(self, info: StreamInfo, resume_at: int) -> None:  # noqa: ARG002
        """Begin anew."""
        self._seen, self._open = {}, True

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Take in one frame's tracks."""
        now = {"frame": frame.index, "time_s": round(frame.time_s, 6)}
        found = tracks.detections
        for track, name, score in zip(tracks.ids, found.names, found.scores, strict=True):
            if track == UNTRACKED:
                continue
            seen = self._seen.setdefault(
                int(track),
                {"name": name, "first": now, "last": now, "frames": 0, "best": 0.0, "changes": []},
            )
            if name != seen["name"]:
                seen["changes"].append({**now, "from": seen["name"], "to": name})
                seen["name"] = name
            seen["last"], seen["frames"] = now, seen["frames"] + 1
            seen["best"] = max(seen["best"], round(float(score), 4))

    def commit(self) -> int:
        """Return 0: nothing is kept of an unfinished list."""
        return 0

    def close(self) -> list[Path]:
        """Write the file."""
        if self._open:
            counts = Counter(seen["name"] for seen in self._seen.values())
            rows = [{"id": track, **seen} for track, seen in sorted(self._seen.items())]
            whole = {"counts": dict(sorted(counts.items())), "tracks": rows}
            write_text(self._path, json.dumps(whole, indent=1, ensure_ascii=False) + "\n")
            self._open = False
        return [self._path]

    def abort(self) -> None:
        """Forget what was seen."""
        self._open = False
