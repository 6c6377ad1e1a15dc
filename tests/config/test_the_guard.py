"""The guard: what goes wrong inside is told once per place, by class and place, never by its text."""

import logging

import pytest

from opentelemetry.instrumentation.oauth import guard

pytestmark = pytest.mark.internal_errors


def fail(text: str = "Cnry: quotes a body") -> Exception:
    try:
        raise ValueError(text)
    except ValueError as problem:
        return problem


def test_an_internal_error_is_one_line_that_quotes_nothing(our_log: list[str]) -> None:
    for _ in range(3):
        guard.report("testing", fail())
    (line,) = our_log
    assert line.startswith(
        "opentelemetry-instrumentation-oauth failed while testing (ValueError at "
    )
    assert ":fail:" in line


def test_each_place_has_its_own_and_there_is_an_end_of_them(our_log: list[str]) -> None:
    for number in range(200):
        guard.report(f"testing {number}", fail())
    assert len(our_log) == 100


def test_an_exception_that_was_never_raised_has_no_place(our_log: list[str]) -> None:
    guard.report("testing", ValueError("Cnry"))
    assert "(ValueError at unknown place)" in our_log[0]


def test_a_guarded_hook_looks_like_itself_and_raises_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def hook(*args: int) -> None:
        """Say."""
        seen.append(args)
        raise KeyError("Cnry")

    seen: list[tuple[int, ...]] = []
    hook.mark = True  # type: ignore[attr-defined]
    call = guard.guarded(hook, "calling a hook")
    with caplog.at_level(logging.WARNING):
        call(1, 2)
        call(3)
    assert seen == [(1, 2), (3,)]
    assert (call.__name__, call.__doc__) == ("hook", "Say.")
    assert len(caplog.records) == 1
    assert caplog.records[0].exc_info is None
