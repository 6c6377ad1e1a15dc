"""Exchanges whose answer nobody read and nobody closed, concluded when the answer is collected.

The garbage collector runs a finalizer wherever it likes, also in the middle of the SDK while the
same thread holds one of its locks, which are not re-entrant. There an exchange must not be told at
once: it waits until the next one begins, or until the instrumentation is closed. The same holds for
a coroutine that is dropped in the middle of an exchange.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from typing import Final

_LOCKING: Final = ("opentelemetry.", "prometheus_client.")
_HOOKS: Final = "opentelemetry.instrumentation."
"""Instrumentations stand on the stack of every call that they wrap; they hold no lock there."""

_waiting: deque[Callable[[], None]] = deque()


def tell(conclude: Callable[[], None]) -> None:
    """Call ``conclude`` now if that is safe here, else at the next `tell_waiting`."""
    _waiting.append(conclude)
    if not _in_telemetry():
        tell_waiting()


def tell_waiting() -> None:
    """Conclude what had to wait."""
    while _waiting:
        try:
            conclude = _waiting.popleft()
        except IndexError:  # another thread was quicker
            return
        conclude()


def after_fork() -> None:
    """Forget in the child what waits: the parent tells it."""
    _waiting.clear()


def _in_telemetry() -> bool:
    frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if isinstance(name, str) and name.startswith(_LOCKING) and not name.startswith(_HOOKS):
            return True
        frame = frame.f_back
    return False
