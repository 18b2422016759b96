"""Importing a folder of NTU `.skeleton` files with two worker processes against one: files per second, equal bytes.

The files are names of their own for the real recordings when they are there and of files written by
`ntu_parsing` otherwise. Reading takes a core a worker, so on a machine whose cores are busy two workers gain nothing;
the load before the runs is reported with the figures.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ntu_parsing import recordings, unpack, write_examples
from pairs import arguments, compare, put
from skelzero.readers.importing import import_clips

FILES = 6_000
"""So many that starting a worker, about a second, is small beside reading."""


def make_source(folder: Path) -> str:
    """Fill a folder with `FILES` files, names of a few on the disk; says where they are from."""
    archive = recordings()
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        if archive is not None:
            unpack(archive, Path(name))
        else:
            write_examples(Path(name))
        originals = sorted(Path(name).rglob("*.skeleton"))
        for i in range(FILES):
            # The first field is the setup number: copies of one recording differ in it, as files of one class do.
            original = originals[i % len(originals)]
            os.link(original, folder / f"S{i // len(originals) + 1:03d}{original.name[4:]}")
    return "recordings, under many names" if archive is not None else "written by the benchmark, under many names"


def digests(store: Path) -> dict[str, str]:
    files = sorted(path for path in store.rglob("*") if path.is_file())
    return {path.relative_to(store).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def main(argv: Sequence[str] | None = None) -> None:
    options = arguments(__doc__ or "", argv)
    with tempfile.TemporaryDirectory() as name:
        source, out = Path(name) / "source", Path(name) / "store"
        source.mkdir()
        origin = make_source(source)
        files = len(list(source.iterdir()))
        megabytes = sum(path.stat().st_size for path in source.iterdir()) / 1e6

        def run(workers: int) -> None:
            import_clips(source, out, workers=workers, overwrite=True)

        run(1)
        one = digests(out)
        run(2)
        assert digests(out) == one, "the store depends on the number of workers"
        load = os.getloadavg()[0]
        times = compare(lambda: run(1), lambda: run(2), options.pairs, warm_up=0)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    figures: dict[str, object] = {
        "source": origin,
        "files": files,
        "megabytes": megabytes,
        "stores": "equal, byte for byte",
        "measured_on": f"{cores} cores, load {load:.1f} before the runs",
        **{name.replace("reference", "one_worker").replace("ours", "two_workers"): v for name, v in times.items()},
        "one_worker_files_per_second": files / times["reference_median"],
        "two_workers_files_per_second": files / times["ours_median"],
        "two_workers_megabytes_per_second": megabytes / times["ours_median"],
    }
    put("importing, two workers against one", figures, options.json)


if __name__ == "__main__":
    main()
