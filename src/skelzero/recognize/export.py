"""A trained run as ONNX graphs, checked against PyTorch before anything is written.

EXPORT/encoder.onnx  prepared clips (N, C, T, V, M) -> features     EXPORT/kinematics.onnx  bodies -> features
EXPORT/head.onnx     features, class inputs -> scores               EXPORT/classes.npz      class inputs of some words
EXPORT/card.json     what goes in and out, how scores are read      EXPORT/vocabulary.npz   of other movements
EXPORT/example.npz   one clip on its way through
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from skelzero import __version__
from skelzero.cards import CARD, sha256_file, staged_folder, write_json
from skelzero.clips import Clip
from skelzero.encoders import SkeletonEncoder
from skelzero.errors import UserError, missing_extra
from skelzero.kinematics import Bodies, measure, to_bodies
from skelzero.kinematics.features import course_features
from skelzero.methods.described import described
from skelzero.preprocess import prepare_clips
from skelzero.protocol.rejection import FALSE_ACCEPTS, LEAST, LIKE, SOFTNESS
from skelzero.recognize.heads import Head, Inputs, head_of
from skelzero.recognize.recognizer import Recognizer
from skelzero.synthetic import make_clip
from skelzero.text import ClassSet, TextBank
from skelzero.text.attributes.schema import load_schema
from skelzero.text.attributes.vectors import FARTHEST, typical

FORMAT = 1
OPSET = 18
RULE = {"false_accepts": FALSE_ACCEPTS, "softness": SOFTNESS, "like": LIKE, "least": LEAST}
"""Constants of `protocol.rejection`, which stand in the card beside what was learned."""
TOLERANCE = 1e-4
"""Largest difference between a graph and PyTorch, in features and scores."""
INT64 = 7
"""Of ONNX."""
PACKAGES = ("onnx", "onnxscript", "onnxruntime")
TOKENS = ("tokens", "mask")
"""Inputs that have a text's tokens as their second axis; longer words have more of them."""
PROBES = ("s48", "s53", "s24")
"""Synthetic actions whose clips are sent through both; several, since some exporters keep an axis of one as it is."""
DESCRIBED = "described"
"""Class input that no graph reads: the attributes by which listed words and the vocabulary are compared."""


class EncoderGraph(nn.Module):
    """An encoder's features with what is fixed folded together; every body is computed, absent ones too."""

    def __init__(self, model: SkeletonEncoder, *, adapter: bool) -> None:
        super().__init__()
        self.model, self.adapter = model.eval(), adapter
        with torch.no_grad():
            self.fixed = self.model.frozen_bodies()

    def forward(self, clips: Float[Tensor, "N C T V M"]) -> Float[Tensor, "N D"]:
        model = self.model
        bodies = model.normalise(model.split_bodies(clips))  # (N, M, T, V, C)
        pooled = self.fixed(bodies.flatten(0, 1)).mean(dim=(1, 2))
        found = pooled.view(clips.shape[0], -1, model.feature_width).mean(dim=1)
        return model.head(found) if self.adapter else found


class KinematicsGraph(nn.Module):
    """Bodies to measured attributes as vectors and course features, as `kinematics.of_clips` gives them."""

    def forward(
        self, joints: Tensor, seconds: Tensor, present: Tensor, partner: Tensor, flat: Tensor, anchored: Tensor
    ) -> Float[Tensor, "N F"]:
        given = Bodies(joints, seconds, present, partner, flat, anchored)
        return torch.cat([_vectors(measure(given)), course_features(given)], dim=1)


def _vectors(measured: Float[Tensor, "N A"]) -> Float[Tensor, "N A"]:
    """`Schema.settle` and `clip_vectors` on tensors."""
    schema, (centre, spread) = load_schema(), typical()[1]
    values = measured.clamp(measured.new_tensor(schema.low), measured.new_tensor(schema.high))
    least = [-np.inf if a.needs is None else a.needs[1] for a in schema.attributes]
    needed = [i if a.needs is None else schema.index[a.needs[0]] for i, a in enumerate(schema.attributes)]
    lacking: Bool[Tensor, "N A"] = values[:, needed] < measured.new_tensor(least)
    scaled = ((values - measured.new_tensor(centre)) / measured.new_tensor(spread)).clamp(-FARTHEST, FARTHEST)
    known = ~(torch.isnan(values) | lacking)
    return torch.where(known, torch.where(scaled == 0, 1e-6, scaled), 0.0)


@dataclass(frozen=True)
class Graph:
    """A module with the inputs that it was traced with; their first axes may have any length.

    Attributes
    ----------
    classes : tuple of str
        Inputs whose first axis is that of classes; all others begin with that of clips.
    """

    name: str
    module: nn.Module
    inputs: dict[str, Tensor]
    output: str
    classes: tuple[str, ...] = ()

    def axis(self, name: str) -> str:
        return "classes" if name in self.classes else "clips"

    def expected(self) -> np.ndarray:
        with torch.no_grad():
            return np.asarray(self.module(*self.inputs.values()))


def export_run(
    recognizer: Recognizer, folder: Path, labels: Sequence[str] | ClassSet | None = None, *, replace: bool = False
) -> dict[str, Any]:  # fmt: skip
    """Write a run as ONNX; the folder appears whole or not at all.

    Parameters
    ----------
    recognizer : Recognizer
    folder : Path
    labels : sequence of str, or ClassSet, optional
        Words whose class inputs are written beside the graphs; those of the run by default.
    replace : bool
        Whether a folder that is there already may be replaced.

    Returns
    -------
    dict
        The card.

    Raises
    ------
    UserError
        A missing package, a method that cannot be exported, or a graph that differs from PyTorch.
    """
    for package in PACKAGES:
        if importlib.util.find_spec(package) is None:
            raise missing_extra(package, "onnx", "export to ONNX")
    run = recognizer.run
    banks = {"classes": run.bank if labels is None else recognizer.texts(labels)[0], "vocabulary": run.vocabulary}
    asked = {name: (bank, class_inputs(recognizer, bank)) for name, bank in banks.items() if bank is not None}
    bank, classes = asked["classes"]
    head = head_of(run.method)
    clips = [make_clip(code, 1, 1, seed=3) for code in PROBES]
    features = recognizer.features(clips)
    # Not traced with the words asked for: they may be a single one, and some exporters keep an axis of one as it is.
    graphs = [*feature_graphs(recognizer, clips), head_graph(head, features, head.inputs(run.vocabulary or run.bank))]
    with staged_folder(folder, replace=replace) as stage:
        facts = {graph.name: write_graph(graph, stage) for graph in graphs}
        through = _through(stage, graphs, classes)
        differences = {"features": _apart(through["features"], features[:1])}
        for name, (words, inputs) in asked.items():
            found = run_graph(stage / "head.onnx", {"features": features, **inputs})
            differences[f"scores of {name}"] = _apart(found, run.method.scores(features, words))
            np.savez(stage / f"{name}.npz", **inputs)  # type: ignore[arg-type]
        _refuse_differences(differences)
        np.savez(stage / "example.npz", **through)  # type: ignore[arg-type]
        card = _card(recognizer, facts, bank.labels, differences, stage)
        write_json(stage / CARD, card)
    return card


def class_inputs(recognizer: Recognizer, bank: TextBank) -> Inputs:
    """What `classes.npz` holds of some words, `recognizer.texts(words)[0]`."""
    found = head_of(recognizer.run.method).inputs(bank)
    return found if recognizer.run.vocabulary is None else {**found, DESCRIBED: described(bank)}


def feature_graphs(recognizer: Recognizer, clips: Sequence[Clip]) -> list[Graph]:
    """Graphs that make features, in the order in which features stand side by side."""
    card, graphs = recognizer.run.card, []
    if (encoder := recognizer.run.encoder) is not None:
        data = prepare_clips(list(clips), recognizer.pipeline).data
        x = torch.from_numpy(np.pad(data, [(0, 0)] * 4 + [(0, card.persons - data.shape[-1])]))
        module = EncoderGraph(encoder.model, adapter=bool(encoder.card.adapter))
        graphs.append(Graph("encoder", module, {"clips": x}, "features"))
    if card.kinematic:
        bodies = to_bodies(clips)
        inputs = {field.name: getattr(bodies, field.name) for field in fields(Bodies)}
        graphs.append(Graph("kinematics", KinematicsGraph(), inputs, "features"))
    return graphs


def head_graph(head: Head, features: Float[np.ndarray, "N D"], classes: Inputs) -> Graph:
    """The scoring, with any number of clips and of classes."""
    inputs = {"features": torch.from_numpy(features), **{k: torch.from_numpy(v) for k, v in classes.items()}}
    return Graph("head", head, inputs, "scores", tuple(classes))


def write_graph(graph: Graph, folder: Path) -> dict[str, Any]:
    """Write `NAME.onnx` and compare it with PyTorch on what it was traced with.

    Raises
    ------
    UserError
        They differ by more than `TOLERANCE`.
    """
    path = folder / f"{graph.name}.onnx"
    expected = graph.expected()  # before the trace: what an encoder keeps between calls must not be a traced tensor
    free = {name: torch.export.Dim(name, min=1) for name in ("clips", "classes", "tokens")}
    axes = {name: {0: graph.axis(name), **({1: "tokens"} if name in TOKENS else {})} for name in graph.inputs}
    shapes = tuple({i: free[axis] for i, axis in named.items()} for named in axes.values())
    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            graph.module.eval(), tuple(graph.inputs.values()), dynamo=True, opset_version=OPSET, verbose=False,
            input_names=list(graph.inputs), output_names=[graph.output], dynamic_shapes=shapes,
            custom_translation_table=_translations(),
            optimize=False,  # onnxruntime does it on loading, in a hundredth of the time
        )  # fmt: skip
        assert program is not None
        program.save(path)
    found = run_graph(path, {name: value.numpy() for name, value in graph.inputs.items()})
    _refuse_differences({graph.name: _apart(found, expected)})
    shown = {name: [axes[name].get(i, size) for i, size in enumerate(value.shape)]
             for name, value in graph.inputs.items()}  # fmt: skip
    return {"file": path.name, "sha256": sha256_file(path), "inputs": shown, "output": graph.output,
            "width": int(expected.shape[1]) if graph.name != "head" else "classes",
            "difference": _apart(found, expected)}  # fmt: skip


def run_graph(path: Path, inputs: Inputs) -> np.ndarray:
    """What a graph gives in onnxruntime; inputs that it does not read are left out."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # it would send what it ran to its makers
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # says otherwise what it cannot simplify, once a node
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    wanted = {given.name for given in session.get_inputs()}
    (found,) = session.run(None, {name: value for name, value in inputs.items() if name in wanted})
    return np.asarray(found)


def _apart(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(found - expected).max(initial=0)) if found.shape == expected.shape else float("inf")


def _refuse_differences(differences: dict[str, float]) -> None:
    for name, apart in differences.items():
        if not apart <= TOLERANCE:
            raise UserError("the graph does not give what PyTorch gives; nothing was written", where=name,
                            got=f"a difference of {apart:g}", expected=f"at most {TOLERANCE:g}",
                            next_step="please report it with the run's card")  # fmt: skip


def _through(folder: Path, graphs: Sequence[Graph], classes: Inputs) -> dict[str, np.ndarray]:
    """One clip on its way through the written graphs: all inputs, features and scores."""
    found: dict[str, np.ndarray] = {}
    parts = []
    for graph in graphs[:-1]:
        inputs = {name: value[:1].numpy() for name, value in graph.inputs.items()}
        found |= {f"{graph.name}.{name}": value for name, value in inputs.items()}
        parts.append(run_graph(folder / f"{graph.name}.onnx", inputs))
    found["features"] = np.concatenate(parts, axis=1)
    found["scores"] = run_graph(folder / "head.onnx", {"features": found["features"], **classes})
    return found


def _card(
    recognizer: Recognizer, graphs: dict[str, Any], labels: Sequence[str], differences: dict[str, float], folder: Path
) -> dict[str, Any]:  # fmt: skip
    card = recognizer.run.card
    return {
        "format": FORMAT, "opset": OPSET, "graphs": graphs, "method": card.method, "labels": list(labels),
        "features": [name for name in graphs if name != "head"],
        "pipeline": card.pipeline if recognizer.run.encoder is not None else None, "history": card.history,
        "layout": card.layout, "persons": card.persons, "text_encoder": card.text_encoder, "kinds": card.kinds,
        "attributes": list(load_schema().names),
        "calibration": card.calibration.model_dump(mode="json"),
        "rejection": None if card.rejection is None else {**card.rejection.model_dump(mode="json"), **RULE},
        "tolerance": TOLERANCE, "differences": differences,
        "checksums": {path.name: sha256_file(path) for path in sorted(folder.iterdir())},
        "versions": {"skelzero": __version__, "torch": str(torch.__version__)},
    }  # fmt: skip


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter warns of packages that nobody needs here, and tells listeners of each of ten thousand steps."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)


def _translations() -> dict[Any, Any]:
    """Operations for which the exporter has no translation of its own, or one of twenty steps (the quantiles)."""
    from onnxscript import opset18

    op: Any = opset18

    def sorted_values(self: Any, *, stable: Any = None, dim: int = -1, descending: bool = False) -> Any:
        count = op.Constant(value_ints=[int(self.shape[dim])])
        return op.TopK(self, count, axis=dim, largest=int(descending), sorted=1)  # ties in order, as in a stable sort

    def median(self: Any, dim: int, keepdim: bool = False) -> Any:
        values, places = sorted_values(self, dim=dim)
        lower = op.Constant(value_int=(int(self.shape[dim]) - 1) // 2)
        return op.Gather(values, lower, axis=dim), op.Gather(places, lower, axis=dim)

    def between(self: Any, dim: int, lower: Any, upper: Any, weight: Any) -> Any:
        values, _ = sorted_values(self, dim=dim)
        below, above = op.Gather(values, lower, axis=dim), op.Gather(values, upper, axis=dim)
        return op.Add(below, op.Mul(weight, op.Sub(above, below)))

    def quantile(self: Any, q: float, dim: int, keepdim: bool = False) -> Any:
        rank = np.float32(q) * np.float32(int(self.shape[dim]) - 1)
        low, high = int(np.floor(rank)), int(np.ceil(rank))
        lower, upper = (op.Constant(value_ints=[k]) if keepdim else op.Constant(value_int=k) for k in (low, high))
        return between(self, dim, lower, upper, op.Constant(value_float=float(rank - low)))

    def quantiles(self: Any, q: Any, dim: int) -> Any:
        rank = op.Mul(q, op.Constant(value_float=float(int(self.shape[dim]) - 1)))
        lower, upper = (op.Cast(f(rank), to=INT64) for f in (op.Floor, op.Ceil))
        after = [1] * (len(self.shape) - dim - 1)
        weight = op.Reshape(op.Sub(rank, op.Floor(rank)), op.Constant(value_ints=[-1, *after]))
        others = [axis for axis in range(len(self.shape)) if axis != dim]
        return op.Transpose(between(self, dim, lower, upper, weight), perm=[dim, *others])

    def hypot(a: Any, b: Any) -> Any:
        return op.Sqrt(op.Add(op.Mul(a, a), op.Mul(b, b)))

    ops = torch.ops
    return {ops.aten.sort.stable: sorted_values, ops.aten.median.dim: median, ops.prims.hypot.default: hypot,
            ops.aten.quantile.scalar: quantile, ops.aten.quantile.default: quantiles}  # fmt: skip
