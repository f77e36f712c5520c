"""What the base sees in the support frames: its boxes and what else there is, as tables."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from drivemeta.adaptation.base_places import Places
from drivemeta.adaptation.further_views import FurtherViews
from drivemeta.core.boxes import FloatArray
from drivemeta.models.traced.fixed import FixedNetworks
from drivemeta.plugins.learner.labelled_images import LabelledImages
from drivemeta.plugins.learner.last_layer import LastLayer


@dataclass(frozen=True, eq=False)
class SeenBoxes:
    """The support boxes, as level 1 proposes and level 2 will see them.

    Attributes:
        labels: (n,) int64 classes.
        frames: (n,) int64, the frame of each.
        found: (n,) float32, score of the proposal that matches each box, 0 where none does.
        roots: (n,) int64, super-class of that proposal, -1 where none does.
        crops: (n, 3, 64, 64) float32 RGB in [0, 1], what the detector itself would cut of each box.
        embeddings: (n, dim) float32, by the embedding that their class is known by.
        places: (n, 4) float32, the proposal that matches each box, else the box.
    """

    labels: NDArray[np.int64]
    frames: NDArray[np.int64]
    found: NDArray[np.float32]
    roots: NDArray[np.int64]
    crops: Tensor
    embeddings: FloatArray
    places: FloatArray

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, mask: NDArray[np.bool_]) -> SeenBoxes:
        """Return the boxes of a (n,) mask."""
        return SeenBoxes(
            labels=self.labels[mask],
            frames=self.frames[mask],
            found=self.found[mask],
            roots=self.roots[mask],
            crops=self.crops[torch.from_numpy(mask)],
            embeddings=self.embeddings[mask],
            places=self.places[mask],
        )


@dataclass(frozen=True, eq=False)
class SeenNegatives:
    """Proposals that touch no support box.

    Attributes:
        frames: (n,) int64, the frame of each.
        scores: (n,) float32, of level 1.
        roots: (n,) int64, super-class that each was proposed as.
        sure: (n,) bool, no new class for certain, however alike.
        boxes: (n, 4) float32 places.
    """

    frames: NDArray[np.int64]
    scores: NDArray[np.float32]
    roots: NDArray[np.int64]
    sure: NDArray[np.bool_]
    boxes: FloatArray

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, mask: NDArray[np.bool_]) -> SeenNegatives:
        """Return the negatives of a (n,) mask."""
        return SeenNegatives(
            frames=self.frames[mask],
            scores=self.scores[mask],
            roots=self.roots[mask],
            sure=self.sure[mask],
            boxes=self.boxes[mask],
        )


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the base sees in the support frames.

    Attributes:
        boxes: Table of the n support boxes.
        negatives: Table of the m proposals beside them.
        labelled: Augmented views of every support box, box after box, then those of its further
            ones; and crops of the m negatives.
        embedded: The same, with embeddings in place of the crops: those of level 2, of boxes of
            things those of things.
        frames: Images read, uint8 BGR, with the support boxes of each.
        of_crops: Whether the boxes are plain crops, which level 1 was not run over.
        networks: What proposed and embedded, for whoever needs more of it.
        compared: First and end of the columns that are unit vectors, which new rows are compared
            with; all of them unless level 2 has a branch.
        further: Boxes that show the objects of support boxes once more.
        elsewhere: Places of level 1 in frames that were given as negatives.
        thing_negatives: (m, dim) embeddings of the negatives as things; None if no class is one.
        things_through: Layer that things are seen through in the columns compared, which an adapted
            one adds; None where they are compared as they are embedded.
    """

    boxes: SeenBoxes
    negatives: SeenNegatives
    labelled: LabelledImages
    embedded: LabelledImages
    frames: tuple[tuple[NDArray[np.uint8], FloatArray], ...]
    of_crops: bool
    networks: FixedNetworks
    further: FurtherViews
    elsewhere: Places
    compared: tuple[int, int | None] = (0, None)
    thing_negatives: Tensor | None = None
    things_through: LastLayer | None = None

    def negatives_as(self, *, things: bool) -> Tensor:
        """Return the (m, dim) embeddings of the negatives, as things or as signs."""
        if not things:
            return self.embedded.negatives
        assert self.thing_negatives is not None
        return self.thing_negatives

    def task_of(self, classes: NDArray[np.bool_], *, things: bool) -> LabelledImages:
        """Return the embedded task of some classes alone, which are numbered anew.

        Args:
            classes: (n_classes,) bool mask.
            things: Whether they are things, which are held against no negatives here.
        """
        task, number = self.embedded, np.cumsum(classes) - 1
        if things:
            task = replace(task, negatives=task.negatives[:0])
        if classes.all():
            return task
        own = torch.from_numpy(classes)[task.labels]
        return replace(
            task,
            images=task.images[own],
            labels=torch.from_numpy(number)[task.labels[own]],
            shots=task.shots[own],
            names=tuple(name for name, kept in zip(task.names, classes, strict=True) if kept),
        )

    def without_frame(self, frame: int) -> Evidence:
        """Return what there would be without one of the frames; shots and frames keep numbers."""
        kept, rest = self.boxes.frames != frame, self.negatives.frames != frame

        def cut(task: LabelledImages) -> LabelledImages:
            negatives = task.negatives[torch.from_numpy(rest)]
            return replace(task.without_shots(np.flatnonzero(~kept)), negatives=negatives)

        return replace(
            self,
            boxes=self.boxes[kept],
            negatives=self.negatives[rest],
            labelled=cut(self.labelled),
            embedded=cut(self.embedded),
            thing_negatives=None
            if self.thing_negatives is None
            else self.thing_negatives[torch.from_numpy(rest)],
            frames=tuple(f for i, f in enumerate(self.frames) if i != frame),
        )
