"""What is watched?"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from opentelemetry.instrumentation.oauth.doctor.report import Finding, join
from opentelemetry.instrumentation.oauth.doctor.situation import Situation, version_of
from opentelemetry.instrumentation.oauth.hooks.patch import Patch
from opentelemetry.instrumentation.oauth.hooks.registry import LIBRARIES, registry


def libraries(situation: Situation) -> Iterable[Finding]:
    """Which libraries are hooked, in which version, and which are not and why."""
    if registry.telemetry is None:
        return
    owners = {id(patch.owner) for patch in registry.patches}
    absent: list[str] = []
    for name in dict.fromkeys(library.name for library in LIBRARIES):
        imported = [
            module
            for library in LIBRARIES
            if library.name == name and (module := sys.modules.get(library.trigger)) is not None
        ]
        number = version_of(name)
        told = name if number is None else f"{name} {number}"
        if name in registry.skipped:
            yield Finding(
                "problem",
                f"{name} is not hooked: {registry.skipped[name]}",
                f"pip install --upgrade {name}",
            )
        elif imported and all(_holds(module, owners) for module in imported):
            yield Finding("ok", f"{told} is hooked")
        elif imported:
            yield Finding(
                "problem",
                f"{told} is imported and not hooked",
                "do not reload it, nor take it out of sys.modules: it is hooked once",
            )
        elif number is None:
            absent.append(name)
        elif situation.started:
            yield Finding(
                "warning",
                f"{told} is installed and cannot be imported",
                f"python -c 'import {name}' tells why",
            )
        else:
            yield Finding("ok", f"{told} is hooked when the program imports it")
    if absent:
        yield Finding("ok", f"not installed, so not hooked: {', '.join(absent)}")


def _holds(module: ModuleType, owners: set[int]) -> bool:
    """Whether a class that is patched stands in a module."""
    return any(id(value) in owners for value in vars(module).values())


def order(situation: Situation) -> Iterable[Finding]:
    """Whether another instrumentation stands outside ours."""
    del situation
    outside: dict[str, list[str]] = {}
    for patch in registry.patches:
        if not patch.is_outermost:
            method = f"{patch.owner.__module__}.{patch.owner.__name__}.{patch.name}"
            outside.setdefault(_wrapped_by(patch), []).append(method)
    for module, methods in outside.items():
        foreign = module.startswith("opentelemetry.instrumentation.")
        yield Finding(
            "problem" if foreign else "warning",
            f"{module} has wrapped {join(methods)} after us: its span is the parent of ours, and"
            " may hold a URL with a secret in it",
            "call OAuthInstrumentor().instrument() after it, or use opentelemetry-instrument",
        )
    if registry.patches and not outside:
        yield Finding("ok", "no other instrumentation is outside ours")


def _wrapped_by(patch: Patch) -> str:
    """Name the module whose function stands where ours stood."""
    wrapper: Any = vars(patch.owner).get(patch.name)
    wrapper = getattr(wrapper, "_self_wrapper", wrapper)  # a wrapt proxy tells of what it wraps
    wrapper = getattr(wrapper, "__func__", wrapper)
    # Not `__module__`, which functools.wraps copies.
    module = getattr(wrapper, "__globals__", {}).get("__name__")
    return module if isinstance(module, str) else type(wrapper).__module__
