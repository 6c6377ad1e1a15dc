"""`diagnose()` in a running program, and each check by itself."""

import sys
import types
from collections.abc import Iterator

import pytest
from doctor_command import free_port, listener, python, web, whole
from opentelemetry.instrumentation.requests import RequestsInstrumentor

from opentelemetry.instrumentation.oauth import config, doctor
from opentelemetry.instrumentation.oauth.doctor import Finding, Report, diagnose, examine, ports
from opentelemetry.instrumentation.oauth.doctor.environment import prefork
from opentelemetry.instrumentation.oauth.doctor.situation import Situation
from opentelemetry.instrumentation.oauth.hooks.registry import registry
from recorder import Recorder


@pytest.fixture(autouse=True)
def _nothing_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "_warned", set())


RUNNING = """
import requests, httpx, httpx2
from authlib.integrations import requests_client, httpx_client, flask_client
from opentelemetry.instrumentation.oauth.doctor import diagnose
from opentelemetry.instrumentation.oauth import OAuthInstrumentor
"""


def test_a_running_program_without_a_provider() -> None:
    told = python(f"{RUNNING}\nOAuthInstrumentor().instrument()\nprint(diagnose())")
    assert told == (
        0,
        """\
opentelemetry-oauth N, Python N

problem  no provider is configured for traces, metrics and events: all of it is a no-op
         -> start the program with opentelemetry-instrument, or set the SDK's providers
ok       not in use on localhost: …
ok       requests N is hooked
ok       httpx N is hooked
ok       httpx2 N is hooked
ok       authlib N is hooked
ok       no other instrumentation is outside ours

1 problem, 0 warnings
""",
        "",
    )


def test_a_running_program_without_the_instrumentation() -> None:
    told = python(f"{RUNNING}\nprint(diagnose())")
    assert told == (
        0,
        """\
opentelemetry-oauth N, Python N

problem  the instrumentation is off
         -> start the program with opentelemetry-instrument, or call OAuthInstrumentor().instrument()
ok       not in use on localhost: …

1 problem, 0 warnings
""",
        "",
    )


def test_a_provider_that_is_set_later_counts() -> None:
    told = python(
        f"""{RUNNING}
OAuthInstrumentor().instrument(events=False)
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
metrics.set_meter_provider(MeterProvider())
print(diagnose())"""
    )
    assert told.out.splitlines()[2:6] == [
        "ok       a provider is configured for metrics",
        "ok       events are switched off by configuration",
        "warning  no provider is configured for traces: they are recorded nowhere",
        "         -> start the program with opentelemetry-instrument, or set the SDK's providers",
    ]


@pytest.fixture
def contrib_after_us(instrumented: Recorder) -> Iterator[None]:
    RequestsInstrumentor().instrument(**{"tracer_provider": instrumented.tracer_provider})
    yield
    RequestsInstrumentor().uninstrument()


@pytest.mark.usefixtures("contrib_after_us")
def test_contrib_is_outside_ours() -> None:
    import requests.sessions  # noqa: F401

    report = diagnose()
    assert report.exit_code == 1
    assert [finding for finding in report.findings if finding.level != "ok"] == [
        Finding(
            "problem",
            "opentelemetry.instrumentation.requests has wrapped requests.sessions.Session.send"
            " after us: its span is the parent of ours, and may hold a URL with a secret in it",
            "call OAuthInstrumentor().instrument() after it, or use opentelemetry-instrument",
        )
    ]
    registry.make_outermost()
    assert Finding("ok", "no other instrumentation is outside ours") in diagnose().findings


@pytest.mark.usefixtures("instrumented")
def test_somebody_else_is_outside_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    import requests

    original = requests.Session.send

    def send(self, *args, **kwargs):
        return original(self, *args, **kwargs)

    monkeypatch.setattr(requests.Session, "send", send)
    (told,) = [finding for finding in diagnose().findings if finding.level != "ok"]
    assert told.level == "warning"
    assert told.what.startswith(f"{__name__} has wrapped requests.sessions.Session.send after us")


@pytest.mark.usefixtures("instrumented")
def test_a_module_that_was_loaded_again_is_not_hooked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "requests.sessions", types.ModuleType("requests.sessions"))
    (told,) = [finding for finding in diagnose().findings if finding.level != "ok"]
    assert whole(told.what) == "requests N is imported and not hooked"


def test_config_file_is_left_alone() -> None:
    told = examine(
        Situation(started=True, environ={"OTEL_CONFIG_FILE": "x", "OTEL_TRACES_EXPORTER": "nix"})
    )
    assert (
        Finding("ok", "OTEL_CONFIG_FILE names the exporters, which are not checked here")
        in told.findings
    )
    assert "nix" not in str(told)


# -- ports


def collector(**environ: str) -> list[Finding]:
    return list(ports.collector(Situation(started=True, environ=environ)))


def test_the_endpoint_of_each_signal_is_asked() -> None:
    with listener() as one, listener() as other:
        told = collector(
            OTEL_TRACES_EXPORTER="otlp",
            OTEL_METRICS_EXPORTER="console, otlp_proto_http",
            OTEL_LOGS_EXPORTER="otlp",
            OTEL_EXPORTER_OTLP_ENDPOINT=f"127.0.0.1:{one}",
            OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=f"http://127.0.0.1:{other}/v1/metrics",
            OTEL_EXPORTER_OTLP_LOGS_PROTOCOL="http/protobuf",
        )
    assert told == [
        Finding("ok", f"127.0.0.1:{one} answers, where traces go (OTLP over gRPC)"),
        Finding("ok", f"127.0.0.1:{other} answers, where metrics go (OTLP over HTTP)"),
        Finding("ok", f"127.0.0.1:{one} answers, where events go (OTLP over HTTP)"),
    ]


def test_the_other_protocol_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "answers", lambda host, port: port == 4318)
    assert collector(OTEL_TRACES_EXPORTER="otlp") == [
        Finding(
            "problem",
            "localhost:4317 does not answer, where traces go (OTLP over gRPC); localhost:4318 does",
            "set OTEL_EXPORTER_OTLP_PROTOCOL to http/protobuf, and an endpoint with that port",
        )
    ]


def test_the_port_of_the_other_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "answers", lambda host, port: True)
    assert collector(
        OTEL_TRACES_EXPORTER="otlp", OTEL_EXPORTER_OTLP_ENDPOINT="http://collector:4318"
    ) == [
        Finding("ok", "collector:4318 answers, where traces go (OTLP over gRPC)"),
        Finding(
            "warning",
            "port 4318 is by custom not that of OTLP over gRPC",
            "set OTEL_EXPORTER_OTLP_PROTOCOL, or send to port 4317",
        ),
    ]


@pytest.mark.parametrize(
    ("endpoint", "where"),
    [
        ("", "localhost:4317"),
        ("https://collector.example", "collector.example:443"),
        ("http://collector.example/x", "collector.example:80"),
        ("collector.example", "collector.example:4317"),
        ("http://[::1]:55", "::1:55"),
        ("http://localhost:99999", "localhost:0"),
    ],
)
def test_targets(endpoint: str, where: str) -> None:
    assert str(ports._target("otlp_proto_grpc", endpoint)) == where


def prometheus(port: object, *, started: bool = True) -> list[Finding]:
    environ = {
        "OTEL_METRICS_EXPORTER": "prometheus",
        "OTEL_EXPORTER_PROMETHEUS_PORT": str(port),
        "OTEL_EXPORTER_PROMETHEUS_HOST": "127.0.0.1",
    }
    return list(ports.prometheus(Situation(started=started, environ=environ)))


def test_a_prometheus_endpoint_with_our_metrics() -> None:
    with web(200, "# TYPE oauth_flow_total counter\noauth_flow_total{} 1.0\n") as port:
        assert prometheus(port) == [
            Finding("ok", f"127.0.0.1:{port} answers with metrics, oauth_flow_total among them")
        ]


@pytest.mark.parametrize(("status", "body"), [(404, "# TYPE"), (200, "<html>")])
def test_the_port_is_taken(status: int, body: str) -> None:
    with web(status, body) as port:
        assert prometheus(port) == [
            Finding(
                "problem",
                f"127.0.0.1:{port} is taken by something that serves no metrics: a program with"
                " this environment starts nothing",
                "set OTEL_EXPORTER_PROMETHEUS_PORT to a free port",
            )
        ]


def test_the_port_is_taken_by_no_web_server() -> None:
    with listener() as port:
        assert "is taken" in prometheus(port)[0].what


@pytest.mark.parametrize(("started", "level"), [(True, "warning"), (False, "problem")])
def test_nothing_answers_at_the_port_of_prometheus(started: bool, level: str) -> None:
    port = free_port()
    assert prometheus(port, started=started) == [
        Finding(
            level,
            f"127.0.0.1:{port} does not answer, where a program serves its metrics while it runs",
            "if it should be running now: it was started without OTEL_METRICS_EXPORTER=prometheus"
            " or with another OTEL_EXPORTER_PROMETHEUS_PORT",
        )
    ]


@pytest.mark.parametrize("port", ["many", "65536", "-1"])
def test_a_port_that_is_none(port: str) -> None:
    assert prometheus(port) == [
        Finding(
            "problem",
            "OTEL_EXPORTER_PROMETHEUS_PORT is no port: opentelemetry-instrument then starts nothing",
            "set it to a number, such as 9102",
        )
    ]


def test_the_usual_ports_that_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with listener() as port:
        nobody = free_port()
        monkeypatch.setattr(ports, "_USUAL", {port: "this", nobody: "that", 9464: "Prometheus"})
        environ = {"OTEL_METRICS_EXPORTER": "prometheus"}
        assert list(ports.other_ports(Situation(environ=environ))) == [
            Finding(
                "ok",
                f"not in use on localhost: {port} (this) answers, {nobody} (that) does not answer",
            )
        ]


# -- the report


def test_prefork_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gunicorn.arbiter", types.ModuleType("gunicorn.arbiter"))
    environ = {"OTEL_METRICS_EXPORTER": "prometheus"}
    assert list(prefork(Situation(environ=environ))) == [
        Finding(
            "warning",
            "gunicorn has many workers: the in-process Prometheus endpoint shows one of them",
            "export by OTLP, with providers made in the post_fork hook",
        )
    ]


def test_a_check_that_fails_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask_the_stars(situation: Situation) -> list[Finding]:
        raise ValueError("Cnry")

    monkeypatch.setattr(doctor, "CHECKS", (ask_the_stars,))
    assert diagnose().findings == (
        Finding(
            "warning",
            "the check 'ask the stars' failed (ValueError)",
            "report it with the versions of your opentelemetry packages",
        ),
    )


def test_colour_is_for_a_terminal() -> None:
    report = Report((Finding("ok", "fine"), Finding("problem", "broken", "mend it")))
    assert "\x1b" not in str(report)
    assert report.text(colour=True).splitlines()[2:] == [
        "\x1b[32mok     \x1b[0m  fine",
        "\x1b[1;31mproblem\x1b[0m  broken",
        "         -> mend it",
        "",
        "1 problem, 0 warnings",
    ]


def test_a_warning_that_was_logged_before_is_a_finding(
    monkeypatch: pytest.MonkeyPatch, our_log: list[str]
) -> None:
    monkeypatch.setenv("OTEL_PYTHON_OAUTH_TRACES", "maybe")
    for _ in range(2):
        (told,) = [each for each in diagnose().findings if "OTEL_PYTHON_OAUTH_TRACES" in each.what]
        assert told.level == "warning"
    assert our_log == [
        "OTEL_PYTHON_OAUTH_TRACES='maybe' is ignored: allowed are true and false. Using True."
    ]
