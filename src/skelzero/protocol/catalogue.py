"""What this package has written into a folder: runs, features, comparisons, stores and encoders, known by their cards.

A folder is never taken on trust. What lies among our artefacts and is none is left alone, links are not followed, and
whatever is to be deleted must hold nothing but files that this package writes.
"""

from __future__ import annotations

import datetime
import fnmatch
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from pydantic import ValidationError

from skelzero.cards import CARD, read_json, sha256_of, write_json
from skelzero.clips import ClipStore
from skelzero.clips.store_card import check_files
from skelzero.clips.store_card import read_card as read_store_card
from skelzero.encoders import EncoderCard, FeatureCard, FeatureSet, TrainedEncoder
from skelzero.errors import UserError
from skelzero.protocol.figures import Figures
from skelzero.protocol.result import read_results
from skelzero.protocol.run import Run, RunCard, read_log

FIGURES = "figures.json"
COMPARISON, REPRODUCTION = "compare.json", "reproduce.json"
LARGEST_CARD = 16 << 20
MAIN = (("zsl", "top1"), ("gzsl", "H"))
RESULT = re.compile(r"[0-9a-f]{64}\.json")
_ENCODER = (CARD, "weights.safetensors", "losses.csv")
_STORE = (CARD, "frames.f32", "confidence.f32", "index.npy", "skipped.csv")
_TEXTS = (CARD, "bank.npz")
_FEATURES = (CARD, "features.npy", "logits.npy", "table.npz")


@dataclass(frozen=True)
class Kind:
    """How an artefact is told: keys of its card, files that it cannot do without, and all that may lie in it."""

    name: str
    keys: frozenset[str]
    needs: tuple[str, ...]
    files: tuple[str, ...]


KINDS = (
    Kind("run", frozenset({"method", "split", "text_encoder", "stacking"}), ("method/card.json", "texts/card.json"), (
        CARD, FIGURES, *(f"encoder/{name}" for name in _ENCODER), f"method/{CARD}", "method/weights.safetensors",
        *(f"{bank}/{name}" for bank in ("texts", "vocabulary") for name in _TEXTS), "log/*/metrics.csv",
    )),
    Kind("features", frozenset({"encoder", "store_checksum"}), ("features.npy", "table.npz"), _FEATURES),
    Kind("store", frozenset({"clips", "layout", "checksums"}), ("frames.f32", "index.npy"), _STORE),
    Kind("encoder", frozenset({"graph", "weights_sha256"}), ("weights.safetensors",), _ENCODER),
    Kind("comparison", frozenset(), ("results",), (
        COMPARISON, REPRODUCTION, "results/*.json", *(f"store/{name}" for name in _STORE),
        *(f"features/{name}" for name in _FEATURES),
    )),
)  # fmt: skip
BY_NAME = {kind.name: kind for kind in KINDS}


@dataclass(frozen=True)
class Artefact:
    """One thing that this package wrote.

    Attributes
    ----------
    path : Path
    kind : str
        Of `KINDS`.
    method, dataset, split : str
        Of comparisons all of them; empty where an artefact has none.
    seed : int or None
    figures : dict
        `zsl top1` and `gzsl H`, where a run's evaluation was kept.
    bytes : int
    made : str
        ISO 8601; the card's word, else the file's time.
    damage : str
        What is wrong with it, empty for nothing.
    """

    path: Path
    kind: str
    method: str = ""
    dataset: str = ""
    split: str = ""
    seed: int | None = None
    figures: dict[str, float] = field(default_factory=dict)
    bytes: int = 0
    made: str = ""
    damage: str = ""


def find(folder: Path) -> list[Artefact]:
    """All artefacts under a folder, in the order of their paths; hidden folders and links are not looked into.

    Raises
    ------
    UserError
        No such folder.
    """
    if not folder.is_dir():
        raise UserError("no such folder", where=folder, next_step="name a folder that holds runs")
    found = []
    for place, folders, _ in os.walk(folder, followlinks=False):
        here = look(Path(place))
        # What lies in an artefact is a part of it; only comparisons have whole artefacts beside their results.
        inner = [] if here is not None and here.kind != "comparison" else folders
        folders[:] = sorted(name for name in inner if not name.startswith("."))
        if here is not None:
            found.append(here)
    return found


def look(folder: Path) -> Artefact | None:
    """The artefact in a folder; None where there is none of ours. Files are looked at, not read through."""
    card, broken = _card(folder)
    kind = _kind(folder, card)
    if kind is None:
        return None
    facts: dict[str, Any] = {}
    damage = broken
    missing = [name for name in kind.needs if not (folder / name).exists()]
    if not damage and missing:
        damage = f"{missing[0]} is missing"
    if not damage:
        try:
            facts = _FACTS[kind.name](folder, card)
        except UserError as error:
            damage = error.one_line()
        except ValidationError as error:
            first = error.errors()[0]
            damage = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    stamp = folder / CARD if (folder / CARD).is_file() else folder
    made = datetime.datetime.fromtimestamp(stamp.stat().st_mtime, datetime.UTC).isoformat(timespec="seconds")
    return Artefact(folder, kind.name, bytes=_size(folder), damage=damage, **{"made": made, **facts})


def require(folder: Path, kind: str = "") -> Artefact:
    """The artefact in a folder; anything else is a `UserError`."""
    found = look(folder) if folder.is_dir() else None
    if found is None or (kind and found.kind != kind):
        raise UserError(f"this is no {kind or 'artefact of skelzero'}", where=folder,
                        got=found.kind if found else "a folder of something else" if folder.is_dir() else "nothing",
                        next_step="`skelzero runs list FOLDER` shows what there is")  # fmt: skip
    return found


def verify(artefact: Artefact) -> None:
    """Read an artefact through and compare it with its checksums; damage is a `UserError`."""
    path = artefact.path
    if artefact.kind == "run":
        Run.load(path)
        read_log(path)
    elif artefact.kind == "store":
        ClipStore.open(path).verify()
    elif artefact.kind == "features":
        FeatureSet.load(path)
    elif artefact.kind == "encoder":
        TrainedEncoder.load(path)
    else:
        read_results(path)


def keep_figures(folder: Path, figures: Figures) -> None:
    """Write what an evaluation of a run gave beside its card, to be shown without evaluating again."""
    write_json(folder / FIGURES, {"run": _stamp(folder), "metrics": figures.metrics, "chance": figures.chance})


def kept_figures(folder: Path) -> dict[str, dict[str, float]]:
    """Setting, then metric, of the kept evaluation; nothing where there is none of this very run."""
    if not (folder / FIGURES).is_file():
        return {}
    content = read_json(folder / FIGURES, what="kept evaluation", limit=LARGEST_CARD)
    try:
        if content["run"] != _stamp(folder):
            return {}
        return {str(s): {str(m): float(v) for m, v in found.items()} for s, found in content["metrics"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError("the kept evaluation is damaged", where=folder / FIGURES,
                        next_step="delete it and evaluate again") from error  # fmt: skip


def delete(folder: Path) -> Artefact:
    """Delete an artefact and nothing else.

    Raises
    ------
    UserError
        The folder is a link, is no artefact of ours, or holds files that this package does not write there.
    """
    found = deletable(folder)
    shutil.rmtree(folder)
    return found


def deletable(folder: Path) -> Artefact:
    """The artefact, if deleting its folder takes nothing else with it; otherwise a `UserError` that says what."""
    if folder.is_symlink():
        raise UserError("this is a link, not a folder", where=folder, next_step="name the folder itself")
    found = require(folder)
    patterns = BY_NAME[found.kind].files
    strangers = sorted(
        str(path) for path in _files(folder)
        if (folder / path).is_symlink() or not any(_fits(path, pattern) for pattern in patterns)
    )  # fmt: skip
    if strangers:
        more = f" and {len(strangers) - 5} more" if len(strangers) > 5 else ""
        raise UserError(f"other files lie in this {found.kind}", where=folder, got=", ".join(strangers[:5]) + more,
                        next_step="move them elsewhere first, or delete the folder by other means")  # fmt: skip
    return found


def _files(folder: Path) -> Iterator[PurePath]:
    """Everything in a folder that is no plain folder, relative to it; links are listed, not followed."""
    for place, folders, files in os.walk(folder, followlinks=False):
        here = Path(place)
        linked = [name for name in folders if (here / name).is_symlink()]
        yield from ((here / name).relative_to(folder) for name in (*files, *linked))


def _fits(path: PurePath, pattern: str) -> bool:
    wanted = PurePath(pattern).parts
    # A file that was being written when its program was killed is called `.NAME.xxxxxxxx`.
    name = re.fullmatch(r"\.(.+)\.[a-z0-9_]{8}", path.name)
    parts = (*path.parts[:-1], name[1] if name else path.name)
    return len(parts) == len(wanted) and all(fnmatch.fnmatchcase(a, b) for a, b in zip(parts, wanted, strict=True))


def _size(folder: Path) -> int:
    total = 0
    for path in _files(folder):
        try:
            total += (folder / path).lstat().st_size
        except OSError:  # gone in the meantime
            continue
    return total


def _stamp(folder: Path) -> str:
    return sha256_of(read_json(folder / CARD, what="run"))


def _card(folder: Path) -> tuple[dict[str, Any], str]:
    """The card, and what is wrong with it."""
    if not (folder / CARD).is_file():
        return {}, "" if not any((folder / name).exists() for name in ("frames.f32", "features.npy")) else "no card"
    try:
        value = read_json(folder / CARD, limit=LARGEST_CARD)
    except (UserError, OSError, RecursionError) as error:
        return {}, error.one_line() if isinstance(error, UserError) else f"the card cannot be read: {error}"
    return (value, "") if isinstance(value, dict) else ({}, "the card is no JSON object")


def _kind(folder: Path, card: dict[str, Any]) -> Kind | None:
    """By the card; a lost or broken card leaves the files, of which those that an artefact needs must be there."""
    if card:
        return next((kind for kind in KINDS if kind.keys and kind.keys <= set(card)), None)
    if _results(folder):
        return BY_NAME["comparison"]
    if (
        not (folder / CARD).is_file()
        and not (folder / "frames.f32").is_file()
        and not (folder / "features.npy").is_file()
    ):
        return None
    return next((kind for kind in KINDS if all((folder / name).is_file() for name in kind.needs)), None)


def _results(folder: Path) -> int:
    results = folder / "results"
    if results.is_symlink() or not results.is_dir():
        return 0
    return sum(RESULT.fullmatch(path.name) is not None for path in results.iterdir())


def _run_facts(folder: Path, card: dict[str, Any]) -> dict[str, Any]:
    read = RunCard.model_validate(card)
    if read.network and not (folder / "encoder" / "weights.safetensors").is_file():
        raise UserError("the encoder is missing")
    kept = kept_figures(folder)
    figures = {f"{s} {m}": kept[s][m] for s, m in MAIN if m in kept.get(s, {})}
    return {"method": read.method, "dataset": read.dataset, "split": read.split.name, "seed": read.seed,
            "figures": figures, "made": read.made}  # fmt: skip


def _features_facts(folder: Path, card: dict[str, Any]) -> dict[str, Any]:
    read = FeatureCard.model_validate({name: value for name, value in card.items() if name != "checksum"})
    return {"method": read.encoder.encoder, "dataset": _datasets(read.encoder.classes)}


def _encoder_facts(folder: Path, card: dict[str, Any]) -> dict[str, Any]:
    read = EncoderCard.model_validate(card)
    return {"method": read.encoder, "dataset": _datasets(read.classes), "seed": read.seed}


def _store_facts(folder: Path, card: dict[str, Any]) -> dict[str, Any]:
    read = read_store_card(folder)
    check_files(folder, read)
    return {"dataset": ", ".join(sorted(read.datasets))}


def _comparison_facts(folder: Path, card: dict[str, Any]) -> dict[str, Any]:
    if not (folder / COMPARISON).is_file():
        return {"split": f"unfinished: {_results(folder)} results"}
    content = read_json(folder / COMPARISON, what="comparison", limit=LARGEST_CARD)
    try:
        rows = content["results"]
        return {
            name: ", ".join(dict.fromkeys(str(row[name]) for row in rows)) for name in ("method", "dataset", "split")
        }
    except (KeyError, TypeError) as error:
        raise UserError("the comparison's summary is damaged", next_step="run the comparison again") from error


def _datasets(classes: tuple[str, ...]) -> str:
    return ", ".join(sorted({key.split(":")[0] for key in classes}))


_FACTS = {"run": _run_facts, "features": _features_facts, "encoder": _encoder_facts, "store": _store_facts,
          "comparison": _comparison_facts}  # fmt: skip
