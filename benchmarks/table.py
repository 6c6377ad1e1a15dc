"""One table, as a person reads it."""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """One thing measured; judged by ``bar`` (ours over theirs), by ``most`` (ours), or by none."""

    what: str
    ours: float
    theirs: float | None = None
    unit: str = "µs"
    bar: float | None = None
    most: float | None = None

    @property
    def ratio(self) -> float | None:
        """Ours over theirs."""
        return self.ours / self.theirs if self.theirs else None

    @property
    def verdict(self) -> str:
        """``ok``, ``OVER``, or nothing where nothing judges."""
        if self.most is not None:
            return "ok" if self.ours <= self.most else "OVER"
        if self.bar is None or self.ratio is None:
            return ""
        return "ok" if self.ratio <= self.bar else "OVER"


HEAD = f"{'what':<62} {'ours':>12} {'theirs':>12} {'ratio':>8} {'bar':>9}"


def line(row: Row) -> str:
    """Lay out one row."""

    def told(value: float | None) -> str:
        return "" if value is None else f"{value:,.2f} {row.unit}".strip()

    ratio = "" if row.ratio is None else f"{row.ratio:.4f}"
    bar = f"{row.most:g} {row.unit}".strip() if row.most is not None else ""
    if row.bar is not None:
        bar = f"{row.bar:.3g}"
    return (
        f"{row.what:<62} {told(row.ours):>12} {told(row.theirs):>12} {ratio:>8} {bar:>9}"
        f" {row.verdict}"
    ).rstrip()
