"""Where the time of one token exchange goes, part by part, and what of it is the SDK's own.

The SDK's own is measured by telling the same by hand: one span with its attributes, the same points
in the same instruments, the same event, and nothing else. It is the floor under what is told.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from itertools import islice
from time import perf_counter
from typing import Any, NamedTuple

from opentelemetry.instrumentation.oauth import OAuthTelemetry
from opentelemetry.instrumentation.oauth.protocol.request import may_be_oauth, recognise
from opentelemetry.instrumentation.oauth.protocol.response import conclude
from opentelemetry.instrumentation.oauth.telemetry import events, recording
from opentelemetry.instrumentation.oauth.telemetry.exchange import Exchange
from opentelemetry.trace import SpanKind, Status, set_span_in_context

from benchmarks import canned
from benchmarks.calls import EXCHANGES
from benchmarks.canned import Call
from benchmarks.sdk import providers


class Part(NamedTuple):
    """A part of an exchange and how long (µs) it takes."""

    name: str
    time: float


class _Told:
    """Stands before an instrument, a tracer or a logger and keeps what it is told."""

    def __init__(self, inner: Any, names: tuple[str, ...]) -> None:
        self._inner = inner
        self.calls: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []
        for name in names:
            setattr(self, name, self._keeper(getattr(inner, name)))

    def _keeper(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def keep(*args: Any) -> None:
            self.calls.append((method, args))
            method(*args)

        return keep


def _least(source: Callable[[], Any], run: Callable[[Any], Any], rounds: int = 40) -> float:
    """Give µs of ``run``, which gets a fresh value of ``source`` each time."""
    least = float("inf")
    for _ in range(rounds):
        values = [source() for _ in range(50)]
        gc.collect(0)
        started = perf_counter()
        for value in values:
            run(value)
        least = min(least, (perf_counter() - started) / len(values))
    return least * 1e6


def parts(calls: Callable[[], Iterator[Call]]) -> list[Part]:
    """Measure the parts of one kind of exchange."""
    telemetry = OAuthTelemetry(**providers())
    stream = map(canned.prepared, calls())
    words = telemetry.directory.words

    def ask(request: Any) -> Any:
        return recognise(request.method, request.url, request.headers, request.body, {})

    def exchange() -> tuple[Exchange, Any]:
        native = next(stream)
        return Exchange(telemetry, ask(native), native), native

    def answer(pair: tuple[Exchange, Any]) -> Any:
        call = pair[1].call
        return conclude(pair[0].request, call.status, pair[1].answer_headers, call.answer)

    def concluded() -> tuple[Exchange, Any]:
        pair = exchange()
        pair[1].answer_headers = canned.CaseInsensitiveDict(pair[1].call.answer_headers)
        return pair[0], answer(pair)

    def with_headers() -> tuple[Exchange, Any]:
        pair = exchange()
        pair[1].answer_headers = canned.CaseInsensitiveDict(pair[1].call.answer_headers)
        return pair

    def enter_and_leave(pair: tuple[Exchange, Any]) -> None:
        pair[0].enter()
        pair[0].leave()

    for request in islice(stream, 50):
        ask(request)
    told = _told_of(telemetry, concluded())
    found = [
        Part(
            "look (may_be_oauth)",
            _least(
                lambda: next(stream), lambda r: may_be_oauth(r.method, r.url, "", r.body, words)
            ),
        ),
        Part("recognise", _least(lambda: next(stream), ask)),
        Part(
            "begin: ledger, attributes, span",
            _least(
                lambda: ask(next(stream)), lambda request: telemetry.begin(request) and None
            ),
        ),
        Part("enter and leave", _least(exchange, enter_and_leave)),
        Part("conclude", _least(with_headers, answer)),
        Part(
            "record: ledger, attributes, points, event",
            _least(concluded, lambda pair: recording.record_exchange(telemetry, *pair, 0.01)),
        ),
        Part("  of it settling the ledger", _least(concluded, lambda p: recording.settle_ledger(*p))),
        Part("end of the span", _least(concluded, lambda pair: pair[0].span.end())),
    ]
    whole = sum(part.time for part in found if not part.name.startswith("  "))
    return [*found, Part("whole", whole), *told]


def _told_of(telemetry: OAuthTelemetry, pair: tuple[Exchange, Any]) -> list[Part]:
    """Tell the same by hand."""
    exchange, conclusion = pair
    recording.record_exchange(telemetry, exchange, conclusion, 0.01)  # makes the instruments
    made, points = telemetry.instruments._made, []
    for name, instrument in list(made.items()):
        method = "add" if hasattr(instrument, "add") else "record"
        made[name] = _Told(instrument, (method,))
    fresh = Exchange(telemetry, exchange.request, None)
    recording.record_exchange(telemetry, fresh, conclusion, 0.01)
    for name, kept in list(made.items()):
        points += kept.calls if isinstance(kept, _Told) else []
        made[name] = getattr(kept, "_inner", kept)
    span = fresh.span
    attributes = dict(span.attributes)
    context = set_span_in_context(span)
    failed = not span.status.is_ok and span.status.description is not None

    def one_span(_: object) -> None:
        mine = telemetry.tracer.start_span(
            span.name,
            kind=SpanKind.CLIENT,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        )
        if failed:
            mine.set_status(Status(span.status.status_code, span.status.description))
        mine.end()

    def all_points(_: object) -> None:
        for method, args in points:
            method(*args)

    by_hand = [
        Part("SDK alone: the span", _least(lambda: None, one_span)),
        Part(f"SDK alone: {len(points)} points", _least(lambda: None, all_points)),
    ]
    if failed:
        logger = telemetry.logger
        by_hand.append(
            Part(
                "SDK alone: the event",
                _least(
                    lambda: None, lambda _: events.emit(logger, "ERR_X", attributes, context)
                ),
            )
        )
    return [*by_hand, Part("SDK alone", sum(part.time for part in by_hand))]


def main() -> None:
    """Print the parts of each kind of exchange, side by side."""
    gc.disable()
    for name, calls in EXCHANGES:
        print(f"\n{name}")
        for part in parts(calls):
            print(f"  {part.name:<44} {part.time:8.2f} µs")


if __name__ == "__main__":
    main()
