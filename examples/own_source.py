"""A source of one's own: the frames of a camera that looks back, as a mirror shows them."""

import numpy as np

import drivemeta as dm
from drivemeta.core.stream import StreamInfo
from drivemeta.plugins.source.protocol import SourceCounts


class Mirrored:
    """Turns the frames of another source left to right, as they were before the mirror.

    Args:
        source: Source whose frames are mirrored.
    """

    def __init__(self, source) -> None:
        self._source = source

    def info(self) -> StreamInfo:
        """Describe the stream."""
        return self._source.info()

    def __iter__(self):
        """Yield the frames, (height, width, 3) uint8 BGR."""
        for frame in self._source:
            image = np.ascontiguousarray(frame.image[:, ::-1])
            yield dm.Frame(image, frame.index, frame.time_s)

    def counts(self) -> SourceCounts:
        """Return what went wrong so far."""
        return self._source.counts()

    def close(self) -> None:
        """Close the other source."""
        self._source.close()


if __name__ == "__main__":
    drawn = dm.open_source("synthetic:3", settings={"synthetic": {"n_frames": 5}})
    for frame, tracks in dm.process(Mirrored(drawn)):
        print(f"{frame.time_s:5.2f} s  {', '.join(tracks.detections.names) or 'nothing'}")
