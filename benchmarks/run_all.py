"""Every benchmark in turn, each against its reference in the same run; results as JSON and a short list."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
NAMES = (
    "ntu_parsing",
    "store_open",
    "importing",
    "attributes",
    "shift_gcn",
    "scale_scoring",
    "msf_training",
    "pgfa_training",
    "pgfa_evaluation",
    "ntu_conse",
    "recognize_time",
    "streaming",
    "server_load",
    "compare_grid",
    "scaling",
    "kills",
)


def main() -> int:
    """Run the benchmarks; the exit code is 1 when one of them fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("bench-results"), help="folder for the JSON files")
    parser.add_argument("--only", choices=NAMES, action="append", help="run only this one; may be repeated")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    failed, collected = [], {}
    for name in arguments.only or NAMES:
        file = arguments.out / f"{name}.json"
        print(f"== {name}", flush=True)
        done = subprocess.run([sys.executable, str(HERE / f"{name}.py"), "--json", str(file)], check=False)
        if done.returncode or not file.is_file():
            failed.append(name)
        else:
            collected[name] = json.loads(file.read_text(encoding="utf-8"))
    (arguments.out / "results.json").write_text(json.dumps(collected, indent=2) + "\n", encoding="utf-8")
    print(f"failed: {', '.join(failed)}" if failed else f"all in {arguments.out / 'results.json'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
