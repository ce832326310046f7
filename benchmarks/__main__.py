"""Run every benchmark and write ``runs/bench.json``: ``python benchmarks [name …]``.

A benchmark is a module beside this one whose ``entries()`` yields ``(name, result)`` with
``result = {"ratio": …, "ours": …, "theirs": …, "unit": …}``; a ratio above 1 means ours is better. ``milliseconds``, if it
is there, says what of ours costs how much.
"""

import importlib
import sys
from pathlib import Path

from astroclip_book.data.files import read_json, write_json
from bookmaking.presets import ROOT

HERE = Path(__file__).parent


def main(wanted: list[str]) -> None:
    """Run the benchmarks of the modules named, or of all, and merge what they measure into the file."""
    report = ROOT / "runs" / "bench.json"
    report.parent.mkdir(exist_ok=True)
    modules = sorted(path.stem for path in HERE.glob("[!_]*.py"))
    for module in wanted or modules:
        for name, result in importlib.import_module(module).entries():
            sides = f"{result['ours']:.4g} against {result['theirs']:.4g} {result['unit']}"
            print(f"{name:28} {result['ratio']:6.2f}x  ({sides})")
            for part, cost in result.get("milliseconds", {}).items():
                print(f"    {part:24} {cost:6.2f} ms")
            write_json(report, {**read_json(report), name: result})
    print(report)


if __name__ == "__main__":
    main(sys.argv[1:])
