"""Where the time of one token exchange goes, part by part, and what of it is the SDK's own.

``python -m benchmarks.parts``. Each part is run alone, many times over, so that all of it is in the
processor's caches; within a call, between two others, the same takes half as long again.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from itertools import islice
from time import perf_counter
from typing import Any, NamedTuple

from opentelemetry.trace import set_span_in_context
from requests.structures import CaseInsensitiveDict

from benchmarks import canned, floor
from benchmarks.calls import EXCHANGES
from benchmarks.canned import Call
from benchmarks.sdk import providers
from opentelemetry.instrumentation.oauth import OAuthTelemetry
from opentelemetry.instrumentation.oauth.protocol.request import may_be_oauth, recognise
from opentelemetry.instrumentation.oauth.protocol.response import conclude
from opentelemetry.instrumentation.oauth.telemetry.exchange import Exchange
from opentelemetry.instrumentation.oauth.telemetry.opening import settle


class Part(NamedTuple):
    """A part of an exchange and how long (µs) it takes."""

    name: str
    time: float


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

    def look(request: Any) -> bool:
        return may_be_oauth(request.method, request.url, "", request.body, words)

    def ask(request: Any) -> Any:
        return recognise(request.method, request.url, request.headers, request.body, {})

    def begun() -> tuple[Exchange, Call, CaseInsensitiveDict[str]]:
        native = next(stream)
        headers = CaseInsensitiveDict(native.call.answer_headers)
        return Exchange(telemetry, ask(native), native), native.call, headers

    def judge(what: tuple[Exchange, Call, Any]) -> Any:
        exchange, call, headers = what
        return conclude(exchange.request, call.status, headers, call.answer)

    def concluded() -> tuple[Exchange, Any]:
        what = begun()
        return what[0], judge(what)

    def enter_and_leave(what: tuple[Exchange, Any, Any]) -> None:
        what[0].enter()
        what[0].leave()

    for request in islice(stream, 50):
        ask(request)
    own = [
        Part("look (may_be_oauth)", _least(lambda: next(stream), look)),
        Part("recognise", _least(lambda: next(stream), ask)),
        Part("begin: ledger, attributes, span", _least(lambda: ask(next(stream)), telemetry.begin)),
        Part("enter and leave", _least(begun, enter_and_leave)),
        Part("conclude", _least(begun, judge)),
        Part(
            "tell: ledger, attributes, points, event, end",
            _least(concluded, lambda what: what[0].conclude(what[1])),
        ),
    ]
    whole = sum(part.time for part in own)
    ledger = _least(concluded, lambda what: settle(telemetry.ledger, what[0].request, what[1]))
    own.append(Part("  of the last, the ledger", ledger))
    return [*own, Part("whole", whole), *_alone(floor.told(calls))]


def _alone(what: floor.Told) -> Iterator[Part]:
    """Measure what the SDK asks for the same telling."""
    context = set_span_in_context(floor.tell_span(what))
    found = [
        Part("SDK alone: span", _least(lambda: what, lambda told: floor.tell_span(told).end())),
        Part(
            f"SDK alone: {len(what.points)} points",
            _least(lambda: what, lambda told: floor.tell_points(told, context)),
        ),
        Part(
            "SDK alone: event", _least(lambda: what, lambda told: floor.tell_event(told, context))
        ),
    ]
    yield from found
    yield Part("SDK alone", sum(part.time for part in found))


def main() -> None:
    """Print the parts of each kind of exchange."""
    gc.disable()
    for name, calls in EXCHANGES:
        print(f"\n{name}")
        for part in parts(calls):
            print(f"  {part.name:<44} {part.time:8.2f} µs")


if __name__ == "__main__":
    main()
