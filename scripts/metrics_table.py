"""Writes the README's tables of metrics from ``semconv.METRICS``; ``--check`` only compares."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from opentelemetry.instrumentation.oauth.semconv import METRICS, Metric

README = Path(__file__).resolve().parents[1] / "README.md"
START, END = "<!-- metrics:start -->", "<!-- metrics:end -->"
HEAD = """\
| Metric, and its name in Prometheus | Kind, unit | Attributes (`?`: may be absent) | Meaning |
|---|---|---|---|
"""


def table(metrics: Iterable[Metric]) -> str:
    """Give the two tables: what is emitted, and which names are only reserved."""
    now = "".join(map(_row, (metric for metric in metrics if metric.emitted == "now")))
    later = "".join(
        f"- `{metric.name}` ({metric.kind.replace('_', ' ')}, `{metric.unit}`):"
        f" {metric.description}\n"
        for metric in metrics
        if metric.emitted == "later"
    )
    reserved = f"\nReserved for later versions, and not emitted yet:\n\n{later}" if later else ""
    return f"{START}\n<!-- made by `make docs` from semconv.py -->\n\n{HEAD}{now}{reserved}\n{END}"


def _row(metric: Metric) -> str:
    attributes = ", ".join(
        f"`{name.rstrip('?')}`" + "?" * name.endswith("?") for name in metric.attributes
    )
    return (
        f"| `{metric.name}`<br>`{metric.prometheus_name}`"
        f" | {metric.kind.replace('_', ' ')}, `{metric.unit}`"
        f" | {attributes or 'none'} | {metric.description} |\n"
    )


def main(arguments: list[str]) -> int:
    """Write or compare; give the exit code."""
    text = README.read_text(encoding="utf-8")
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        print(f"README.md has no {START} … {END}", file=sys.stderr)
        return 1
    fresh = before + table(METRICS) + after
    if fresh == text:
        return 0
    if "--check" in arguments:
        print("README.md's table of metrics is out of date: run `make docs`", file=sys.stderr)
        return 1
    README.write_text(fresh, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
