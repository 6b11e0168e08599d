"""Prints the figures that README and docs/benchmarks.md quote: `make bench`. Ratios are within one run."""

import asyncio

from tests.bench.handle import measure_handle, measure_sealing
from tests.bench.report import MACHINE, write_section
from tests.bench.row import table_of
from tests.bench.serve import measure_serve
from tests.bench.several import measure_several


def main() -> None:
    """Measures everything, prints it as it comes, and writes its section of docs/benchmarks.md."""
    rows = []
    bot = (*asyncio.run(measure_handle()), asyncio.run(measure_sealing()), *measure_serve(), *measure_several())
    for row in bot:
        print(f"{row.figure:<78} {row.measured:>22}   goal {row.goal}", flush=True)
        rows.append(row)
    write_section("The bot", f"Printed by `make bench` on {MACHINE}.\n\n{table_of(rows)}")


main()
