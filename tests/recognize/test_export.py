"""What onnxruntime makes of exported graphs is what PyTorch makes of the run, on other clips and words than traced."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from skelzero import synthetic
from skelzero.cards import sha256_file
from skelzero.clips import Clip, load_layout, write_store
from skelzero.encoders import ENCODERS, FrozenEncoder, SkeletonGraph
from skelzero.errors import UserError
from skelzero.kinematics import ATTRIBUTES
from skelzero.methods import METHODS, ZeroShotMethod
from skelzero.preprocess import prepare_clips
from skelzero.protocol.plan import Request, plan_one
from skelzero.protocol.training import train_run
from skelzero.readers import read_clip
from skelzero.recognize import Recognizer
from skelzero.recognize.heads import HEADS, head_of
from skelzero.recognize.windows import cut, find_windows
from skelzero.text import TextBank, build_bank, load_class_set, load_text_encoder

pytest.importorskip("onnxscript", reason="pip install 'skelzero[onnx]'")
pytest.importorskip("onnxruntime", reason="pip install 'skelzero[onnx]'")

from skelzero.recognize import export

WORDS = ["walk forward", "clap both hands", "jump", "sit down on a chair"]
DOC = Path(__file__).resolve().parents[2] / "docs" / "export.md"


@pytest.fixture(scope="module")
def bank() -> TextBank:
    return build_bank(load_class_set("synthetic"), load_text_encoder("minilm"), ("action", "motion", "attributes"))


def fitted(name: str, seen: TextBank) -> ZeroShotMethod:
    """A method on made-up clips that follow their classes' vectors."""
    rng = np.random.default_rng(0)
    attributes = seen.pooled["attributes"][:, :62]
    y = np.repeat(np.arange(len(seen)), 8)
    measured = attributes[y] + 0.3 * rng.standard_normal((len(y), attributes.shape[1]))
    measured[:, 5] = 0  # an attribute that is never known
    vectors = seen.vectors(["action"])
    further = vectors[y] + 0.1 * rng.standard_normal((len(y), vectors.shape[1]))
    x = further if name == "pgfa" else np.concatenate([measured, further[:, :40]], axis=1)
    settings: dict[str, Any] = {"scale": {"steps": 5}, "devise": {"steps": 5}, "pgfa": {"kinds": ("action",)},
                                "skelzero": {"predicted": 0.5, "texts": 0.25}}.get(name, {})  # fmt: skip
    blocks = {ATTRIBUTES: (0, attributes.shape[1])}
    return METHODS[name](**settings).fit(x.astype(np.float32), y, seen, seed=1, blocks=blocks)


@pytest.mark.parametrize("name", sorted(method.kind for method in HEADS))
def test_heads_take_any_clips_and_new_words(name: str, bank: TextBank, tmp_path: Path) -> None:
    seen, new = bank.take(range(6)), bank.take(range(6, 17))
    method = fitted(name, seen)
    rng = np.random.default_rng(1)
    x = rng.standard_normal((5, method.width_)).astype(np.float32)
    head = head_of(method)
    graph = export.head_graph(head, x[:3], head.inputs(seen))
    facts = export.write_graph(graph, tmp_path)
    assert facts["difference"] <= export.TOLERANCE and facts["sha256"] == sha256_file(tmp_path / "head.onnx")
    for rows, asked in ((x, new), (x[:1], new.take([0])), (x, seen)):
        found = export.run_graph(tmp_path / "head.onnx", {"features": rows, **head.inputs(asked)})
        np.testing.assert_allclose(found, method.scores(rows, asked), atol=export.TOLERANCE)


def test_a_method_without_a_graph_says_which_have_one(bank: TextBank) -> None:
    method = METHODS["conse"]()
    with pytest.raises(UserError, match=r"cannot be exported(.|\n)*conse(.|\n)*match, pgfa, ridge, scale, skelzero"):
        head_of(method)


@pytest.mark.parametrize("persons", [1, 2])
@pytest.mark.parametrize("name", [name for name in ENCODERS if name.endswith(":small")])
def test_encoders_give_their_features(name: str, persons: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = ENCODERS[name].build(SkeletonGraph.from_layout(load_layout("common20")), 5, persons=persons)
    with torch.no_grad():  # statistics as after a training
        for _ in range(2):
            model.train()(torch.randn(8, 3, 16, 20, persons))
    x = torch.randn(3, 3, 64, 20, persons)
    if persons == 2:
        x[1, ..., 1] = 0  # an absent body
    graph = export.Graph("encoder", export.EncoderGraph(model, adapter=False), {"clips": x[:1]}, "features", ())
    export.write_graph(graph, tmp_path)
    for clips in (x[:1], x[1:2], x[2:] + 1):
        found = export.run_graph(tmp_path / "encoder.onnx", {"clips": clips.numpy()})
        np.testing.assert_allclose(found, FrozenEncoder(model).features(clips).numpy(), atol=export.TOLERANCE)


def test_a_graph_that_differs_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bank: TextBank) -> None:
    method = fitted("ridge", bank.take(range(4)))
    head = head_of(method)
    graph = export.head_graph(head, np.ones((3, method.width_), np.float32), head.inputs(bank.take(range(4))))
    honest = graph.expected()
    monkeypatch.setattr(export.Graph, "expected", lambda self: honest + 2 * export.TOLERANCE)
    with pytest.raises(UserError, match="does not give what PyTorch gives"):
        export.write_graph(graph, tmp_path)


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = export.importlib.util.find_spec
    monkeypatch.setattr(export.importlib.util, "find_spec", lambda name: None if name == "onnxruntime" else found(name))
    with pytest.raises(UserError, match=r"onnxruntime(.|\n)*pip install 'skelzero\[onnx\]'"):
        export.export_run(Recognizer.load(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def captured(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Clip]:
    """Windows of real motion capture."""
    folder = tmp_path_factory.mktemp("cmu")
    with tarfile.open(recordings / "cmu_bvh.tar.xz") as archive:
        members = sorted((m for m in archive if m.name.endswith(".bvh")), key=lambda m: m.size)[5:60:18]
        archive.extractall(folder, members=members, filter="data")
    clips = [read_clip(folder / m.name) for m in members]
    return [cut(clip, find_windows(clip)[0]) for clip in clips]


def test_a_run_with_an_encoder_on_real_clips(captured: list[Clip], tmp_path: Path) -> None:
    store = tmp_path / "synthetic"
    write_store(store, synthetic.generate(list(synthetic.actions())[:7], subjects=4, replications=1), source="tests")
    asked = {"methods": ["ridge"], "data": store, "splits": ["random:2#0"], "pipeline": "common-64",
             "encoder": {"encoder": "shift-gcn:small", "steps": 3}}  # fmt: skip
    recognizer = Recognizer(train_run(plan_one(Request.model_validate(asked), seed=1)))
    card = export.export_run(recognizer, tmp_path / "out", WORDS)
    assert card == json.loads((tmp_path / "out" / "card.json").read_text())
    assert set(card["graphs"]) == {"encoder", "head"} and card["labels"] == WORDS
    assert all(sha256_file(tmp_path / "out" / name) == sha for name, sha in card["checksums"].items())
    prepared = prepare_clips(captured, recognizer.pipeline).data
    parts = [export.run_graph(tmp_path / "out" / "encoder.onnx", {"clips": clip[None]}) for clip in prepared]
    features = np.concatenate(parts)
    np.testing.assert_allclose(features, recognizer.features(captured), atol=export.TOLERANCE)
    classes = dict(np.load(tmp_path / "out" / "classes.npz"))
    scores = export.run_graph(tmp_path / "out" / "head.onnx", {"features": features, **classes})
    expected = recognizer.run.method.scores(recognizer.features(captured), recognizer.texts(WORDS)[0])
    np.testing.assert_allclose(scores, expected, atol=export.TOLERANCE)
    with pytest.raises(UserError, match="exists"):
        export.export_run(recognizer, tmp_path / "out", WORDS)


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model in the package; tracing the measurements takes a minute or two."""
    folder = tmp_path_factory.mktemp("packaged") / "exported"
    export.export_run(Recognizer.load(), folder, WORDS)
    return folder


@pytest.mark.slow
def test_the_packaged_model_on_real_clips(packaged: Path, captured: list[Clip]) -> None:
    recognizer = Recognizer.load()
    classes = dict(np.load(packaged / "classes.npz"))
    bank = recognizer.texts(WORDS)[0]
    for clip in captured:
        graphs = export.feature_graphs(recognizer, [clip])
        inputs = {name: value.numpy() for name, value in graphs[0].inputs.items()}
        features = export.run_graph(packaged / "kinematics.onnx", inputs)
        expected = recognizer.features([clip])
        np.testing.assert_allclose(features, expected, atol=export.TOLERANCE)
        scores = export.run_graph(packaged / "head.onnx", {"features": features, **classes})
        np.testing.assert_allclose(scores, recognizer.run.method.scores(expected, bank), atol=export.TOLERANCE)


@pytest.mark.slow
def test_the_documented_example_runs_without_this_package(packaged: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", DOC.read_text(encoding="utf-8"), flags=re.DOTALL)
    blocked = "import sys\nfor name in ('skelzero', 'torch', 'onnx', 'scipy'):\n    sys.modules[name] = None\n"
    done = subprocess.run(
        [sys.executable, "-c", blocked + code], cwd=packaged.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert any(word in done.stdout for word in WORDS)
