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
CODES = ("s01", "s20", "s44", "s48", "s52", "s53")
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
    for more, (rows, asked) in enumerate(((x, new), (x[:1], new.take([0])), (x, seen))):
        inputs = head.inputs(asked)
        for token_wise in set(inputs) & set(export.TOKENS):  # texts of other words are longer
            padded = [(0, 0), (0, 7 * more), (0, 0)][: inputs[token_wise].ndim]
            inputs[token_wise] = np.pad(inputs[token_wise], padded)
        found = export.run_graph(tmp_path / "head.onnx", {"features": rows, **inputs})
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
    x = torch.randn(5, 3, 64, 20, persons)
    if persons == 2:
        x[1, ..., 1] = 0  # an absent body
    graph = export.Graph("encoder", export.EncoderGraph(model, adapter=False), {"clips": x[:3]}, "features")
    facts = export.write_graph(graph, tmp_path)
    assert facts["inputs"]["clips"] == ["clips", 3, 64, 20, persons]
    for clips in (x[:1], x[1:2], x[3:] + 1, x):
        found = export.run_graph(tmp_path / "encoder.onnx", {"clips": clips.numpy()})
        np.testing.assert_allclose(found, FrozenEncoder(model).features(clips).numpy(), atol=export.TOLERANCE)


@pytest.mark.slow
def test_the_full_encoder_takes_any_clips(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = ENCODERS["shift-gcn"].build(SkeletonGraph.from_layout(load_layout("ntu25")), 5, persons=2)
    x = torch.randn(5, 3, 64, 25, 2)
    graph = export.Graph("encoder", export.EncoderGraph(model, adapter=False), {"clips": x[:2]}, "features")
    export.write_graph(graph, tmp_path)
    expected = FrozenEncoder(model).features(x).numpy()
    for count in (1, 2, 5):
        found = export.run_graph(tmp_path / "encoder.onnx", {"clips": x[:count].numpy()})
        np.testing.assert_allclose(found, expected[:count], atol=export.TOLERANCE)


@pytest.mark.parametrize("keepdim", [False, True])
def test_quantiles_are_those_of_pytorch(keepdim: bool, tmp_path: Path) -> None:
    class Quantiles(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            single = [torch.quantile(x, q, dim=1, keepdim=keepdim).flatten(1) for q in (0.0, 0.05, 0.97, 1.0)]
            several = torch.quantile(x, x.new_tensor([0.05, 0.5, 0.95]), dim=1)  # (3, N, C)
            return torch.cat([*single, *several.unbind()], dim=1)

    x = torch.randn(4, 13, 3, generator=torch.Generator().manual_seed(2))
    export.write_graph(export.Graph("quantiles", Quantiles(), {"x": x[:2]}, "found"), tmp_path)
    found = export.run_graph(tmp_path / "quantiles.onnx", {"x": x.numpy()})
    wanted = [np.quantile(x.numpy(), q, axis=1) for q in (0.0, 0.05, 0.97, 1.0, 0.05, 0.5, 0.95)]
    np.testing.assert_allclose(found, np.concatenate(wanted, axis=1), atol=1e-6)


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
        members = sorted((m for m in archive if m.name.endswith(".bvh")), key=lambda m: m.size)[5:60:12]
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
    expected = recognizer.features(captured)
    for count in (1, 2, 5):
        features = export.run_graph(tmp_path / "out" / "encoder.onnx", {"clips": prepared[:count]})
        np.testing.assert_allclose(features, expected[:count], atol=export.TOLERANCE)
    classes = dict(np.load(tmp_path / "out" / "classes.npz"))
    scores = export.run_graph(tmp_path / "out" / "head.onnx", {"features": features, **classes})
    wanted = recognizer.run.method.scores(expected, recognizer.texts(WORDS)[0])
    np.testing.assert_allclose(scores, wanted, atol=export.TOLERANCE)
    assert not (tmp_path / "out" / "vocabulary.npz").exists() and export.DESCRIBED not in classes
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
    for count in (1, 2, 5):
        (graph,) = export.feature_graphs(recognizer, captured[:count])
        inputs = {name: value.numpy() for name, value in graph.inputs.items()}
        features = export.run_graph(packaged / "kinematics.onnx", inputs)
        expected = recognizer.features(captured[:count])
        np.testing.assert_allclose(features, expected, atol=export.TOLERANCE)
        scores = export.run_graph(packaged / "head.onnx", {"features": features, **classes})
        np.testing.assert_allclose(scores, recognizer.run.method.scores(expected, bank), atol=export.TOLERANCE)


def documented() -> str:
    """The program of the page, from its two parts."""
    parts = re.findall(r"```python\n(.*?)```", DOC.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(parts) == 2
    return "\n".join(parts)


@pytest.mark.slow
def test_none_of_these_is_decided_as_the_recogniser_does(
    packaged: Path, captured: list[Clip], monkeypatch: pytest.MonkeyPatch
) -> None:
    recognizer = Recognizer.load()
    monkeypatch.chdir(packaged.parent)
    program: dict[str, Any] = {}
    exec(documented(), program)
    features = recognizer.features([*captured, *(synthetic.make_clip(code, 1, 1, seed=5) for code in CODES)])
    decisions = []
    for words in (WORDS, ["tie a shoe"], ["laugh", "walk", "drink", "wave", "boxing", "sit down"]):
        bank = recognizer.texts(words)[0]
        classes = export.class_inputs(recognizer, bank)
        for share in (0.05, 0.5, 0.9):
            found = program["none_of_these"](features, classes, share)
            np.testing.assert_array_equal(found, recognizer.judge(features, bank, share)[1])
            decisions.append(found)
    assert 0.2 < np.mean(decisions) < 0.8
    every = export.class_inputs(recognizer, recognizer.run.vocabulary)  # type: ignore[arg-type]
    found = program["none_of_these"](features, every)
    np.testing.assert_array_equal(found, recognizer.judge(features, recognizer.run.vocabulary)[1])  # type: ignore[arg-type]


@pytest.mark.slow
def test_the_documented_example_runs_without_this_package(packaged: Path) -> None:
    code = documented()
    blocked = "import sys\nfor name in ('skelzero', 'torch', 'onnx', 'scipy'):\n    sys.modules[name] = None\n"
    done = subprocess.run(
        [sys.executable, "-c", blocked + code], cwd=packaged.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert any(word in done.stdout for word in WORDS) and "of these" in done.stdout
