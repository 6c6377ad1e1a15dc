"""`diagnose`: why nothing arrives, or that all is well.

1. A check is a function of the `Situation` that yields `Finding`s; `CHECKS` is the table of them.
   What is not in order carries one line of advice.
2. One cause is told once: a check is silent where one above it has said why.
3. ``opentelemetry-oauth doctor`` sees what a program would see under ``opentelemetry-instrument``:
   it does in its own process what that does, and imports the libraries (`situation.start`). In a
   running program `diagnose` looks, and starts nothing.
4. No value of the environment is shown but names of exporters and protocols, host and port, and
   what `OAuthConfig` itself tells of its own variables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from opentelemetry.instrumentation.oauth.doctor.environment import environment, prefork
from opentelemetry.instrumentation.oauth.doctor.libraries import libraries, order
from opentelemetry.instrumentation.oauth.doctor.listeners import instrumentation, provider
from opentelemetry.instrumentation.oauth.doctor.ports import collector, other_ports, prometheus
from opentelemetry.instrumentation.oauth.doctor.report import Finding, Report
from opentelemetry.instrumentation.oauth.doctor.signals import exporters
from opentelemetry.instrumentation.oauth.doctor.situation import Situation

__all__ = ["Finding", "Report", "diagnose"]

CHECKS: Final[tuple[Callable[[Situation], Iterable[Finding]], ...]] = (
    provider,
    instrumentation,
    exporters,
    collector,
    prometheus,
    other_ports,
    libraries,
    order,
    environment,
    prefork,
)
"""Every check, in the order in which a person would ask."""


def diagnose() -> Report:
    """Look at the program that calls this; starts, patches and imports nothing.

    Example:
        >>> report = diagnose()
        >>> report.findings[0].level in ("ok", "warning", "problem")
        True
    """
    return examine(Situation())


def examine(situation: Situation) -> Report:
    """Run every check; one that fails is a finding too."""
    findings: list[Finding] = []
    for check in CHECKS:
        try:
            findings.extend(check(situation))
        except Exception as problem:  # noqa: BLE001 - a doctor that dies helps nobody
            name = check.__name__.replace("_", " ")
            findings.append(
                Finding(
                    "warning",
                    f"the check '{name}' failed ({type(problem).__name__})",
                    "report it with the versions of your opentelemetry packages",
                )
            )
    return Report(tuple(findings))
