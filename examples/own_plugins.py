"""A folder of plugins used from Python: a sink of subtitles, a layout of a detector."""

from pathlib import Path

import numpy as np

import drivemeta as dm
from drivemeta.core.run import RunContext

out = Path("examples-out")
out.mkdir(exist_ok=True)
registry = dm.default_registry([Path(__file__).parent / "plugins"])

# The sink. `drivemeta process --sinks subtitles` does the same, and goes on after a kill.
source = dm.open_source("synthetic:3", settings={"synthetic": {"n_frames": 5}})
sink = registry.create("sink", "subtitles", context=RunContext(folder=out))
sink.open(source.info(), 0)
for frame, tracks in dm.process(source):
    sink.write(frame, tracks)
(written,) = sink.close()
print(written.read_text("utf-8"))

# The layout. `drivemeta base import` recognises files by it, and tries it on images.
layout = registry.create("layout", "corner_and_size")
(way,) = layout.recognise(layout.example())
rows = np.zeros((1, 100, 6), np.float32)
rows[0, 0] = [10, 20, 30, 40, 0.9, 0.1]  # left, top, width, height, and two classes
boxes, scores = layout.decode_arrays(way, {"boxes_and_classes": rows})
print(f"{way.why}: box {boxes[0].tolist()}, scores {scores[0].astype(float).round(2).tolist()}")
