"""The whole graph: frames in, rows out, with the class bank as optional inputs."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import onnx
from onnx import TensorProto, helper

from drivemeta.banks.arrays import bank_arrays
from drivemeta.core import ClassBank
from drivemeta.core.one_object import flat_by_label, rival_weights
from drivemeta.core.score_rule import N_CROPS, N_ROWS, N_THING_CROPS
from drivemeta.core.scoring import Scoring
from drivemeta.core.things import THING_DIM, things_by_label
from drivemeta.errors import InputError
from drivemeta.export.graph.builder import GraphBuilder
from drivemeta.export.graph.decide import Sides, decide
from drivemeta.export.graph.find import FINDERS, find
from drivemeta.export.graph.locate import BankValues, Rows, locate
from drivemeta.export.graph.name_leaves import Eye, Names, name_leaves
from drivemeta.export.graph.preprocess import Prepared, prepare
from drivemeta.models.traced.opset import IR_VERSION, OPSET
from drivemeta.runtime.manifest import BankRule, InputRule

DENSE = ("boxes", "quality", "embeddings")
_TYPES = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.int64): TensorProto.INT64}


@dataclass(frozen=True)
class Networks:
    """The exported networks.

    Attributes:
        level1: Graph from images to dense output; None where the user's own stands in its place.
        level2: Graph from crops to embeddings, None where a baked bank has no rows for it.
        n_locations: Number of places that level 1 and the user's own detector give together.
        things: Graph from crops of things to embeddings, None likewise or where level 2 embeds
            things as well.
        own: Graph from frames to the dense output of the user's own detector, None without.
    """

    level1: onnx.GraphProto | None
    level2: onnx.GraphProto | None
    n_locations: int
    things: onnx.GraphProto | None = None
    own: onnx.GraphProto | None = None

    def converted(self, convert: Callable[[onnx.GraphProto, str], onnx.GraphProto]) -> Networks:
        """Return the networks in another form; the user's own detector stays as it is.

        Args:
            convert: Function of a network and its name: `level1`, `level2` or `things`.
        """
        graphs = {name: getattr(self, name) for name in ("level1", "level2", "things")}
        changed = {name: convert(graph, name) for name, graph in graphs.items() if graph}
        return replace(self, **changed)


def assemble(
    networks: Networks, bank: ClassBank, scoring: Scoring, rule: InputRule, bank_rule: BankRule
) -> onnx.ModelProto:
    """Return the model, its metadata still empty.

    Raises:
        InputError: the bank has more rows or classes than its rule allows.
    """
    g = GraphBuilder()
    optional = _add_bank(g, bank, bank_rule)
    fed = bank_rule.mode == "fed"
    frame = prepare(g, "frames", (rule.height, rule.width), rule.frame_size)
    dense = find(g, networks.level1, networks.own, frame, bank.dense.weights.shape[1])
    values = _rows_in_use(g, "dense", fed)
    rows = locate(g, dense, networks.n_locations, values, frame, scoring)
    n_classes = bank_rule.capacity if fed else len(bank.classes)
    eyes = _eyes(networks, bank, scoring, n_classes)
    names = _named(g, rows, frame, eyes, fed=fed, bank=bank)
    sides = Sides(
        things_by_label(bank.names, n_classes, scoring),
        flat_by_label(bank.names, n_classes),
        rival_weights(bank.names, n_classes, scoring),
    )
    decide(g, rows, names, scoring, sides)
    height, width = rule.frame_size or ("H", "W")
    frames = helper.make_tensor_value_info("frames", TensorProto.UINT8, ["N", height, width, 3])
    graph = g.graph("drivemeta", [frames, *optional], _outputs())
    return helper.make_model(
        graph,
        producer_name="drivemeta",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )


def with_dense_outputs(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy that also gives level 1's tensors before TopK, as `dense_*`."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    made = [output for node in model.graph.node for output in node.output]
    for name in DENSE:
        inside = next(o for stem in FINDERS for o in made if re.fullmatch(rf"{stem}\d+/{name}", o))
        copy.graph.node.append(helper.make_node("Identity", [inside], [f"dense_{name}"]))
        copy.graph.output.append(
            helper.make_tensor_value_info(f"dense_{name}", TensorProto.FLOAT, None)
        )
    return copy


def _add_bank(g: GraphBuilder, bank: ClassBank, rule: BankRule) -> list[onnx.ValueInfoProto]:
    """Add the bank's initialisers and return those that may be fed in their place."""
    fed = rule.mode == "fed"
    optional = []
    for name, array in bank_arrays(bank, rule.capacity if fed else None).items():
        if not fed and (name.endswith("_count") or not array.size):
            continue
        g.initializer(name, array)
        if fed or name == "thresholds":
            kind = _TYPES[array.dtype]
            optional.append(helper.make_tensor_value_info(name, kind, array.shape))
    return optional


def _rows_in_use(g: GraphBuilder, level: str, fed: bool) -> BankValues:
    """Return a level's rows without their padding."""
    names = [f"{level}_{field}" for field in ("weights", "biases", "owners", "roots")]
    if fed:
        names = [g.Slice(name, [0], f"{level}_count", [0]) for name in names]
    return BankValues(*names)


def _eyes(networks: Networks, bank: ClassBank, scoring: Scoring, n_classes: int) -> tuple[Eye, ...]:
    """Return the embeddings that the model has.

    Raises:
        InputError: the bank has rows for one that the model lacks.
    """
    things, eyes = things_by_label(bank.names, n_classes, scoring), []
    width = bank.crop.weights.shape[1]
    if networks.things is None or width == THING_DIM:
        width = 0  # no branch, of which only one of the two embeddings has the columns
    if networks.level2 is not None:
        context, scale = scoring.context, scoring.crop_scale
        eyes.append(Eye(networks.level2, ~things, N_CROPS, context, scale, width))
    if networks.things is not None:
        context, scale = scoring.thing_context, scoring.thing_scale
        eyes.append(Eye(networks.things, things, N_THING_CROPS, context, scale, width))
    seen = np.any([eye.of for eye in eyes], 0)
    if not seen[bank.crop.roots].all():
        raise InputError(
            "the class bank has rows for an embedding that the model was exported without, as no "
            "class needed it; export it again from what it was made from"
        )
    return tuple(eyes)


def _named(
    g: GraphBuilder,
    rows: Rows,
    frame: Prepared,
    eyes: tuple[Eye, ...],
    *,
    fed: bool,
    bank: ClassBank,
) -> Names | None:
    """Add what each embedding says of the boxes; None where no row could name any."""
    found = []
    for eye in eyes:
        if fed:
            found.append(_name_if_any(g, rows, frame, eye))
        elif (eye.of[bank.crop.roots] & (bank.crop.owners >= 0)).any():
            found.append(name_leaves(g, rows, _rows_in_use(g, "crop", fed), frame, eye))
    if len(found) < 2:
        return found[0] if found else None
    one, other = found  # no box is looked at by both
    return Names(
        g.Add(one.leaf, other.leaf),
        g.Add(one.probability, other.probability),
        g.Mul(one.p_any, other.p_any),
    )


def _name_if_any(g: GraphBuilder, rows: Rows, frame: Prepared, eye: Eye) -> Names:
    """Add level 2 as a branch that is not run while the bank fed has no crop rows for it."""
    branch = g.child("level2_on")
    names = name_leaves(branch, rows, _rows_in_use(branch, "crop", fed=True), frame, eye)
    without = g.child("level2_off")
    nothing = without.Mul(rows.scores, 0.0)
    nobody = Names(without.cast(nothing, np.int64), nothing, without.Add(nothing, 1.0))
    types = (TensorProto.INT64, TensorProto.FLOAT, TensorProto.FLOAT)
    graphs = {
        key: builder.graph(
            key,
            [],
            [
                helper.make_tensor_value_info(name, kind, ["N", rows.n])
                for name, kind in zip(outputs, types, strict=True)
            ],
        )
        for key, builder, outputs in (
            ("then_branch", branch, names),
            ("else_branch", without, nobody),
        )
    }
    seen = g.Gather(eye.of, "crop_roots")  # padding has root -1, the last, and no owner
    any_rows = g.And(g.GreaterOrEqual("crop_owners", 0), seen)
    any_rows = g.Greater(g.ReduceSum(g.cast(any_rows, np.int64), keepdims=0), 0)
    return Names(*g.many("If", 3, any_rows, **graphs))


def _outputs() -> list[onnx.ValueInfoProto]:
    return [
        helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["N", N_ROWS, 4]),
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", N_ROWS]),
        helper.make_tensor_value_info("labels", TensorProto.INT64, ["N", N_ROWS]),
        helper.make_tensor_value_info("count", TensorProto.INT64, ["N"]),
    ]
