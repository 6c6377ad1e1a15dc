"""Which libraries are hooked, and how they are patched and restored."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Final, NamedTuple

import wrapt

from opentelemetry.instrumentation.oauth.guard import report
from opentelemetry.instrumentation.oauth.hooks.clients import authlib, authlib_flask
from opentelemetry.instrumentation.oauth.hooks.patch import Patch, Point
from opentelemetry.instrumentation.oauth.hooks.transports import httpx, requests
from opentelemetry.instrumentation.oauth.telemetry.handler import OAuthTelemetry

_logger = logging.getLogger(__name__)


class Library(NamedTuple):
    """One module to patch when the program imports it."""

    name: str
    """The library, whose ``__version__`` counts."""
    trigger: str
    """The module in which the hook points are."""
    points: Callable[[ModuleType], Iterable[Point]]
    """Names the methods to wrap in that module."""
    oldest: tuple[int, int]
    """The lowest version that the tests run with."""


LIBRARIES: Final = (
    Library("requests", "requests.sessions", requests.points, (2, 25)),
    Library("httpx", "httpx", httpx.points, (0, 20)),
    Library("httpx2", "httpx2", httpx.points, (2, 0)),
    Library("authlib", "authlib.oauth2.client", authlib.points, (1, 3)),
    Library("authlib", "authlib.oauth2.rfc7521.client", authlib.points, (1, 3)),
    Library("authlib", "authlib.integrations.httpx_client.oauth2_client", authlib.points, (1, 3)),
    Library("authlib", "authlib.integrations.flask_client.apps", authlib_flask.points, (1, 3)),
)


_BY_TRIGGER: Final = {library.trigger: library for library in LIBRARIES}


class Registry:
    """Patches the libraries of the table, those imported already and those imported later."""

    def __init__(self) -> None:
        self._telemetry: OAuthTelemetry | None = None
        self._patches: dict[tuple[type, str], tuple[Patch, Point]] = {}
        self._waiting: set[str] = set()
        self.skipped: dict[str, str] = {}
        """Why a library is not hooked, by its name. For ``doctor``."""

    @property
    def telemetry(self) -> OAuthTelemetry | None:
        """What the hooks tell to; None while they are off."""
        return self._telemetry

    @property
    def patches(self) -> list[Patch]:
        """The wrapped methods. For ``doctor``."""
        return [patch for patch, _ in self._patches.values()]

    def turn_on(self, telemetry: OAuthTelemetry) -> None:
        """Patch what is imported, and whatever of the table is imported from now on."""
        self._telemetry = telemetry
        for library in LIBRARIES:
            if library.trigger in self._waiting:
                module = sys.modules.get(library.trigger)
                if module is not None:
                    self._patch(library, module)
            else:
                # A post-import hook fires once and cannot be taken back: it asks whether we are on.
                self._waiting.add(library.trigger)
                wrapt.register_post_import_hook(self._imported(library), library.trigger)

    def turn_off(self) -> None:
        """Restore every method that is ours to restore, and let the rest pass through."""
        self._telemetry = None
        for patch, _ in self._patches.values():
            patch.turn_off()
        self._patches.clear()

    def make_outermost(self) -> None:
        """Wrap anew what another instrumentation has wrapped after us: our span is the parent."""
        telemetry = self._telemetry
        if telemetry is None:
            return
        for key, (patch, point) in list(self._patches.items()):
            if not patch.is_outermost:
                patch.turn_off()
                self._patches[key] = (Patch(patch.owner, point, telemetry), point)

    def _imported(self, library: Library) -> Callable[[ModuleType], None]:
        def hook(module: ModuleType) -> None:
            try:
                self._patch(library, module)
            except Exception as problem:  # noqa: BLE001 - it would break the program's import
                report(f"patching {library.trigger}", problem)

        return hook

    def _patch(self, library: Library, module: ModuleType) -> None:
        telemetry = self._telemetry
        if telemetry is None:
            return
        # `sys.modules["httpx2"] = httpx`: the version that counts is httpx's.
        library = _BY_TRIGGER.get(getattr(module, "__name__", ""), library)
        version = version_of(library.name)
        if version is not None and _release(version) < library.oldest:
            oldest = ".".join(map(str, library.oldest))
            self._skip(library, f"version {version} is older than {oldest}, the oldest supported")
            return
        try:
            points = list(library.points(module))
        except AttributeError as problem:
            self._skip(library, f"version {version} has no {problem.name}, which the hook needs")
            return
        for point in points:
            key = (point.owner, point.name)
            # By identity: httpx and httpx2 may be one module.
            if key not in self._patches:
                self._patches[key] = (Patch(point.owner, point, telemetry), point)

    def _skip(self, library: Library, why: str) -> None:
        if library.name not in self.skipped:
            _logger.warning("%s is not instrumented: %s.", library.name, why)
        self.skipped[library.name] = why


def version_of(library: str) -> str | None:
    """Give the version of a library that the program has imported; None where it does not say."""
    version = getattr(sys.modules.get(library), "__version__", None)
    return version if isinstance(version, str) else None


def _release(version: str) -> tuple[int, int]:
    numbers = [int(part) for part in version.split(".")[:2] if part.isdigit()]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else (sys.maxsize, 0)


registry: Final = Registry()
"""The one registry of the process: a class can be patched but once."""
