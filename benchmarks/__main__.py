"""Print the table. Always ends with 0: what is over its bar is told, not failed.

``BENCH_EXCHANGES`` (1,000,000) sizes the memory rows, ``BENCH_ROUNDS`` (200) the others;
``BENCH_QUICK=1`` makes them 50,000 and 40.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import chain

from benchmarks import calls, memory, startup
from benchmarks.table import HEAD, Row, line


def main() -> None:
    """Measure, and print each row as soon as it is known."""
    quick = os.environ.get("BENCH_QUICK", "") not in ("", "0")
    rounds = int(os.environ.get("BENCH_ROUNDS", "40" if quick else "200"))
    exchanges = int(os.environ.get("BENCH_EXCHANGES", "50000" if quick else "1000000"))
    groups: Iterable[Row] = chain(
        calls.rows(rounds),
        startup.rows(max(3, rounds // 20)),
        memory.rows(exchanges),
    )
    print(HEAD)
    for row in groups:
        print(line(row), flush=True)
    print("\ntheirs: opentelemetry-instrumentation-requests and -httpx, on the same call.")


if __name__ == "__main__":
    main()
