"""`make demo`, as a new user sees it."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest

import demo_processes
import demo_report

EXAMPLES = Path(demo_processes.__file__).parent
PATCHED = "import sys, demo, demo_processes, demo_report\n{}\nsys.exit(demo.main())"


def run(*command: str, width: int = 80, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        env={
            **os.environ,
            "COLUMNS": str(width),
            "PYTHONPATH": str(EXAMPLES),
            "PYTHONIOENCODING": "utf-8",
            **environment,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.mark.integration
@pytest.mark.parametrize("width", [80, 120])
def test_everything_arrives_and_is_told(width: int, tmp_path: Path) -> None:
    picture = tmp_path / "demo.svg"
    done = run(str(EXAMPLES / "demo.py"), "--svg", str(picture), width=width, DEMO_SECONDS="0")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    told = done.stdout
    lines = [re.sub(r" {2,}", "  ", line.strip()) for line in told.splitlines()]

    assert "· A television shows a code, and polls until it is typed in (httpx)." in lines
    # flows
    assert "authorization_code  2  ✓ success  people logged in by a browser" in lines
    assert "1  ✗ access_denied  pressed Deny: no HTTP shows it" in lines
    assert "1  ✗ mismatching_state  a callback nobody asked for" in lines
    assert "client_credentials  7  ✓ success  services, proved in four ways" in lines
    assert "2  ✗ 503  the outage: no grant is dead" in lines
    assert "1  ✗ invalid_grant  a stolen token was sent again" in lines
    # refreshes
    assert "proactive  3  ✓ success  before the token expired: nobody waited" in lines
    assert "reactive  1  ✓ success  after it expired: a request failed first" in lines
    # failures
    assert "unavailable  2  503  wait and retry; the grant is alive" in lines
    assert "misconfigured  1  invalid_client  change the configuration" in lines
    # hygiene and events
    assert any(line.startswith("5  oauth.client.token.redundant  ") for line in lines)
    assert any("oauth.security  ERR_REFRESH_REUSE  refresh_token" in line for line in lines)
    assert any("oauth.security  ERR_MISMATCHING_STATE" in line for line in lines)
    # a trace
    assert any(
        re.fullmatch(r"└── token authorization_code  \d+ ms  oauth: linked to the .*", line)
        for line in lines
    )
    assert any(re.match(r"└── POST  \d+ ms  requests: ", line) for line in lines)
    # the counts
    assert "token device_code  3  3  =" in lines
    assert "≠" not in told
    # Prometheus
    assert re.search(
        r"^\$ curl -s http://localhost:\d+/metrics \| grep oauth_flow_total\n"
        r"# HELP oauth_flow_total .*\n# TYPE oauth_flow_total counter\noauth_flow_total\{",
        told,
        re.MULTILINE,
    )
    # the end
    assert "✓  36 of 36  exchanges: told, and counted by the server itself" in lines
    assert "✓  39 of 39  spans: one for each, and for each denied login" in lines
    assert "✓  9 of 9  events: one for each failure" in lines
    assert "✓  31 of 31  flows: at /metrics, and by OTLP" in lines
    assert "✓  1 of 1  login: linked to the request it began in" in lines
    assert any(re.fullmatch(r"✓  0 of [5-9]\d  secrets in all .*", line) for line in lines)
    assert "✗  " not in "\n".join(lines[-8:])

    assert "Cnry" not in told
    told_by_the_metrics = ("oauth_flow_total", "# ")
    assert all(
        len(line) <= width for line in told.splitlines() if not line.startswith(told_by_the_metrics)
    )
    drawn = picture.read_text()
    assert "mismatching_state" in drawn
    assert str(EXAMPLES.parent) not in drawn


@pytest.mark.integration
def test_what_does_not_arrive_is_told_by_the_exit_code() -> None:
    port = free_port()
    nothing_served = f"""
demo.PATIENCE = 3
demo.free_port = lambda: {port}
demo_report.flows_at = lambda served: 0
"""
    done = run("-c", PATCHED.format(nothing_served))
    assert done.returncode == 1
    assert f"Port 9102 is taken on this machine: using {port} instead." in done.stdout
    assert re.search(r"✗ +0 of 31  flows: at /metrics, and by OTLP", done.stdout)
    assert done.stdout.endswith("\nNot everything arrived as it should.\n")


@pytest.mark.integration
@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("from pathlib import Path; demo_processes.EXAMPLES = Path('nowhere')", "authorization"),
        (
            "demo.App = lambda *a: demo_processes.App('http://127.0.0.1:9', *a[1:-1], "
            f"{free_port()})",
            "app",
        ),
    ],
)
def test_a_process_that_breaks_off_is_told_with_its_errors(broken: str, said: str) -> None:
    done = run("-c", PATCHED.format(broken))
    assert done.returncode == 1
    assert re.search(rf"The {said}[a-z ]* broke off\.\n.+", done.stdout)
    assert done.stderr == ""


def test_seconds_that_are_none() -> None:
    done = run(str(EXAMPLES / "demo.py"), DEMO_SECONDS="soon")
    assert done.returncode == 2
    assert "DEMO_SECONDS must be a number of seconds" in done.stderr


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_port_that_is_taken_is_left_alone(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, 0), family=family)
    except OSError:
        pytest.skip(f"this machine has no {host}")
    with listener:
        port = listener.getsockname()[1]
        assert demo_processes.free_port(port) != port
    assert demo_processes.free_port(port) == port


@pytest.mark.parametrize(
    "payload",
    [
        b"... secret/Cnry-42 ...",
        b"secret%2FCnry-42",
        b64encode(b"secret/Cnry-42"),
        b64encode(b"c:secret/Cnry-42"),
        b64encode(b"id:secret/Cnry-42"),
        b64encode(b"web:secret/Cnry-42"),
    ],
)
def test_a_secret_is_found_in_every_spelling(payload: bytes) -> None:
    assert demo_report.secrets_found(["secret/Cnry-42", "other"], [b"", payload]) == 1


def test_the_app_knows_nothing_of_telemetry() -> None:
    assert "import opentelemetry" not in (EXAMPLES / "app.py").read_text()
    assert "from opentelemetry" not in (EXAMPLES / "app.py").read_text()
