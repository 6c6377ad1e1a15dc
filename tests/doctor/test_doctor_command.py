"""`opentelemetry-oauth doctor` tells what a program sees under `opentelemetry-instrument`."""

import json
import os
import subprocess
import sys
from textwrap import dedent

from doctor_command import DOCTOR, doctor, free_port, hide, listener, python

HOOKED = """\
ok       requests N is hooked
ok       httpx N is hooked
ok       httpx2 N is hooked
ok       authlib N is hooked
ok       no other instrumentation is outside ours
"""


def text(lines: str) -> str:
    return f"opentelemetry-oauth N, Python N\n\n{dedent(lines).replace('HOOKED', HOOKED.strip())}"


def test_all_is_well() -> None:
    with listener() as port:
        told = doctor(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://localhost:{port}")
    assert told == (
        0,
        text(
            f"""\
            ok       a provider is configured for traces, metrics and events
            ok       traces, metrics and events are exported by OTLP over gRPC
            ok       localhost:{port} answers, where traces, metrics and events go (OTLP over gRPC)
            ok       not in use on localhost: …
            HOOKED

            0 problems, 0 warnings
            """
        ),
        "",
    )


def test_nobody_answers() -> None:
    port = free_port()
    told = doctor(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://localhost:{port}")
    assert told == (
        1,
        text(
            f"""\
            ok       a provider is configured for traces, metrics and events
            ok       traces, metrics and events are exported by OTLP over gRPC
            problem  localhost:{port} does not answer, where traces, metrics and events go (OTLP over gRPC)
                     -> start a collector there, or name another by OTEL_EXPORTER_OTLP_ENDPOINT
            ok       not in use on localhost: …
            HOOKED

            1 problem, 0 warnings
            """
        ),
        "",
    )


def test_without_a_distro_nothing_is_exported() -> None:
    told = doctor(before=hide("opentelemetry-distro"))
    assert told == (
        1,
        text(
            """\
            problem  opentelemetry-distro is not installed: opentelemetry-instrument exports nothing
                     -> pip install 'opentelemetry-instrumentation-oauth[otlp]', or [prometheus]
            ok       not in use on localhost: …
            HOOKED

            1 problem, 0 warnings
            """
        ),
        "",
    )


def test_without_an_sdk_nothing_is_recorded() -> None:
    told = doctor(before=hide("opentelemetry-distro", "opentelemetry-sdk"))
    assert told == (
        1,
        text(
            """\
            problem  opentelemetry-sdk is not installed: nothing is recorded
                     -> pip install 'opentelemetry-instrumentation-oauth[otlp]', or [prometheus]
            ok       not in use on localhost: …
            HOOKED

            1 problem, 0 warnings
            """
        ),
        "",
    )


def test_the_sdk_is_disabled() -> None:
    with listener() as port:
        told = doctor(
            OTEL_SDK_DISABLED="true", OTEL_EXPORTER_OTLP_ENDPOINT=f"http://localhost:{port}"
        )
    assert told == (
        1,
        text(
            f"""\
            problem  OTEL_SDK_DISABLED is true: nothing is recorded
                     -> unset it
            ok       traces, metrics and events are exported by OTLP over gRPC
            ok       localhost:{port} answers, where traces, metrics and events go (OTLP over gRPC)
            ok       not in use on localhost: …
            HOOKED

            1 problem, 0 warnings
            """
        ),
        "",
    )


def test_an_exporter_is_not_installed() -> None:
    told = doctor(
        before=hide("opentelemetry-exporter-prometheus"),
        OTEL_TRACES_EXPORTER="none",
        OTEL_METRICS_EXPORTER="prometheus",
        OTEL_LOGS_EXPORTER="zipkin",
    )
    assert told == (
        1,
        text(
            """\
            problem  opentelemetry-instrument gives up while it starts (RuntimeError): nothing is recorded
                     -> the cause stands below, or in the log of a program started with it
            problem  the exporter 'prometheus', named by OTEL_METRICS_EXPORTER, is not installed: opentelemetry-instrument then starts nothing
                     -> pip install 'opentelemetry-instrumentation-oauth[prometheus]'
            problem  the exporter 'zipkin', named by OTEL_LOGS_EXPORTER, is not installed: opentelemetry-instrument then starts nothing
                     -> install it, or name one of console, otlp, otlp_proto_grpc, otlp_proto_http
            warning  localhost:9464 does not answer, where a program serves its metrics while it runs
                     -> if it should be running now: it was started without OTEL_METRICS_EXPORTER=prometheus or with another OTEL_EXPORTER_PROMETHEUS_PORT
            ok       not in use on localhost: …

            3 problems, 1 warning
            """
        ),
        "",
    )


def test_a_protocol_that_is_none() -> None:
    told = doctor(OTEL_EXPORTER_OTLP_PROTOCOL="http")
    assert told == (
        1,
        text(
            """\
            problem  opentelemetry-instrument gives up while it starts (RuntimeError): nothing is recorded
                     -> the cause stands below, or in the log of a program started with it
            problem  'http' is no OTLP protocol: opentelemetry-instrument then starts nothing
                     -> set OTEL_EXPORTER_OTLP_PROTOCOL to grpc or http/protobuf
            ok       not in use on localhost: …

            2 problems, 0 warnings
            """
        ),
        "",
    )


def test_a_library_is_too_old() -> None:
    told = doctor(before="import requests; requests.__version__ = '2.24.0'", **nothing_exported())
    assert told == (
        1,
        text(
            """\
            ok       a provider is configured for traces, metrics and events
            warning  traces, metrics and events are exported nowhere
                     -> set OTEL_TRACES_EXPORTER to otlp, for one
            ok       not in use on localhost: …
            problem  requests is not hooked: version 2.24.0 is older than 2.25, the oldest supported
                     -> pip install --upgrade requests
            ok       httpx N is hooked
            ok       httpx2 N is hooked
            ok       authlib N is hooked
            ok       no other instrumentation is outside ours

            1 problem, 1 warning
            """
        ),
        "",
    )


def test_libraries_that_are_not_installed_or_broken() -> None:
    before = hide("httpx2") + dedent(
        """
        import sys
        sys.modules["httpx2"] = None
        sys.modules["requests.sessions"] = None
        """
    )
    told = doctor(before=before, **nothing_exported())
    assert told.code == 0
    assert told.out.splitlines()[6:] == [
        "warning  requests N is installed and cannot be imported",
        "         -> python -c 'import requests' tells why",
        "ok       httpx N is hooked",
        "ok       authlib N is hooked",
        "ok       not installed, so not hooked: httpx2",
        "ok       no other instrumentation is outside ours",
        "",
        "0 problems, 2 warnings",
    ]


def test_the_environment_is_bad() -> None:
    told = doctor(
        OTEL_PYTHON_OAUTH_MAX_SERVERS="lots",
        OTEL_PYTHON_OAUTH_CAPTURE_CLIENT_ID="hash",
        OTEL_PYTHON_OAUTH_EXCLUDE_URLS="x",
        OTEL_PYTHON_OAUTH_ZZZ="x",
        **nothing_exported(),
    )
    assert told == (
        0,
        text(
            """\
            ok       a provider is configured for traces, metrics and events
            warning  traces, metrics and events are exported nowhere
                     -> set OTEL_TRACES_EXPORTER to otlp, for one
            ok       not in use on localhost: …
            HOOKED
            warning  OTEL_PYTHON_OAUTH_EXCLUDE_URLS is no variable of ours
                     -> did you mean OTEL_PYTHON_OAUTH_EXCLUDED_URLS?
            warning  OTEL_PYTHON_OAUTH_ZZZ is no variable of ours
                     -> opentelemetry-instrument --help lists ours
            warning  OTEL_PYTHON_OAUTH_MAX_SERVERS='lots' is ignored: allowed are the integers from 1 to 10000. Using 100.
                     -> set the variable to what is allowed, or unset it
            warning  capture_client_id is 'hash' but no key is set: oauth.client.id stays off. Set OTEL_PYTHON_OAUTH_CLIENT_ID_HASH_KEY or client_id_hash_key.
                     -> set the variable to what is allowed, or unset it

            0 problems, 5 warnings
            """
        ),
        "",
    )


def test_the_instrumentation_is_disabled() -> None:
    told = doctor(OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="flask, oauth", **nothing_exported())
    assert told == (
        1,
        text(
            """\
            problem  OTEL_PYTHON_DISABLED_INSTRUMENTATIONS switches the instrumentation off
                     -> take 'oauth' or '*' out of it
            warning  traces, metrics and events are exported nowhere
                     -> set OTEL_TRACES_EXPORTER to otlp, for one
            ok       not in use on localhost: …

            1 problem, 1 warning
            """
        ),
        "",
    )


def test_our_entry_point_is_missing() -> None:
    told = doctor(before=hide("opentelemetry-instrumentation-oauth"), **nothing_exported())
    assert told.code == 1
    assert told.out.splitlines()[2:4] == [
        "problem  opentelemetry-instrument does not switch the instrumentation on",
        "         -> install opentelemetry-instrumentation-oauth anew: its entry point is missing",
    ]


def test_a_program_may_be_serving_on_the_port_of_prometheus() -> None:
    """The doctor leaves the port alone, and looks who is there."""
    program = dedent(
        """
        import subprocess, sys
        doctor = [sys.executable, "-m", "opentelemetry.instrumentation.oauth.cli", "doctor"]
        sys.exit(subprocess.run(doctor).returncode)
        """
    )
    port = free_port()
    environment = {
        "OTEL_METRICS_EXPORTER": "prometheus",
        "OTEL_EXPORTER_PROMETHEUS_PORT": str(port),
    }
    told = python(
        f"from opentelemetry.instrumentation.auto_instrumentation import initialize; initialize()\n"
        f"{program}",
        **{**nothing_exported(), **environment},
    )
    assert told == (
        0,
        text(
            f"""\
            ok       a provider is configured for traces, metrics and events
            ok       metrics are exported by prometheus
            ok       traces and events are exported nowhere
            ok       localhost:{port} answers with metrics, oauth_flow_total not yet among them
            ok       not in use on localhost: …
            HOOKED

            0 problems, 0 warnings
            """
        ),
        "",
    )


def test_under_opentelemetry_instrument_itself_nothing_is_started_again() -> None:
    told = python(
        "from opentelemetry.instrumentation.auto_instrumentation import initialize; initialize()\n"
        "from opentelemetry.instrumentation.oauth.cli import main; main()",
        "doctor",
        **nothing_exported(),
    )
    assert (told.code, told.err) == (0, "")
    assert "authlib N is hooked when the program imports it" in told.out


def test_json() -> None:
    told = doctor("--json", OTEL_PYTHON_OAUTH_LEDGER_SIZE="-1", **nothing_exported())
    assert (told.code, told.err) == (0, "")
    report = json.loads(told.out)
    assert (report["problems"], report["warnings"]) == (0, 2)
    assert report["findings"][-1] == {
        "level": "warning",
        "what": "OTEL_PYTHON_OAUTH_LEDGER_SIZE='-1' is ignored: allowed are the integers from 0 to"
        " 1000000. Using 10000.",
        "advice": "set the variable to what is allowed, or unset it",
    }


def test_no_secret_is_told() -> None:
    told = doctor(
        OTEL_EXPORTER_OTLP_ENDPOINT="http://user:Cnry-1@localhost:1/Cnry-2?key=Cnry-3",
        OTEL_EXPORTER_OTLP_HEADERS="Authorization=Bearer Cnry-4,broken Cnry-5",
        OTEL_PYTHON_OAUTH_CLIENT_ID_HASH_KEY="Cnry-6",
        OTEL_PYTHON_OAUTH_CLIENT_SECRET="Cnry-7",
    )
    assert told.code == 1
    assert "localhost:1 does not answer" in told.out
    assert "Cnry" not in told.out + told.err


def test_a_distro_that_raises_ends_in_a_finding() -> None:
    before = dedent(
        """
        from opentelemetry.distro import OpenTelemetryDistro
        def fail(*_, **__): print("noise"); raise OSError("Cnry")
        OpenTelemetryDistro._configure = fail
        """
    )
    told = doctor(before=before)
    assert (told.code, told.err) == (1, "")
    assert told.out.splitlines()[2:4] == [
        "problem  opentelemetry-instrument gives up while it starts (OSError): nothing is recorded",
        "         -> the cause stands below, or in the log of a program started with it",
    ]


def test_usage() -> None:
    nothing = python(DOCTOR)
    assert (nothing.code, nothing.out) == (2, "")
    assert "COMMAND" in nothing.err
    assert python(DOCTOR, "--version") == (0, "opentelemetry-oauth N\n", "")


def test_a_reader_that_has_gone_is_no_traceback() -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "opentelemetry.instrumentation.oauth.cli", "doctor"]
    with os.fdopen(write, "wb") as gone:
        done = subprocess.run(command, stdout=gone, stderr=subprocess.PIPE, timeout=60, check=False)
    assert done.stderr == b""


def nothing_exported() -> dict[str, str]:
    signals = ("TRACES", "METRICS", "LOGS")
    return {f"OTEL_{signal}_EXPORTER": "none" for signal in signals}
