"""Support boxes of things, seen by the embedding of things."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from drivemeta.adaptation.evidence import Evidence
from drivemeta.adaptation.frame_crops import N_VIEWS, box_views
from drivemeta.core.boxes import FloatArray
from drivemeta.core.scoring import Scoring
from drivemeta.core.things import is_thing
from drivemeta.models.crops import to_tensor
from drivemeta.models.detector import TwoLevelDetector
from drivemeta.models.things import THING_CROP_SIZE
from drivemeta.models.traced.fixed import FixedNetworks, Same


def things_among(parents: Sequence[str | None], scoring: Scoring) -> NDArray[np.bool_]:
    """Return (n_classes,) which classes are known below a super-class of things."""
    things = is_thing(tuple(parent or "" for parent in parents), scoring)
    return things & np.array([parent is not None for parent in parents], np.bool_)


def see_things(
    base: TwoLevelDetector, evidence: Evidence, parents: Sequence[str | None]
) -> Evidence:
    """Return what is seen with boxes of things, and all negatives, embedded as things.

    Args:
        base: Detector to adapt.
        evidence: What level 2 sees of all boxes.
        parents: Super-class below which level 2 knows each class.
    """
    things = things_among(parents, base.scoring)
    if not things.any():
        return evidence
    images = evidence.embedded.images.clone()
    boxes, negatives, further = evidence.boxes, evidence.negatives, evidence.further
    embeddings, elsewhere = boxes.embeddings.copy(), np.zeros((len(negatives), images.shape[1]))
    first = 0
    for number, (image, support) in enumerate(evidence.frames):
        look = _Look(base, evidence.networks, image)
        for box, place in enumerate(support, first):
            if things[boxes.labels[box]]:
                images[_views(box)] = torch.from_numpy(look.views(place))
                embeddings[box] = look(boxes.places[[box]])[0]
        first += len(support)
        for view in np.flatnonzero(further.frames == number).tolist():
            if things[boxes.labels[further.shots[view]]]:
                seen = look.views(further.boxes[view])
                images[_views(len(boxes) + view)] = torch.from_numpy(seen)
        here = negatives.frames == number
        elsewhere[here] = look(negatives.boxes[here])
    return replace(
        evidence,
        boxes=replace(boxes, embeddings=embeddings),
        embedded=replace(evidence.embedded, images=images),
        thing_negatives=torch.from_numpy(elsewhere.astype(np.float32)),
    )


def _views(number: int) -> slice:
    """Return where the views of a box stand, those of support boxes first, then further ones."""
    return slice(number * N_VIEWS, (number + 1) * N_VIEWS)


class _Look:
    """One frame, as the embedding of things sees it."""

    def __init__(
        self, base: TwoLevelDetector, networks: FixedNetworks, image: NDArray[np.uint8]
    ) -> None:
        self._base, self._networks, self._image = base, networks, image

    def __call__(self, boxes: FloatArray) -> FloatArray:
        """Return the (n, dim) embeddings of (n, 4) boxes."""
        key = "things", Same(self._image), boxes.tobytes()
        return self._networks.once(key, lambda: self._embedded(boxes))

    def views(self, box: FloatArray) -> FloatArray:
        """Return the (n_views, dim) embeddings of views of a box."""
        key = "views of a thing", Same(self._image), box.tobytes()
        return self._networks.once(key, lambda: self._embedded_views(box))

    def _embedded(self, boxes: FloatArray) -> FloatArray:
        crops = self._base.crops(self._pixels, torch.from_numpy(boxes), things=True)
        return self._networks.embed(crops, things=True)

    def _embedded_views(self, box: FloatArray) -> FloatArray:
        context = self._base.scoring.thing_context
        crops = box_views(self._pixels, box, context, THING_CROP_SIZE)
        return self._networks.embed(crops, things=True)

    @cached_property
    def _pixels(self) -> Tensor:
        return to_tensor(self._image)
