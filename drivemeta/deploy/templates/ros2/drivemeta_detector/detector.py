"""What the node does, apart from ROS: a model that runs, and the frame that waits for it."""

import json
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivemeta_detector.bank_file import bank_feeds

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # before the import, which reports otherwise
import onnxruntime as ort

PROVIDERS = {
    "tensorrt": "TensorrtExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
OUTPUTS = ["boxes", "scores", "labels", "count"]


@dataclass(frozen=True)
class FoundObjects:
    """The objects of one frame.

    Attributes:
        boxes: (n, 4) float32, x1, y1, x2, y2 in pixels of the frame.
        scores: (n,) float32.
        labels: (n,) int64.
        names: Name of each class that the model knew then; labels count in it.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]
    names: list[str]


class RunningModel:
    """A model of DriveMeta in ONNX Runtime.

    Args:
        model: Path of the model.
        provider: `auto` (TensorRT, CUDA, CPU: the first that runs) or one of them, which then runs
            or fails.
        threshold: Least score in place of each class's own; None for those.
        threads: Threads of the processor; 0 leaves them to ONNX Runtime.

    Attributes:
        provider: Name of the provider that really runs.
        names: Names of the classes.
    """

    def __init__(
        self,
        model: str | Path,
        provider: str = "auto",
        threshold: float | None = None,
        threads: int = 0,
    ) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3  # it warns of each input that need not be fed
        wanted = [p for p in PROVIDERS.values() if p in ort.get_available_providers()]
        if provider != "auto":
            if provider not in PROVIDERS:
                raise ValueError(f"expected auto, {', '.join(PROVIDERS)}, found {provider!r}")
            wanted = [PROVIDERS[provider]]
        self._session = ort.InferenceSession(str(model), options, providers=wanted)
        runs = self._session.get_providers()[0]
        self.provider = next((k for k, name in PROVIDERS.items() if name == runs), runs)
        if provider not in ("auto", self.provider):
            raise ValueError(f"expected the provider {provider}, which does not run: {runs} does")
        self.manifest = json.loads(self._session.get_modelmeta().custom_metadata_map["drivemeta"])
        own = [entry["name"] for entry in self.manifest["classes"]]
        self._bank: tuple[list[str], dict[str, NDArray[Any]]] = (own, {})
        self._threshold = threshold

    @property
    def names(self) -> list[str]:
        return self._bank[0]

    def set_threshold(self, threshold: float | None) -> None:
        """Take one least score for all classes, or each class's own for None."""
        self._threshold = threshold

    def set_bank(self, path: str | Path) -> None:
        """Detect the classes of another model of the same base from the next frame on.

        An empty path gives those of the model itself. Other threads may detect meanwhile.

        Raises:
            BankError: the bank does not fit; the one before goes on.
        """
        own = [entry["name"] for entry in self.manifest["classes"]]
        self._bank = bank_feeds(path, self.manifest) if path else (own, {})

    def __call__(self, frame: NDArray[np.uint8]) -> FoundObjects:
        """Return what is in a (height, width, 3) uint8 BGR frame."""
        (names, feeds), threshold = self._bank, self._threshold
        if threshold is not None:
            rule = self.manifest["bank"]
            n = rule["capacity"] if rule["mode"] == "fed" else len(names)
            feeds = {**feeds, "thresholds": np.full(n, threshold, np.float32)}
        found = self._session.run(OUTPUTS, {"frames": frame[None], **feeds})
        boxes, scores, labels, count = (output[0] for output in found)
        return FoundObjects(boxes[:count], scores[:count], labels[:count], names)


class Newest:
    """A place for one message: what is put takes the place of what nobody has taken yet.

    Attributes:
        n_dropped: Messages that gave way.
    """

    def __init__(self) -> None:
        self._there, self._closed = threading.Condition(), False
        self._message: Any = None
        self.n_dropped = 0

    def put(self, message: Any) -> None:
        """Leave a message."""
        with self._there:
            self.n_dropped += self._message is not None
            self._message = message
            self._there.notify()

    def take(self) -> Any:
        """Wait for a message and return it; None once this is closed."""
        with self._there:
            self._there.wait_for(lambda: self._message is not None or self._closed)
            message, self._message = self._message, None
            return None if self._closed else message

    def close(self) -> None:
        """Let who waits go."""
        with self._there:
            self._closed = True
            self._there.notify()


class Health:
    """What the diagnostics tell: frames a second over the last seconds, and the last problem."""

    SPAN_S = 5.0

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._done = clock, deque[float]()
        self._problem: tuple[float, str] | None = None
        self.n_frames = self.n_problems = 0

    def frame(self) -> None:
        """Count a frame that was looked at."""
        self.n_frames += 1
        self._done.append(self._clock())

    def problem(self, text: str) -> None:
        """Take in why a frame could not be looked at."""
        self.n_problems += 1
        self._problem = (self._clock(), text)

    def fps(self) -> float:
        """Return the frames a second of the last seconds."""
        now = self._clock()
        while self._done and self._done[0] < now - self.SPAN_S:
            self._done.popleft()
        return len(self._done) / self.SPAN_S

    def recent_problem(self) -> str:
        """Return the last problem if it is recent, else an empty text."""
        if self._problem is None or self._clock() - self._problem[0] > self.SPAN_S:
            return ""
        return self._problem[1]
