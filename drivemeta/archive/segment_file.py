"""One segment of a video as a Parquet file: a row is a box, the footer tells of the frames."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from drivemeta.archive.rows import BoxRows
from drivemeta.core.boxes import FloatArray

SCHEMA_VERSION = 1
FOOTER = b"drivemeta"
WORDS = ("video", "superclass")  # columns of repeated words
VECTOR = "embedding"
# What a query may speak of; the rest is what scores are made of.
LIGHT = (
    *("video", "segment", "frame", "pts", "time_s", "width", "height", "x1", "y1", "x2", "y2"),
    *("superclass", "finder", "score", "quality", "sharpness", "size"),
)


@dataclass(frozen=True)
class SegmentFacts:
    """What is known of a segment that was looked at.

    Attributes:
        video: Place of the video.
        number: Number of the segment in its video, from 0.
        n_segments: Number of segments of the video.
        n_boxes: Boxes in it.
        n_frames: Frames that were looked at.
        n_empty: Those of them that show no box.
        n_missing: Frames that were to be looked at and could not be decoded.
        n_corrupt: Packets or files that were damaged.
        first_s: Time of its first frame in the video.
        last_s: Time of its last frame that was looked at.
        every: N, where every Nth frame was looked at.
        fingerprint: What told this video apart from another of the same name.
        notes: What a user should know of how it was read.
    """

    video: str
    number: int
    n_segments: int
    n_boxes: int
    n_frames: int
    n_empty: int
    n_missing: int
    n_corrupt: int
    first_s: float
    last_s: float
    every: int
    fingerprint: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class LookedFrame:
    """A frame that was looked at: its number, stamps and size in pixels.

    Attributes:
        frame: Position in the video, from 0.
        pts: Time stamp in the container's time base, or None.
        time_s: Time in seconds since the video's beginning.
        size: Height and width in pixels.
    """

    frame: int
    pts: int | None
    time_s: float
    size: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Footer:
    """What the footer of a file says.

    Attributes:
        base: Key of the base that made it.
        segments: Its segments, in the order of their rows.
    """

    base: str
    segments: tuple[SegmentFacts, ...]
    schema: int = field(default=SCHEMA_VERSION)

    def to_bytes(self) -> bytes:
        """Return it as the value that stands in the file."""
        listed = [asdict(segment) for segment in self.segments]
        said = {"schema": self.schema, "base": self.base, "segments": listed}
        return json.dumps(said, ensure_ascii=False).encode()

    @classmethod
    def from_schema(cls, schema: pa.Schema) -> Footer:
        """Return what a file's schema holds; raises ValueError of others."""
        said = json.loads((schema.metadata or {}).get(FOOTER, b"null"))
        if not isinstance(said, dict) or said.get("schema") not in range(1, SCHEMA_VERSION + 1):
            raise ValueError("it was not written by this version of DriveMeta, or is damaged")
        listed = [SegmentFacts(**{**s, "notes": tuple(s["notes"])}) for s in said["segments"]]
        return cls(said["base"], tuple(listed), said["schema"])


def schema_of(dim: int, n_finders: int) -> pa.Schema:
    """Return the columns of a file.

    Args:
        dim: Length of an embedding.
        n_finders: Dense rows of the base.
    """
    words, f32 = pa.dictionary(pa.int32(), pa.string()), pa.float32()
    kinds: dict[str, pa.DataType] = {
        "video": words,
        "segment": pa.int32(),
        "frame": pa.int64(),
        "pts": pa.int64(),
        "time_s": pa.float64(),
        "width": pa.int32(),
        "height": pa.int32(),
        **dict.fromkeys(("x1", "y1", "x2", "y2"), f32),
        "superclass": words,
        "finder": pa.int16(),
        "score": f32,
        "quality": f32,
        "sharpness": f32,
        "size": f32,
        "finder_scores": pa.list_(f32, n_finders),
        VECTOR: pa.binary(2 * dim),
    }
    return pa.schema([pa.field(name, kind) for name, kind in kinds.items()])


def to_table(
    video: str,
    number: int,
    looked: Sequence[LookedFrame],
    rows: BoxRows,
    superclasses: Sequence[str],
) -> pa.Table:
    """Return the rows of a segment as a table.

    Args:
        video: Place of the video.
        number: Number of the segment.
        looked: Frames that were looked at, in the order that the rows number them.
        rows: Boxes of these frames.
        superclasses: Name of the super-class of each finder.
    """
    n, at, boxes = len(rows), rows.frames, rows.boxes
    frames = np.array([frame.frame for frame in looked], np.int64)
    pts = [frame.pts for frame in looked]
    sides = boxes[:, 2:] - boxes[:, :2]
    names = sorted(set(superclasses))
    finders = pa.array(rows.finder_scores.ravel(), pa.float32())
    columns: dict[str, Any] = {
        "video": _words(np.zeros(n, np.int32), [video]),
        "segment": np.full(n, number, np.int32),
        "frame": frames[at],
        "pts": pa.array([pts[i] for i in at], pa.int64()),
        "time_s": np.array([frame.time_s for frame in looked], np.float64)[at],
        "width": np.array([frame.size[1] for frame in looked], np.int32)[at],
        "height": np.array([frame.size[0] for frame in looked], np.int32)[at],
        **{name: boxes[:, i] for i, name in enumerate(("x1", "y1", "x2", "y2"))},
        "superclass": _words(
            np.array([names.index(name) for name in superclasses], np.int32)[rows.finders], names
        ),
        "finder": rows.finders.astype(np.int16),
        "score": rows.scores,
        "quality": rows.quality,
        "sharpness": pa.array(rows.sharpness, pa.float32(), mask=~rows.embedded),
        "size": np.sqrt(sides[:, 0] * sides[:, 1]).astype(np.float32),
        "finder_scores": pa.FixedSizeListArray.from_arrays(finders, len(superclasses)),
        VECTOR: _vectors(rows.embeddings, rows.embedded),
    }
    schema = schema_of(rows.embeddings.shape[1], len(superclasses))
    return pa.table([pa.array(columns[name]) for name in schema.names], schema=schema)


def rows_of(table: pa.Table) -> BoxRows:
    """Return the rows of a table, of any of its columns; those that are absent are empty of sense.

    Frames are numbered from 0 in the order that they stand in.
    """
    n = table.num_rows
    numbers = table["frame"].to_numpy()
    segments, videos = table["segment"].to_numpy(), _codes(table["video"])
    new = np.flatnonzero(
        np.r_[False, (np.diff(numbers) != 0) | (np.diff(segments) != 0) | (np.diff(videos) != 0)]
        if n
        else np.zeros(0, np.bool_)
    )
    marks = np.zeros(n, np.int64)
    marks[new] = 1
    boxes = np.stack([table[name].to_numpy() for name in ("x1", "y1", "x2", "y2")], 1)
    sharp = table["sharpness"]
    embedded = sharp.is_valid().to_numpy()
    embeddings = np.zeros((n, 0), np.float16)
    if VECTOR in table.column_names:
        embeddings, embedded = vectors_of(table[VECTOR])
    return BoxRows(
        np.cumsum(marks),
        boxes.astype(np.float32),
        table["score"].to_numpy(),
        table["finder"].to_numpy().astype(np.int64),
        table["quality"].to_numpy(),
        np.zeros((n, 0), np.float32),
        embeddings,
        embedded,
        sharp.fill_null(0).to_numpy(),
    )


def vectors_of(column: pa.ChunkedArray) -> tuple[NDArray[np.float16], NDArray[np.bool_]]:
    """Return the (n, dim) float16 embeddings of a column, zero where null, and where they are."""
    width = column.type.byte_width
    parts, valid = [], []
    for chunk in column.chunks:
        data = chunk.buffers()[1]
        begin, end = chunk.offset * width, (chunk.offset + len(chunk)) * width
        raw = np.frombuffer(data, np.uint8)[begin:end] if len(chunk) else np.zeros(0, np.uint8)
        there = chunk.is_valid().to_numpy(zero_copy_only=False)
        vectors = raw.view("<f2").reshape(-1, width // 2)
        if not there.all():
            vectors = np.where(there[:, None], vectors, np.float16(0))
        parts.append(vectors)
        valid.append(there)
    if not parts:
        return np.zeros((0, width // 2), np.float16), np.zeros(0, np.bool_)
    if len(parts) == 1:
        return parts[0], valid[0]
    return np.concatenate(parts), np.concatenate(valid)


def write_table(table: pa.Table, footer: Footer, sink: Any) -> None:
    """Write a table with its footer; `sink` is a path or an open file."""
    words = {FOOTER: footer.to_bytes()}
    plain = {name: "zstd" for name in table.column_names if name != VECTOR}
    plain["finder_scores.list.element"] = plain.pop("finder_scores", "zstd")
    pq.write_table(
        table.replace_schema_metadata(words),
        sink,
        compression={**plain, VECTOR: "none"},
        use_dictionary=list(WORDS),
        row_group_size=ROWS_A_GROUP,
        write_page_checksum=True,
    )


ROWS_A_GROUP = 65_536


def split(table: pa.Table, footer: Footer) -> Iterator[tuple[SegmentFacts, pa.Table]]:
    """Yield the segments of a file with their rows."""
    begin = 0
    for facts in footer.segments:
        yield facts, table.slice(begin, facts.n_boxes)
        begin += facts.n_boxes


def _words(codes: NDArray[np.int32], names: Sequence[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(names, pa.string()))


def _codes(column: pa.ChunkedArray) -> NDArray[np.int64]:
    if not len(column):
        return np.zeros(0, np.int64)
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    unified = column.unify_dictionaries()
    return np.concatenate([chunk.indices.to_numpy() for chunk in unified.chunks]).astype(np.int64)


def _vectors(embeddings: FloatArray | NDArray[np.float16], there: NDArray[np.bool_]) -> pa.Array:
    half = np.ascontiguousarray(embeddings, "<f2")
    mask = pa.py_buffer(np.packbits(there, bitorder="little").tobytes())
    kind = pa.binary(2 * half.shape[1])
    n_null = int((~there).sum())
    return pa.Array.from_buffers(kind, len(half), [mask, pa.py_buffer(half)], n_null)
