"""What the checks find, and how it is told."""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from opentelemetry.instrumentation.oauth.version import __version__

Level = Literal["ok", "warning", "problem"]


class Finding(NamedTuple):
    """One thing that was looked at, and what to do where it is not in order."""

    level: Level
    what: str
    advice: str = ""


@dataclass(frozen=True)
class Report:
    """All findings. ``str()`` of it is what a person reads."""

    findings: tuple[Finding, ...]

    @property
    def exit_code(self) -> int:
        """0, or 1 where there is a problem; a warning is none."""
        return int(bool(self._count("problem")))

    def _count(self, level: Level) -> int:
        return sum(finding.level == level for finding in self.findings)

    def __str__(self) -> str:
        return self.text()

    def text(self, *, colour: bool = False) -> str:
        """Give a line for each finding and one of advice for each that is not ok."""
        lines = [f"opentelemetry-oauth {__version__}, Python {platform.python_version()}", ""]
        for level, what, advice in self.findings:
            word = f"{level:<7}"
            lines.append(f"{_COLOURS[level]}{word}\x1b[0m  {what}" if colour else f"{word}  {what}")
            if advice:
                lines.append(f"{'':<7}  -> {advice}")
        counts = (
            _plural(self._count("problem"), "problem"),
            _plural(self._count("warning"), "warning"),
        )
        return "\n".join([*lines, "", ", ".join(counts)])

    def json(self) -> str:
        """Give the same for a program to read."""
        told = {
            "version": __version__,
            "python": platform.python_version(),
            "problems": self._count("problem"),
            "warnings": self._count("warning"),
            "findings": [finding._asdict() for finding in self.findings],
        }
        return json.dumps(told, indent=2)


_COLOURS: Final = {"ok": "\x1b[32m", "warning": "\x1b[33m", "problem": "\x1b[1;31m"}


def join(words: list[str]) -> str:
    """Give ``one, two and three``."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
