"""How embeddings become scores: constants of the join of level 1 and level 2."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scoring:
    """Constants of the score rule.

    Level 1: a location's best row gives `p = sigmoid(dense_scale * (e . w - b))`, its score is
    `p ** (1 - quality_power) * sigmoid(quality) ** quality_power`. Level 2: a softmax of
    `crop_scale * (e . w - b)` over the rows of the same root, summed a class, gives `p2`, and a
    leaf scores `level 1 * p2 ** crop_power`. A box that level 2 ran on and gave no leaf keeps
    its super-class and scores `level 1 * p_any ** parent_power`, where `p_any` is what is not
    background. Things have an embedding, and constants, of their own: see `core.things`.

    Attributes:
        dense_scale: Inverse temperature of level 1.
        quality_power: Weight in [0, 1] of the class-agnostic quality.
        crop_scale: Inverse temperature of level 2.
        crop_power: Weight of level 2 in a leaf's score.
        parent_power: Weight of level 2 in the score of a box that it does not name.
        leaf_floor: Least `p2` at which a box is named by a leaf rather than its parent.
        context: Factor by which a box is enlarged before it is cut out.
        nms_iou: Overlap above which the weaker of two boxes of one root goes, and still votes on
            where the better one lies, see `core.boxes.vote`.
        object_iou: Overlap above which boxes of rival super-classes are one object, see
            `core.one_object`; 1 for never.
        cyclist_weight: What a cyclist's score counts where it is compared with a rival's: the
            class is rare, so its scores are low, see `core.one_object.rival_weights`.
        thing_scale: `crop_scale` of things; 0 where they have no embedding of their own.
        thing_power: `crop_power` of things.
        thing_parent_power: `parent_power` of things.
        thing_floor: `leaf_floor` of things.
        thing_context: `context` of things.
    """

    dense_scale: float = 20.0
    quality_power: float = 0.5
    crop_scale: float = 15.0
    crop_power: float = 0.1
    parent_power: float = 0.1
    leaf_floor: float = 0.05
    context: float = 1.15
    nms_iou: float = 0.5
    object_iou: float = 0.7
    cyclist_weight: float = 1.0
    thing_scale: float = 0.0
    thing_power: float = 1.0
    thing_parent_power: float = 1.0
    thing_floor: float = 0.5
    thing_context: float = 1.1
