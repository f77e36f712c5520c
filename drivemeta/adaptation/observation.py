"""Running the base over the support frames: which boxes it finds, crops of them, and the rest."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from drivemeta.adaptation.base_places import Places
from drivemeta.adaptation.evidence import Evidence, SeenBoxes, SeenNegatives
from drivemeta.adaptation.frame_crops import N_VIEWS, best_match, box_views, other_proposals
from drivemeta.adaptation.further_views import FurtherViews, further_views
from drivemeta.core.boxes import FloatArray
from drivemeta.core.score_rule import Located
from drivemeta.data.readers.files import read_image
from drivemeta.data.support import SupportSet
from drivemeta.models.crops import roi_crops, to_tensor
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.traced.fixed import FixedNetworks
from drivemeta.models.traced.proposals import propose, to_input
from drivemeta.plugins.learner.labelled_images import LabelledImages

PLACES_PER_FRAME = 512  # of a negative
NOTHING = Located(
    np.zeros((0, 4), np.float32),
    np.zeros(0, np.float32),
    *[np.zeros(0, np.int64)] * 3,
)


@dataclass(frozen=True, eq=False)
class _Frame:
    """A file, (n, 4) boxes to learn with their (n,) labels, and (k, 4) boxes to ignore.

    Some of the last are further views of objects, (j, 4). Places are those in the image with its
    edge repeated so many pixels wide, (height, width), as plain crops need it.
    """

    path: Path
    boxes: FloatArray
    labels: NDArray[np.int64]
    ignored: FloatArray
    further: FloatArray
    edge: tuple[int, int] = (0, 0)

    @property
    def key(self) -> Hashable:
        """What tells it from others."""
        arrays = (self.boxes, self.labels, self.ignored, self.further)
        changed = self.path.stat().st_mtime_ns
        return self.path, changed, self.edge, *(array.tobytes() for array in arrays)

    def read(self) -> NDArray[np.uint8]:
        """Return the image, (height, width, 3) uint8 BGR."""
        image, (y, x) = read_image(self.path), self.edge
        if not (x or y):
            return image
        return np.asarray(cv2.copyMakeBorder(image, y, y, x, x, cv2.BORDER_REPLICATE), np.uint8)


@dataclass(frozen=True, eq=False)
class _SeenFrame:
    """What is seen in one frame: of each of its n boxes, and of its m negatives.

    Attributes:
        image: Frame, uint8 BGR.
        boxes: (n, 4) support boxes.
        labels: (n,) int64.
        views: Views of each box, (n_views, 3, 64, 64).
        further: The same of each further view of an object.
        crops: Crop of each box, (3, 64, 64).
        found: Scores of the matching proposals.
        roots: Their super-classes.
        places: (n, 4) the proposals themselves, or the boxes.
        negatives: (m, 3, 64, 64) crops.
        scores: (m,) float32 of the negatives.
        negative_roots: (m,) int64.
        negative_boxes: (m, 4) float32.
    """

    image: NDArray[np.uint8]
    boxes: FloatArray
    labels: NDArray[np.int64]
    views: list[Tensor]
    further: list[Tensor]
    crops: list[Tensor]
    found: list[float]
    roots: list[int]
    places: FloatArray
    negatives: Tensor
    scores: NDArray[np.float32]
    negative_roots: NDArray[np.int64]
    negative_boxes: FloatArray


def observe(
    base: TwoLevelDetector,
    support: SupportSet,
    negatives: Sequence[Path] = (),
    *,
    exhaustive: bool = False,
    networks: FixedNetworks | None = None,
) -> Evidence:
    """Run the base over the support frames.

    Args:
        base: Detector to adapt.
        support: Annotated boxes.
        negatives: Images that hold no object of the new classes.
        exhaustive: Whether the support frames have every instance annotated, so that whatever else
            the base proposes there is a negative without further doubt.
        networks: Networks of the base; made here by default.
    """
    networks, n_support = networks or FixedNetworks(base), len(support.images)
    looks, further = [], further_views(support)
    scoring = base.scoring
    context = max(scoring.context, scoring.thing_context if scoring.thing_scale else 1)
    for index, frame in enumerate(_frames(support, negatives, further, context)):
        is_crop = support.of_crops and index < n_support
        # A frame that an object was followed into says nothing of what else is in it.
        unseen = is_crop or bool(len(frame.further) and not len(frame.boxes))
        look = partial(_look, base, networks, frame, unseen=unseen, exhaustive=exhaustive)
        looks.append(networks.once((frame.key, unseen, exhaustive), look))
    labelled = _labelled(looks, support.classes, further.shots)
    embedded = replace(
        labelled,
        images=torch.from_numpy(networks.embed(labelled.images)),
        negatives=torch.from_numpy(networks.embed(labelled.negatives)),
    )
    return Evidence(
        boxes=_seen_boxes(looks, networks),
        negatives=_seen_negatives(looks, n_support, exhaustive=exhaustive),
        labelled=labelled,
        embedded=embedded,
        frames=tuple((look.image, look.boxes) for look in looks),
        of_crops=support.of_crops,
        networks=networks,
        further=further,
        elsewhere=Places.joined([_places(base, networks, look) for look in looks[n_support:]]),
    )


def _places(base: TwoLevelDetector, networks: FixedNetworks, look: _SeenFrame) -> Places:
    """Return the places of level 1 in a frame that shows no new class."""
    if not base.has_dense:
        return Places.joined(())
    inputs, _ = to_input(to_tensor(look.image), base.input_size)
    return Places.of(networks.dense(inputs), PLACES_PER_FRAME)


def _look(
    base: TwoLevelDetector,
    networks: FixedNetworks,
    frame: _Frame,
    *,
    unseen: bool,
    exhaustive: bool,
) -> _SeenFrame:
    """Return what the proposals in a frame say of its boxes, and of what else there is."""
    image = frame.read()
    proposals = NOTHING if unseen else propose(base, image, networks=networks)
    pixels, context = to_tensor(image), base.scoring.context
    matches = [best_match(base, proposals, box, image.shape[:2]) for box in frame.boxes]
    places = np.array([place for place, _, _ in matches], np.float32).reshape(-1, 4)
    beside = frame.further if exhaustive else frame.ignored
    known = np.concatenate([frame.boxes, beside])
    others = other_proposals(proposals, known)
    return _SeenFrame(
        image=image,
        boxes=frame.boxes,
        labels=frame.labels,
        views=[box_views(pixels, box, context) for box in frame.boxes],
        further=[box_views(pixels, box, context) for box in frame.further],
        crops=[roi_crops(pixels, torch.from_numpy(place[None]), context)[0] for place in places],
        found=[score for _, score, _ in matches],
        roots=[root for _, _, root in matches],
        places=places,
        negatives=roi_crops(pixels, torch.from_numpy(proposals.boxes[others]), context),
        scores=proposals.scores[others],
        negative_roots=proposals.roots[others],
        negative_boxes=proposals.boxes[others],
    )


def _labelled(
    looks: Sequence[_SeenFrame], names: tuple[str, ...], further: NDArray[np.int64]
) -> LabelledImages:
    """Return the views of all shots, then the further ones, which are of the shots given."""
    views = [view for look in looks for view in look.views]
    shots, labels = np.arange(len(views)), np.concatenate([look.labels for look in looks])
    views += [view for look in looks for view in look.further]
    shots, labels = np.append(shots, further), np.append(labels, labels[further])
    return LabelledImages(
        images=torch.cat(views),
        labels=torch.from_numpy(np.repeat(labels, N_VIEWS).astype(np.int64)),
        shots=torch.from_numpy(np.repeat(shots, N_VIEWS)),
        names=names,
        negatives=torch.cat([look.negatives for look in looks]),
    )


def _seen_boxes(looks: Sequence[_SeenFrame], networks: FixedNetworks) -> SeenBoxes:
    crops = torch.stack([crop for look in looks for crop in look.crops])
    return SeenBoxes(
        labels=np.concatenate([look.labels for look in looks]).astype(np.int64),
        frames=np.repeat(np.arange(len(looks)), [len(look.boxes) for look in looks]),
        found=np.array([score for look in looks for score in look.found], np.float32),
        roots=np.array([root for look in looks for root in look.roots], np.int64),
        crops=crops,
        embeddings=networks.embed(crops),
        places=np.concatenate([look.places for look in looks]),
    )


def _seen_negatives(
    looks: Sequence[_SeenFrame], n_support: int, *, exhaustive: bool
) -> SeenNegatives:
    frames = np.repeat(np.arange(len(looks)), [len(look.scores) for look in looks])
    return SeenNegatives(
        frames=frames,
        scores=np.concatenate([look.scores for look in looks]),
        roots=np.concatenate([look.negative_roots for look in looks]),
        sure=(frames >= n_support) | exhaustive,
        boxes=np.concatenate([look.negative_boxes for look in looks]),
    )


def _frames(
    support: SupportSet, negatives: Sequence[Path], further: FurtherViews, context: float
) -> Iterator[_Frame]:
    """Yield the support frames, then those of negatives.

    A plain crop is surrounded by its edge repeated, as wide as the context that level 2 sees.
    """
    none = np.zeros((0, 4), np.float32)
    for number, item in enumerate(support.images):
        learn, boxes, edge = ~item.ignore, item.boxes, (0, 0)
        if support.of_crops:
            y, x = (int(np.ceil(side * (context - 1) / 2)) for side in item.size)
            edge = y, x
            boxes = (boxes + np.array([x, y, x, y])).astype(np.float32)
        views = further.of_frame(number)
        yield _Frame(item.path, boxes[learn], item.labels[learn], boxes[~learn], views, edge)
    for path in negatives:
        yield _Frame(path, none, np.zeros(0, np.int64), none, none)
