"""How signals reach OpenTelemetry: switches, exemplars, boundaries, sampling, and the scope."""

from __future__ import annotations

from typing import Any

import pytest
from by_hand import ENDPOINT, TOKEN, credentials, refresh, tell
from opentelemetry.sdk.metrics import MeterProvider, TraceBasedExemplarFilter
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, TraceIdRatioBased

from opentelemetry.instrumentation.oauth import OAuthConfig, OAuthTelemetry, __version__, semconv
from recorder import Recorder


def everything(telemetry: OAuthTelemetry) -> None:
    """Something of each signal."""
    tell(telemetry, credentials())
    tell(telemetry, credentials(), {"error": "invalid_client"}, 401)
    telemetry.token_acquired("cache")
    telemetry.authorization_failed("access_denied")
    with telemetry.store_operation("get"):
        pass


@pytest.mark.parametrize("off", ["traces", "metrics", "events", None])
def test_each_signal_has_its_switch(off: str | None, recorder: Recorder) -> None:
    config = OAuthConfig(**{off: False}) if off else OAuthConfig()  # type: ignore[arg-type]
    telemetry = OAuthTelemetry(config, **recorder.providers)
    everything(telemetry)
    assert bool(recorder.spans()) == (off != "traces")
    assert bool(recorder.metrics()) == (off != "metrics")
    assert bool(recorder.events()) == (off != "events")
    telemetry.close()


@pytest.mark.parametrize("sampler", [ALWAYS_OFF, TraceIdRatioBased(0.0), TraceIdRatioBased(0.5)])
def test_metrics_and_events_do_not_depend_on_the_sampler(sampler: Any) -> None:
    recorder = Recorder(sampler)
    telemetry = OAuthTelemetry(**recorder.providers)
    for _ in range(50):
        tell(telemetry, credentials(), {"error": "invalid_client"}, 401)
    assert recorder.total("oauth.flow") == 50
    assert len(recorder.events()) == 50
    assert len(recorder.spans()) < 50
    recorder.sweep()
    telemetry.close()


def test_a_sampler_sees_the_request() -> None:
    """What is known before the request leaves is given to ``start_span``, not set later."""
    seen: list[Any] = []

    class Noting(type(ALWAYS_OFF)):  # type: ignore[misc]
        def should_sample(self, *args: Any, **kwargs: Any) -> Any:
            seen.append(dict(kwargs.get("attributes") or args[4]))
            return super().should_sample(*args, **kwargs)

    recorder = Recorder(Noting(ALWAYS_OFF._decision))
    telemetry = OAuthTelemetry(**recorder.providers)
    tell(telemetry, credentials())
    telemetry.close()
    assert seen == [
        {
            "oauth.endpoint": "token",
            "oauth.grant_type": "client_credentials",
            "oauth.client_auth.method": "client_secret_post",
            "server.address": "as.example",
            "url.path": "/token",
        }
    ]


def test_exemplars_link_each_point_to_its_span(recorder: Recorder) -> None:
    """From a slow bucket to the one exchange that was slow."""
    reader = InMemoryMetricReader()
    meters = MeterProvider(
        [reader], exemplar_filter=TraceBasedExemplarFilter(), shutdown_on_exit=False
    )
    telemetry = OAuthTelemetry(**{**recorder.providers, "meter_provider": meters})
    telemetry.authorization_started(
        "https://as.example/authorize?response_type=code&client_id=a&state=s"
    )
    tell(telemetry, refresh("Cnry-1"), {**TOKEN, "refresh_token": "Cnry-2"})
    tell(telemetry, refresh("Cnry-1"), {"error": "invalid_grant"}, 400)
    tell(telemetry, refresh("Cnry-2"), TOKEN)
    telemetry.authorization_failed("access_denied", state="s")
    spans = {span.context.span_id for span in recorder.raw_spans()}
    data = reader.get_metrics_data()
    assert data is not None
    exemplars = {
        metric.name: {
            exemplar.span_id for point in metric.data.data_points for exemplar in point.exemplars
        }
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    del exemplars["oauth.client.authorization.started"]  # recorded where the program builds the URL
    assert set(exemplars) == {
        "oauth.flow",
        "oauth.client.request.duration",
        "oauth.client.token.lifetime",
        "oauth.client.token.remaining_lifetime",
        "oauth.client.refresh_token.reuse",
        "oauth.client.authorization.duration",
        "token.refresh.attempts",
        "token.refresh.duration",
    }
    for name, linked in exemplars.items():
        assert linked, name
        assert linked <= spans, name
    assert "Cnry" not in str(data.to_json())
    telemetry.close()


def test_boundaries_are_exactly_those_of_the_contract(recorder: Recorder) -> None:
    telemetry = OAuthTelemetry(**recorder.providers)
    for metric in semconv.METRICS:
        if metric.kind == "histogram":
            telemetry.instruments.record(metric, 1.0, {})
            (point,) = recorder.histogram(metric.name)
            assert point.explicit_bounds == metric.boundaries, metric.name
    assert semconv.REFRESH_DURATION.boundaries == (0.1, 0.5, 1, 2, 5)
    assert semconv.DURATION_BOUNDARIES == (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
    telemetry.close()


def test_durations_are_seconds(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    from opentelemetry.instrumentation.oauth.telemetry import exchange

    times = iter([10.0, 12.5])
    monkeypatch.setattr(exchange, "perf_counter", lambda: next(times))
    telemetry = OAuthTelemetry(**recorder.providers)
    tell(telemetry, refresh(), TOKEN)
    for name in ("oauth.client.request.duration", "token.refresh.duration"):
        (point,) = recorder.histogram(name)
        assert point.sum == 2.5
        assert recorder.metrics()[name].unit == "s"
    telemetry.close()


def test_the_scope_has_our_name_and_version_and_no_schema_url(recorder: Recorder) -> None:
    """A schema URL would become a label that churns (``otel_scope_schema_url``)."""
    telemetry = OAuthTelemetry(**recorder.providers)
    everything(telemetry)
    scopes = [span.instrumentation_scope for span in recorder.raw_spans()]
    scopes += [log.instrumentation_scope for log in recorder._logs.get_finished_logs()]
    data = recorder._reader.get_metrics_data()
    assert data is not None
    scopes += [
        scope.scope for resource in data.resource_metrics for scope in resource.scope_metrics
    ]
    told = {(scope.name, scope.version, scope.schema_url or "") for scope in scopes if scope}
    assert told == {("opentelemetry.instrumentation.oauth", __version__, "")}
    telemetry.close()


def test_an_instrument_is_made_when_it_is_first_used(recorder: Recorder) -> None:
    telemetry = OAuthTelemetry(**recorder.providers)
    assert telemetry.instruments._made == {}
    tell(telemetry, credentials(), TOKEN, url=ENDPOINT)
    assert set(telemetry.instruments._made) == {
        "oauth.flow",
        "oauth.client.request.duration",
        "oauth.client.token.lifetime",
    }
    telemetry.close()
