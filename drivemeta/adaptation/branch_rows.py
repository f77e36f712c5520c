"""Rows of a detector with a branch: in its columns, or in those of level 2's own embedding."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from drivemeta.adaptation.bank_rows import proposed_rows
from drivemeta.adaptation.checked_rows import checked_rows
from drivemeta.banks.named import NamedBank
from drivemeta.core.boxes import FloatArray
from drivemeta.errors import PluginError
from drivemeta.plugins.calling import Calling, origin_of
from drivemeta.plugins.learner.labelled_images import LabelledImages
from drivemeta.plugins.learner.protocol import BranchClassifier, Learner
from drivemeta.plugins.learner.rows import CosineRows


class OwnRows:
    """Lets a learner without a branch make rows for a detector with one, in the base's columns.

    Args:
        learner: Learner; it is given level 2's own embedding.
        dim: Dimensions of that embedding, whose columns come first.
        width: Columns of the rows.
    """

    def __init__(self, learner: Learner, dim: int, width: int) -> None:
        self._learner, self._dim, self._width = learner, dim, width

    def fit(self, network: nn.Module, support: LabelledImages) -> CosineRows:
        """Return rows for a support set given as wide embeddings.

        Raises:
            PluginError: the learner has no rows.
        """
        own = replace(
            support,
            images=support.images[:, : self._dim],
            negatives=support.negatives[:, : self._dim],
        )
        rows = proposed_rows(self._learner, own)
        if rows is None:
            raise PluginError(f"learner {type(self._learner).__name__} gives no rows")
        wide = torch.from_numpy(self.widen("", rows.weights, self._width))
        owners = torch.from_numpy(rows.owners)
        return CosineRows(network, wide, owners, support.n_way)

    def widen(self, name: str, bank: NamedBank | FloatArray, width: int) -> FloatArray:  # noqa: ARG002
        """Return the (n_rows, width) rows of a shipped bank, in the base's columns."""
        weights = bank.weights if isinstance(bank, NamedBank) else bank
        return np.pad(weights, ((0, 0), (0, width - weights.shape[1]))).astype(np.float32)


class BranchRows:
    """Makes rows over the columns of a branch that was learnt already.

    Args:
        classifier: Classifier that the learner fitted.
        dim: Dimensions of level 2's own embedding, whose columns come first.
        replay: Features of base classes, see `Initialisation`.
    """

    def __init__(
        self, classifier: BranchClassifier, dim: int, replay: dict[str, Tensor] | None = None
    ) -> None:
        self._classifier, self._dim, self._replay = classifier, dim, replay or {}

    def fit(self, network: nn.Module, support: LabelledImages) -> CosineRows:
        """Return rows for a support set given as wide embeddings.

        Raises:
            PluginError: the classifier fails, or gives something else.
        """
        columns = replace(
            support,
            images=support.images[:, self._dim :],
            negatives=support.negatives[:, self._dim :],
        )
        asking = Calling(self._classifier, "rows_for")
        with asking:
            rows = self._classifier.rows_for(columns)
        rows = checked_rows(self._classifier, "rows_for", rows, columns)
        wide = np.pad(rows.weights, ((0, 0), (self._dim, 0)))
        owners = torch.from_numpy(rows.owners)
        return CosineRows(network, torch.from_numpy(wide), owners, support.n_way)

    @torch.no_grad()
    def widen(self, name: str, bank: NamedBank, width: int) -> FloatArray:
        """Return the (n_rows, width) rows of a shipped bank beside those of the branch.

        They lie in the columns of the branch if it can place them there, else in the base's.

        Raises:
            PluginError: the classifier fails, or gives something else.
        """
        features = self._replay.get(name)
        shape = (0 if features is None else len(features), width - self._dim)
        placed = None if features is None else self._placed(features, shape)
        if placed is None:
            return np.pad(bank.weights, ((0, 0), (0, width - bank.weights.shape[1])))
        return np.pad(placed, ((0, 0), (self._dim, 0))).astype(np.float32)

    def _placed(self, features: Tensor, shape: tuple[int, int]) -> FloatArray | None:
        asking = Calling(self._classifier, "distractors")
        with asking:
            placed = self._classifier.distractors(features)
        if placed is None:
            return None
        rows: FloatArray = asking.returned(placed, np.ndarray)
        if rows.shape != shape or not np.isfinite(rows).all():
            found = rows.shape if rows.shape != shape else "values that are not"
            raise PluginError(
                f"{origin_of(self._classifier)}: expected `distractors` to give finite rows of "
                f"shape {shape}, found {found}"
            )
        return rows
