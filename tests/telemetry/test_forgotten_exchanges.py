"""An answer that nobody read nor closed is concluded by the garbage collector, wherever that runs."""

from __future__ import annotations

import gc
import threading
from typing import Any

import httpx
from opentelemetry.sdk.trace import SpanProcessor

from opentelemetry.instrumentation.oauth import OAuthInstrumentor, OAuthTelemetry
from opentelemetry.instrumentation.oauth.telemetry import forgotten
from recorder import Recorder

FORM = {"grant_type": "client_credentials", "client_id": "app", "client_secret": "Cnry"}


def forget(client: httpx.Client) -> None:
    """Send a request, and leave its answer to the garbage collector, in a cycle."""
    request = client.build_request("POST", "https://as.example/token", data=FORM)
    answer: Any = client.send(request, stream=True)
    answer.cycle = answer


def client() -> httpx.Client:
    answer = httpx.MockTransport(lambda _: httpx.Response(200, content=iter([b"{}"])))
    return httpx.Client(transport=answer)


def test_collected_anywhere_it_is_told_at_once(instrumented: Recorder) -> None:
    forget(client())
    assert instrumented.spans() == []
    gc.collect()
    assert [span["attributes"]["oauth.outcome"] for span in instrumented.spans()] == ["success"]


def test_collected_within_the_sdk_it_waits_for_the_next_exchange(recorder: Recorder) -> None:
    """There the same thread may hold a lock of the SDK's, which is not re-entrant."""

    class Collecting(SpanProcessor):
        """Runs the collector within ``opentelemetry.sdk``, as an allocation there may."""

        armed = False

        def on_end(self, span: Any) -> None:
            if self.armed:
                Collecting.armed = False
                gc.collect()
                assert len(recorder.spans()) == told

    recorder.tracer_provider.add_span_processor(Collecting())
    OAuthInstrumentor().instrument(**recorder.providers)
    forget(client())
    told = 1  # the one that is being exported now is in, the forgotten one is not
    Collecting.armed = True
    with recorder.tracer_provider.get_tracer("app").start_as_current_span("work"):
        pass
    assert [span["name"] for span in recorder.spans()] == ["work"]

    with client() as again:
        again.post("https://as.example/token", data=FORM)  # a new exchange begins
    assert recorder.total("oauth.flow") == 2
    OAuthInstrumentor().uninstrument()


def test_what_waits_is_told_before_the_instrumentation_is_closed(recorder: Recorder) -> None:
    OAuthInstrumentor().instrument(**recorder.providers)
    exchange: list[str] = []
    forgotten._waiting.append(lambda: exchange.append("told"))
    OAuthInstrumentor().uninstrument()
    assert exchange == ["told"]


def test_many_threads_may_tell_at_once() -> None:
    told: list[int] = []

    def work(start: int) -> None:
        for number in range(start, start + 200):
            forgotten.tell(lambda number=number: told.append(number))  # type: ignore[misc]

    threads = [threading.Thread(target=work, args=(start,)) for start in range(0, 800, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == list(range(800))


def test_what_waits_at_a_fork_is_the_parents() -> None:
    forgotten._waiting.append(lambda: None)
    forgotten.after_fork()
    assert not forgotten._waiting


def test_the_telemetry_itself_is_not_kept_alive(recorder: Recorder) -> None:
    import weakref

    telemetry = OAuthTelemetry(**recorder.providers)
    telemetry.token_acquired("cache")
    telemetry.close()
    alive = weakref.ref(telemetry)
    del telemetry
    gc.collect()
    assert alive() is None
