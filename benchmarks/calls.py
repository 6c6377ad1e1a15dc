"""What is added to one call: ours against contrib's, through the same client and answer."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterator
from itertools import islice
from time import perf_counter
from typing import Any, NamedTuple

from benchmarks import canned, floor
from benchmarks.canned import Call
from benchmarks.table import Row
from benchmarks.variants import Variant, by_hand, install, variants

NOT_OAUTH = (
    ("GET", canned.get),
    ("GET with a query", canned.get_query),
    ("POST JSON", canned.post_json),
    ("401, no Bearer", canned.turned_away),
    ("403, Bearer, no challenge", canned.forbidden),
)
COUNTED = (
    ("401, Bearer, invalid_token", canned.rejected_401),
    ("403, Bearer, insufficient_scope", canned.rejected_403),
)
"""These are told (``oauth.client.resource.rejections``): the SDK's counter is in them."""
EXCHANGES = (
    ("client_credentials", canned.client_credentials),
    ("refresh_token, rotated", canned.refresh),
    ("refresh_token, invalid_grant", canned.invalid_grant),
)

_BLOCK = 25
"""Calls between two looks at the clock: some ms, less than a scheduler's slice."""

_AS_GET_DOES: dict[str, Any] = {
    "timeout": None,
    "allow_redirects": True,
    "proxies": {},
    "stream": False,
    "verify": True,
    "cert": None,
}
"""The keywords that ``Session.request`` gives to ``Session.send``."""

Block = Callable[[list[Any]], float]


class Library(NamedTuple):
    """How a library is given a call, and how long (s) it takes for a list of them."""

    name: str
    make: Callable[[Call], Any]
    block: Block


def libraries() -> tuple[tuple[Library, ...], Callable[[], None]]:
    """Give the libraries, each with one client for the whole run, and how to close them."""
    session, client = canned.requests_session(), canned.httpx_client()
    loop, async_client = asyncio.new_event_loop(), canned.httpx_async_client()

    def requests_block(made: list[Any]) -> float:
        started = perf_counter()
        for request in made:
            session.send(request, **_AS_GET_DOES)
        return perf_counter() - started

    def httpx_block(made: list[Any]) -> float:
        started = perf_counter()
        for request in made:
            client.send(request)
        return perf_counter() - started

    async def awaited(made: list[Any]) -> float:
        started = perf_counter()
        for request in made:
            await async_client.send(request)
        return perf_counter() - started

    return (
        Library("requests", canned.prepared, requests_block),
        Library("httpx", canned.built, httpx_block),
        Library("httpx async", canned.built, lambda made: loop.run_until_complete(awaited(made))),
    ), loop.close


def added(
    library: Library, calls: Callable[[], Iterator[Call]], kinds: dict[str, Variant], rounds: int
) -> dict[str, float]:
    """Give seconds a call by variant: the least of many short blocks, taken in turn."""
    source = {kind: map(library.make, calls()) for kind in kinds}
    least = dict.fromkeys(kinds, float("inf"))
    order = list(kinds)
    for _ in range(rounds):
        order.append(order.pop(0))
        for kind in order:
            install(kinds[kind])
            library.block(list(islice(source[kind], 3)))  # the interpreter specialises anew
            made = list(islice(source[kind], _BLOCK))
            gc.collect(0)
            least[kind] = min(least[kind], library.block(made) / _BLOCK)
    install(kinds["bare"])
    return least


GROUPS = (
    ("call", NOT_OAUTH, 1 / 100),
    ("rejection", COUNTED, None),
    ("exchange", EXCHANGES, 1 / 2),
)


def rows(rounds: int) -> Iterator[Row]:
    """Measure every call through every library."""
    kinds = variants()
    measured, close = libraries()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        for group, calls, bar in GROUPS:
            for name, source in calls:
                for library in measured:
                    told = f"{group}: {name}, {library.name}"
                    yield from _rows(told, library, source, kinds, rounds, bar)
    finally:
        gc.enable()
        gc.unfreeze()
        close()


def _rows(
    told: str,
    library: Library,
    source: Callable[[], Iterator[Call]],
    kinds: dict[str, Variant],
    rounds: int,
    bar: float | None,
) -> Iterator[Row]:
    """Measure one call; an exchange through requests also told by hand, as the floor under it."""
    with_floor = library.name == "requests" and told.startswith("exchange")
    if with_floor:
        kinds = {**kinds, "floor": by_hand(kinds["bare"], floor.told(source))}
    least = added(library, source, kinds, rounds)
    more = {kind: (time - least["bare"]) * 1e6 for kind, time in least.items()}
    yield Row(told, more["ours"], more["contrib"], "µs", bar)
    if with_floor:
        yield Row("  of it the SDK's, told by hand", more["floor"], more["contrib"], "µs")
