"""Never hurt the program: what goes wrong inside is logged once per place, and forgotten.

A log line of ours names the exception's class and the place, never its text, which may quote a URL,
a body or a header.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from types import TracebackType
from typing import Final, ParamSpec

_logger = logging.getLogger("opentelemetry.instrumentation.oauth")

P = ParamSpec("P")

_MAX_PLACES: Final = 100
_reported: set[tuple[str, str]] = set()


def report(doing: str, problem: Exception) -> None:
    """Log an internal error once per place; never raises, never quotes the error."""
    place = _place(problem.__traceback__)
    if (doing, place) in _reported or len(_reported) >= _MAX_PLACES:
        return
    _reported.add((doing, place))
    _logger.warning(
        "opentelemetry-instrumentation-oauth failed while %s (%s at %s). The program goes on; what"
        " was to be told is lost. This is logged once.",
        doing,
        type(problem).__name__,
        place,
    )


def guarded(hook: Callable[P, None], doing: str) -> Callable[P, None]:
    """Wrap a user's hook once, so that nothing it raises reaches the program that is watched."""

    @functools.wraps(hook, updated=())
    def call(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            hook(*args, **kwargs)
        except Exception as problem:  # noqa: BLE001 - that is what a guard is for
            report(doing, problem)

    return call


def _place(traceback: TracebackType | None) -> str:
    if traceback is None:
        return "unknown place"
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    code = traceback.tb_frame.f_code
    module = traceback.tb_frame.f_globals.get("__name__", "?")
    return f"{module}:{code.co_name}:{traceback.tb_lineno}"
