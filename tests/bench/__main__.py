"""Prints the figures that README and docs/benchmarks.md quote: `make bench`. Ratios are within one run."""

import asyncio
import platform
import sys
from pathlib import Path

from tests.bench.handle import measure_handle
from tests.bench.serve import measure_serve

REPORT = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

Printed by `make bench` on {machine}. Times depend on the machine; ratios are taken within one run.

| figure | measured | goal |
|---|---|---|
"""


def main() -> None:
    """Measures everything, prints it as it comes, and writes docs/benchmarks.md."""
    rows = []
    for row in (*asyncio.run(measure_handle()), *measure_serve()):
        print(f"{row.figure:<78} {row.measured:>22}   goal {row.goal}", flush=True)
        rows.append(f"| {row.figure} | {row.measured} | {row.goal} |")
    machine = f"Python {platform.python_version()}, {platform.machine()}, 2 shared cores"
    REPORT.write_text(HEAD.format(machine=machine) + "\n".join(rows) + "\n", encoding="utf-8")
    print(f"written to {REPORT.name}", file=sys.stderr)


main()
