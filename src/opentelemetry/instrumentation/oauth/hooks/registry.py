"""Which libraries are hooked, and how they are patched and restored."""

from __future__ import annotations

import logging
import sys
import weakref
from collections.abc import Callable, Iterable
from importlib import import_module
from types import ModuleType
from typing import Any, Final, NamedTuple

import wrapt

from opentelemetry.instrumentation.oauth.guard import report
from opentelemetry.instrumentation.oauth.telemetry.handler import OAuthTelemetry

_logger = logging.getLogger(__name__)


class Library(NamedTuple):
    """One module to patch when the program imports it."""

    name: str
    """The library, whose ``__version__`` counts."""
    trigger: str
    """The module in which the hook points are."""
    hooks: str
    """Our module for it, with a function ``points(module)``; below this package."""
    oldest: tuple[int, int]
    """The lowest version that the tests run with."""


LIBRARIES: Final = (
    Library("requests", "requests.sessions", "transports.requests", (2, 25)),
    Library("httpx", "httpx", "transports.httpx", (0, 20)),
    Library("httpx2", "httpx2", "transports.httpx", (2, 0)),
    Library("authlib", "authlib.oauth2.client", "clients.authlib", (1, 3)),
    Library("authlib", "authlib.oauth2.rfc7521.client", "clients.authlib", (1, 3)),
    Library(
        "authlib", "authlib.integrations.httpx_client.oauth2_client", "clients.authlib", (1, 3)
    ),
    Library("authlib", "authlib.integrations.flask_client.apps", "clients.authlib_flask", (1, 3)),
)


_BY_TRIGGER: Final = {library.trigger: library for library in LIBRARIES}


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
            points = list(_points(library, module))
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


def _points(library: Library, module: ModuleType) -> Iterable[Point]:
    hooks = import_module(f"{__package__}.{library.hooks}")
    return hooks.points(module)


registry: Final = Registry()
"""The one registry of the process: a class can be patched but once."""
