"""The journal of a run: what was detected in each frame, so that a killed run can go on.

The file is a row of records, each `length, CRC-32, payload` (little-endian, the checksum over the
payload). The first holds the run's identity as JSON; the others one frame, or one commit of the
sinks. It is only ever appended to. Reading ends at the first record that is cut off, damaged or
makes no sense; writing goes on from there.

The camera's motion is not kept: a run that goes on decodes the frames again, for the tracker's and
the sinks' sake, and estimates the same motion from them.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from drivemeta.core import Detections, Frame
from drivemeta.core.run import PlanMode
from drivemeta.errors import InputError, OutputError
from drivemeta.plugins.scheduler.protocol import InferencePlan

NAME = "journal.bin"
VERSION = 1
_PREFIX = struct.Struct("<II")  # length, checksum
_FRAME = struct.Struct("<cQdqBBI")  # "F", index, time_s, pts, has a pts, mode, detections
_BYTES_EACH = 28  # of a detection: a box and a score of float32, a label of int64
_MODES: tuple[PlanMode, ...] = ("skip", "small", "full", "sliced")
_LARGEST = 1 << 26  # bytes of a record; a length beyond it is damage


@dataclass(frozen=True)
class Record:
    """One frame as it was perceived.

    Attributes:
        index: Index of the frame.
        time_s: Presentation time of the frame.
        pts: Time stamp of the frame, if it has one.
        plan: Plan of its inference.
        detections: Detections as the detector gave them, exactly; None where the plan was to skip.
    """

    index: int
    time_s: float
    pts: int | None
    plan: InferencePlan
    detections: Detections | None

    def matches(self, frame: Frame) -> bool:
        """Tell whether a frame read again is the one recorded."""
        return (self.index, self.time_s, self.pts) == (frame.index, frame.time_s, frame.pts)


class Journal:
    """The journal in a run's folder; opened, it holds what an earlier run left.

    Args:
        folder: Folder of the run; made if absent.
        identity: Facts that the results depend on (model, input, options), as JSON values.
        classes: Names of the model's classes, for the detections that are read back.
        fresh: Whether to throw an earlier run's journal away.

    Attributes:
        records: Records of the earlier run, in order.
        committed: Next frame of each sink at its last commit; empty if there was none.

    Raises:
        InputError: the journal belongs to another model, input or options, or does not say to
            which; names `--fresh`.
        OutputError: it cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        identity: Mapping[str, Any],
        classes: tuple[str, ...],
        *,
        fresh: bool = False,
    ) -> None:
        self.path = Path(folder) / NAME
        self.records: list[Record] = []
        self.committed: list[int] = []
        header, self._classes = {"version": VERSION, **identity}, classes
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            end = 0 if fresh or not self.path.exists() else self._read(header, classes)
            self._file: BinaryIO = self.path.open("r+b" if end else "wb")
            self._file.truncate(end)
            self._file.seek(end)
            if not end:
                self._append(json.dumps(header, sort_keys=True).encode())
        except OSError as error:
            raise OutputError(f"cannot write {self.path}: {error.strerror or error}") from error

    @property
    def end(self) -> int:
        """The frame after the last that was read back; 0 for a new run."""
        return self.records[-1].index + 1 if self.records else 0

    def frame(self, frame: Frame, plan: InferencePlan, found: Detections | None) -> None:
        """Record one frame, unless it is one of those that were read back.

        Raises:
            InputError: its classes are not those that the journal was opened with.
            OutputError: it cannot be written.
        """
        if frame.index < self.end:
            return
        if found is not None and len(found) and found.classes != self._classes:
            raise InputError(
                f"frame {frame.index}: the model's classes changed since {self.path} was opened, "
                "and a run with a journal cannot take others: run it without one"
            )
        rows = found if found is not None else Detections.empty(())
        head = _FRAME.pack(
            b"F",
            frame.index,
            frame.time_s,
            frame.pts or 0,
            frame.pts is not None,
            _MODES.index(plan.mode),
            len(rows),
        )
        arrays = rows.boxes.tobytes() + rows.scores.tobytes() + rows.labels.tobytes()
        self._write(head + arrays)

    def commit(self, next_frames: list[int]) -> None:
        """Record which frame each sink expects next, after all of them committed.

        Raises:
            OutputError: it cannot be written.
        """
        self._write(b"C" + json.dumps(next_frames).encode())

    def sync(self) -> None:
        """Make what was recorded durable.

        Raises:
            OutputError: it cannot be written.
        """
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise OutputError(f"cannot write {self.path}: {error.strerror}") from error

    def close(self) -> None:
        """Close the file and keep it: the run can go on later."""
        self._file.close()

    def remove(self) -> None:
        """Delete the file: the run is complete."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    def _write(self, payload: bytes) -> None:
        try:
            self._append(payload)
        except OSError as error:
            raise OutputError(f"cannot write {self.path}: {error.strerror}") from error

    def _append(self, payload: bytes) -> None:
        self._file.write(_PREFIX.pack(len(payload), zlib.crc32(payload)) + payload)
        self._file.flush()  # past the process: it survives kill -9

    def _read(self, header: Mapping[str, Any], classes: tuple[str, ...]) -> int:
        """Take in an earlier run's records; return where the intact ones end, in bytes."""
        end = 0
        with self.path.open("rb") as file:
            for payload in _payloads(file):
                if not end:
                    _check_same(_identity(payload, self.path), header, self.path)
                elif not self._take(payload, classes):
                    break
                end += _PREFIX.size + len(payload)
        return end

    def _take(self, payload: bytes, classes: tuple[str, ...]) -> bool:
        """Take in a record; tell whether it makes sense."""
        try:
            if payload[:1] == b"C":
                committed = json.loads(payload[1:])
                if not all(isinstance(n, int) and 0 <= n <= self.end for n in committed):
                    return False
                self.committed = list(committed)
            else:
                record = _unpack(payload, classes)
                if record.index < self.end:
                    return False
                self.records.append(record)
        except (ValueError, TypeError, LookupError, struct.error):
            return False
        return True


def _payloads(file: BinaryIO) -> Iterator[bytes]:
    while len(prefix := file.read(_PREFIX.size)) == _PREFIX.size:
        length, checksum = _PREFIX.unpack(prefix)
        payload = file.read(length) if length <= _LARGEST else b""
        if not length or len(payload) < length or zlib.crc32(payload) != checksum:
            return
        yield payload


def _unpack(payload: bytes, classes: tuple[str, ...]) -> Record:
    kind, index, time_s, pts, has_pts, mode, n = _FRAME.unpack_from(payload)
    plan = InferencePlan(_MODES[mode])
    found: Detections | None = None
    if kind != b"F" or len(payload) != _FRAME.size + _BYTES_EACH * n:
        raise ValueError(f"no record of a frame with {n} detections")
    if plan.mode != "skip":
        floats = np.frombuffer(payload, "<f4", 5 * n, _FRAME.size)
        labels = np.frombuffer(payload, "<i8", n, _FRAME.size + 20 * n)
        found = Detections(
            floats[: 4 * n].reshape(n, 4).astype(np.float32),
            floats[4 * n :].astype(np.float32),
            labels.astype(np.int64),
            classes,
        )
    return Record(index, time_s, pts if has_pts else None, plan, found)


def _identity(payload: bytes, path: Path) -> dict[str, Any]:
    try:
        identity = json.loads(payload)
    except ValueError:
        identity = None
    if not isinstance(identity, dict):
        raise InputError(
            f"expected the journal of an unfinished run in {path}, found a damaged one: give "
            "another --out, or throw that run away with --fresh"
        )
    return identity


def _check_same(found: Mapping[str, Any], expected: Mapping[str, Any], path: Path) -> None:
    known = json.loads(json.dumps(expected))
    differing = sorted(
        key for key in found.keys() | known.keys() if found.get(key) != known.get(key)
    )
    if differing:
        raise InputError(
            f"{path.parent} holds an unfinished run with other {', '.join(differing)}: repeat that "
            "command to go on with it, give another --out, or throw it away with --fresh"
        )
