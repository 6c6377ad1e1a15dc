"""One method of another library: how it is wrapped, and restored."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

from opentelemetry.instrumentation.oauth.telemetry.handler import OAuthTelemetry


class Patch:
    """One method that is wrapped. Its ``telemetry`` is None once it is off."""

    __slots__ = ("__weakref__", "_had_own", "name", "original", "owner", "telemetry", "wrapper")

    def __init__(self, owner: type, point: Point, telemetry: OAuthTelemetry) -> None:
        self.owner = owner
        self.name = point.name
        self._had_own = point.name in vars(owner)
        self.original = _without_dead(getattr(owner, point.name))
        self.telemetry: OAuthTelemetry | None = telemetry
        self.wrapper = point.make(self.original, self)
        setattr(owner, point.name, self.wrapper)
        _made.add(self)

    @property
    def is_outermost(self) -> bool:
        """Whether nobody has wrapped the method after us."""
        return vars(self.owner).get(self.name) is self.wrapper

    def turn_off(self) -> None:
        """Restore the very object if nobody has wrapped ours; else let ours pass through."""
        self.telemetry = None
        if not self.is_outermost:
            return
        if self._had_own:
            setattr(self.owner, self.name, self.original)
        else:
            delattr(self.owner, self.name)


_made: weakref.WeakSet[Patch] = weakref.WeakSet()
"""Every patch whose wrapper still stands somewhere."""


def _without_dead(method: Callable[..., Any]) -> Callable[..., Any]:
    """Look through wrappers of ours that are off and that another instrumentation has laid bare."""
    while True:
        # By identity: a wrapt proxy of our wrapper, which is another's, is equal to it.
        patch = next((each for each in _made if each.wrapper is method), None)
        if patch is None or patch.telemetry is not None:
            return method
        method = patch.original


class Point(NamedTuple):
    """A method to wrap: ``make(original, patch)`` gives the wrapper."""

    owner: type
    name: str
    make: Callable[[Any, Patch], Callable[..., Any]]
