"""Which crew a user means: `local`, `dask`, `dask://HOST:PORT` or `dask:FILE`."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from skelzero.cards import read_json
from skelzero.errors import UserError, missing_extra, unknown_choice
from skelzero.grid.crew import Crew, cores
from skelzero.grid.local import LocalCrew

LOCAL, DASK = "local", "dask"
CLUSTERS = {
    "local": ("distributed", "LocalCluster"), "ssh": ("distributed", "SSHCluster"),
    "slurm": ("dask_jobqueue", "SLURMCluster"), "pbs": ("dask_jobqueue", "PBSCluster"),
    "sge": ("dask_jobqueue", "SGECluster"), "lsf": ("dask_jobqueue", "LSFCluster"),
    "kubernetes": ("dask_kubernetes.operator", "KubeCluster"),
}  # fmt: skip
"""Clusters that a file may name, and the packages that start them; nothing else is imported."""
FILE_BYTES = 1 << 20


class ClusterFile(BaseModel):
    """A cluster as a file describes it.

    Attributes
    ----------
    kind : str
        One of `CLUSTERS`.
    workers : int
        How many processes are asked for; an SSH cluster has as many as hosts.
    options : dict
        Arguments of the cluster's class, see its documentation.
    """

    model_config = ConfigDict(extra="forbid")

    kind: str
    workers: int = Field(default=0, ge=0)
    options: dict[str, Any] = Field(default_factory=dict)


@contextlib.contextmanager
def open_crew(backend: str = LOCAL, workers: int = 0) -> Iterator[Crew | None]:
    """The workers of a backend, as a context; None where the work is best done in this process.

    Parameters
    ----------
    backend : str
        `local`: processes of this machine. `dask`: the same by a Dask cluster of its own. `dask://HOST:PORT` (or
        `tcp://`, `tls://`): a Dask scheduler that runs already. `dask:FILE`: a scheduler's file (JSON, as `dask
        scheduler --scheduler-file` writes) or a description of a cluster to start (YAML, see `ClusterFile`).
    workers : int
        Processes on this machine; 0 for one a core.

    Raises
    ------
    UserError
        Unknown backend, a missing package, a cluster that cannot be reached, a malformed file.
    """
    if backend == LOCAL:
        size = workers or cores()
        with LocalCrew(size) if size > 1 else contextlib.nullcontext() as crew:
            yield crew
        return
    name, colon, rest = backend.partition(":")
    if name not in (DASK, "tcp", "tls") or (colon and not rest.strip("/")) or (name != DASK and not colon):
        raise UserError("unknown backend", got=backend, expected="local, dask, dask://HOST:PORT or dask:FILE")
    if importlib.util.find_spec("distributed") is None:
        raise missing_extra("distributed", "grid", f"--backend {backend}")
    from skelzero.grid.dask_crew import DaskCrew, connected, started

    if not colon:
        opened: contextlib.AbstractContextManager[Any] = started(
            "distributed", "LocalCluster", workers or cores(), _on_this_machine()
        )
    elif rest.startswith("//"):
        opened = connected(f"{'tcp' if name == DASK else name}:{rest}")
    else:
        opened = _by_file(Path(rest))
    with opened as client, DaskCrew(client) as crew:
        yield crew


def _on_this_machine() -> dict[str, Any]:
    # One job at a time in a process; no limit of memory below the machine's, at which workers would be killed.
    return {"threads_per_worker": 1, "memory_limit": 0, "dashboard_address": "127.0.0.1:0", "host": "127.0.0.1",
            "silence_logs": logging.CRITICAL}  # fmt: skip


def _by_file(path: Path) -> contextlib.AbstractContextManager[Any]:
    from skelzero.grid.dask_crew import connected, started

    if path.suffix == ".json":
        address = read_json(path, what="scheduler file", limit=FILE_BYTES)
        if not isinstance(address, dict) or not isinstance(address.get("address"), str):
            raise UserError("not a scheduler's file", where=path, expected="JSON with `address`",
                            next_step="let `dask scheduler --scheduler-file FILE` write it")  # fmt: skip
        return connected(address["address"])
    asked = read_cluster(path)
    module, name = CLUSTERS[asked.kind]
    package = module.split(".")[0]
    if importlib.util.find_spec(package) is None:
        raise UserError(f"a cluster of kind {asked.kind} needs a package that is not installed", where=path,
                        got=f"no {package}", next_step=f"pip install {package.replace('_', '-')}")  # fmt: skip
    here = _on_this_machine() if asked.kind == "local" else {}
    return started(module, name, asked.workers or (cores() if asked.kind == "local" else 0), {**here, **asked.options})


def read_cluster(path: Path) -> ClusterFile:
    """Read a description of a cluster; a malformed one is a `UserError`.

    For example, for SLURM: `{kind: slurm, workers: 16, options: {cores: 1, memory: 4GB, walltime: "2:00:00"}}`.
    """
    if not path.is_file():
        raise UserError("no file that describes a cluster", where=path, expected="YAML: kind, workers, options")
    if path.stat().st_size > FILE_BYTES:
        raise UserError("the description of a cluster is too large", where=path, got=f"{path.stat().st_size} bytes")
    try:
        asked = ClusterFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, UnicodeDecodeError, ValidationError) as error:
        raise UserError("not the description of a cluster", where=path, got=" ".join(str(error).split())[:200],
                        expected="YAML: kind, workers, options") from error  # fmt: skip
    if asked.kind not in CLUSTERS:
        raise unknown_choice("kind of cluster", asked.kind, CLUSTERS, where=path)
    return asked
