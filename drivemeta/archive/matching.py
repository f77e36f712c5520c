"""Rows of one video matched against a class bank, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from drivemeta.archive.extra import needed
from drivemeta.archive.scores import Scorer
from drivemeta.archive.segment_file import LIGHT, VECTOR, rows_of
from drivemeta.archive.store import Archive, BoxFile
from drivemeta.errors import InputError

COLUMNS = (*LIGHT, VECTOR)


@dataclass(frozen=True)
class Problem:
    """A file that could not be searched, and why."""

    path: str
    reason: str


class Where:
    """A condition on rows, in the SQL of DuckDB.

    Args:
        text: Condition on the columns, such as `video like '%rain%' and time_s < 600`.

    Raises:
        InputError: DuckDB does not understand it.
    """

    def __init__(self, text: str) -> None:
        self._text, self._duckdb = text, needed("duckdb")
        self(_no_rows())  # what is wrong in it is told before any file is read

    def __call__(self, table: pa.Table) -> NDArray[np.bool_]:
        """Return (n,) bool, the rows of a table for which it holds."""
        numbered = table.append_column("_row", pa.array(np.arange(table.num_rows)))
        connection = self._duckdb.connect(config={"enable_external_access": "false", "threads": 1})
        try:
            connection.register("boxes", numbered)
            found = connection.sql(f"select _row from boxes where ({self._text})").fetchnumpy()
        except self._duckdb.Error as error:
            first = str(error).splitlines()[0]
            raise InputError(
                f"--where: {first}; columns: {', '.join(LIGHT)}, as in \"video like '%rain%'\""
            ) from error
        finally:
            connection.close()
        mask = np.zeros(table.num_rows, np.bool_)
        mask[np.asarray(found["_row"], np.int64)] = True
        return mask


def matches(
    archive: Archive,
    files: Sequence[BoxFile],
    scorer: Scorer,
    wanted: NDArray[np.bool_],
    where: Where | None,
    problem: Callable[[Problem], None],
) -> Iterator[tuple[int, pa.Table]]:
    """Yield the rows of a video that a class bank reports, batch by batch, in order.

    With each batch comes how many rows were matched. Its table has the rows' columns and
    `found_score`, float32, and `found_label`, int64.

    Args:
        archive: Archive.
        files: Files of one video, in order.
        scorer: Score rule of the model.
        wanted: (n_classes,) bool, the classes that are asked for.
        where: Condition, or None.
        problem: Function that is told of files that are damaged.
    """
    for file in files:
        try:
            for batch in _whole_frames(archive, file):
                yield batch.num_rows, _of_batch(batch, scorer, wanted, where)
        except InputError as error:
            if where is not None and str(error).startswith("--where"):
                raise
            problem(Problem(file.path, str(error)))


def _of_batch(
    table: pa.Table, scorer: Scorer, wanted: NDArray[np.bool_], where: Where | None
) -> pa.Table:
    light = table.select(list(LIGHT))
    asked = None if where is None else where(light)
    scored = scorer(rows_of(table), asked)
    hit = (scored.scores >= 0) & wanted[scored.labels]
    found = table.filter(pa.array(hit))
    found = found.append_column("found_score", pa.array(scored.scores[hit], pa.float32()))
    return found.append_column("found_label", pa.array(scored.labels[hit], pa.int64()))


def _whole_frames(archive: Archive, file: BoxFile) -> Iterator[pa.Table]:
    """Yield a file's rows in batches that end between frames; few are copied for that."""
    rest: pa.Table | None = None  # rows of a frame that may go on
    with archive.opened(file) as (_, parquet):
        for group in range(parquet.num_row_groups):
            table = parquet.read_row_group(group, columns=list(COLUMNS))
            frames = table["frame"].to_numpy()
            begin = 0
            if rest is not None:
                begin = _run(frames, rest["frame"][0].as_py())
                rest = pa.concat_tables([rest, table.slice(0, begin)])
                if begin == len(frames):
                    continue
                yield rest.combine_chunks()
            end = len(frames) - _run(frames[::-1], frames[-1]) if len(frames) else 0
            if end > begin:
                yield table.slice(begin, end - begin)
            rest = table.slice(max(begin, end)) if len(frames) else None
    if rest is not None and rest.num_rows:
        yield rest.combine_chunks()


def _run(frames: NDArray[np.int64], frame: int) -> int:
    """Return how many of the first frames are a certain one."""
    other = np.flatnonzero(frames != frame)
    return int(other[0]) if len(other) else len(frames)


def _no_rows() -> pa.Table:
    text, real, whole = pa.string(), pa.float64(), pa.int64()
    kinds = {"video": text, "superclass": text, "frame": whole, "pts": whole, "segment": whole}
    return pa.table({name: pa.array([], kinds.get(name, real)) for name in LIGHT})
