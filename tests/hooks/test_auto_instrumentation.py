"""``opentelemetry-instrument``, as the first thing anyone runs: real processes, console exporters.

Contrib's requests and httpx instrumentations are installed, and are on beside ours.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from doubles import Server

from opentelemetry.instrumentation.oauth import environment_variables
from recorder import CANARY

INSTRUMENT = str(Path(sys.executable).parent / "opentelemetry-instrument")
CONSOLE = {
    "OTEL_TRACES_EXPORTER": "console",
    "OTEL_METRICS_EXPORTER": "console",
    "OTEL_LOGS_EXPORTER": "console",
    "OTEL_SERVICE_NAME": "test",
}
OURS = "opentelemetry.instrumentation.oauth"

PROGRAM = """
import asyncio, sys
import requests, httpx  # imported after the instrumentation is on

url = sys.argv[1]
grant = {"grant_type": "client_credentials", "client_id": "a", "client_secret": "Cnry-secret"}
in_url = "/token?grant_type=client_credentials&client_id=a&client_secret=Cnry-in-url"
plain = "/things?access_token=Cnry-in-url"
with requests.Session() as session:
    session.post(url + "/token", data=grant)
    session.get(url + in_url)
    session.get(url + plain)
with httpx.Client() as client:
    client.post(url + "/token", data=grant)
    client.get(url + in_url)
    client.get(url + plain)

async def main():
    async with httpx.AsyncClient() as client:
        await client.post(url + "/token", data=grant)
        await client.get(url + plain)

asyncio.run(main())
"""


def run(*command: str, **environment: str) -> tuple[str, str]:
    """Run a program under ``opentelemetry-instrument``; give what it printed on stdout and stderr."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(
        [INSTRUMENT, *command],
        env=kept | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def printed(stdout: str) -> list[dict[str, Any]]:
    """The JSON objects that the console exporters print, one after the other."""
    decoder, objects, at = json.JSONDecoder(), [], 0
    while (at := stdout.find("{", at)) >= 0:
        told, at = decoder.raw_decode(stdout, at)
        objects.append(told)
    return objects


def test_ours_is_the_parent_nothing_is_counted_twice_and_no_secret_of_a_url_is_told(
    server: Server,
) -> None:
    stdout, stderr = run(sys.executable, "-c", PROGRAM, server.url, **CONSOLE)
    assert server.hits == {"POST /token": 3, "GET /token": 2, "GET /things": 3}
    assert CANARY not in stdout
    assert CANARY not in stderr
    assert "failed while" not in stderr

    told = printed(stdout)
    spans = [each for each in told if "context" in each and "kind" in each]
    ours = {
        each["context"]["span_id"]: each for each in spans if "oauth.endpoint" in each["attributes"]
    }
    https = [each for each in spans if "http.url" in each["attributes"]]
    assert len(ours) + len(https) == len(spans)
    assert [each["name"] for each in ours.values()] == ["token client_credentials"] * 5
    assert [each["parent_id"] for each in ours.values()] == [None] * 5
    # Where the URL carries a secret, at the token endpoint or anywhere, contrib's is silenced.
    assert [each["attributes"]["http.url"] for each in https] == [f"{server.url}/token"] * 3
    assert all(each["parent_id"] in ours for each in https)

    flows = [
        point["value"]
        for each in told
        for resource in each.get("resource_metrics", ())
        for scope in resource["scope_metrics"]
        if scope["scope"]["name"] == OURS
        for metric in scope["metrics"]
        if metric["name"] == "oauth.flow"
        for point in metric["data"]["data_points"]
    ]
    assert sum(flows) == 5


def test_a_program_without_oauth_prints_nothing_of_ours() -> None:
    check = (
        "import sys;"
        "from opentelemetry.instrumentation.oauth import OAuthInstrumentor;"
        "assert OAuthInstrumentor().is_instrumented_by_opentelemetry"
    )
    stdout, stderr = run(sys.executable, "-W", "error::ImportWarning", "-c", check, **CONSOLE)
    assert "oauth" not in stdout
    assert "oauth" not in stderr


def test_disabled_it_does_nothing(server: Server) -> None:
    """The post_instrument entry point runs all the same."""
    program = """
import sys, requests
from opentelemetry.instrumentation.oauth import OAuthInstrumentor
assert not OAuthInstrumentor().is_instrumented_by_opentelemetry
requests.post(sys.argv[1] + "/token", data={"grant_type": "client_credentials"})
print("sent by", requests.Session.send.__module__)
"""
    stdout, _ = run(
        sys.executable,
        "-c",
        program,
        server.url,
        **CONSOLE | {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "oauth,requests"},
    )
    assert server.hits == {"POST /token": 1}
    assert "sent by requests.sessions" in stdout
    assert "oauth." not in stdout


def test_help_shows_our_settings_as_flags() -> None:
    stdout, _ = run("--help")
    flags = [
        name.removeprefix("OTEL_PYTHON_").lower()
        for name in vars(environment_variables)
        if name.startswith("OTEL_")
    ]
    assert len(flags) == 10
    for flag in flags:
        assert f"--{flag}" in stdout


def test_a_flag_is_a_setting(server: Server) -> None:
    """And a bad one is one warning and the default, never the end of the program."""
    program = """
import sys, requests
requests.post(sys.argv[1] + "/token", data={"grant_type": "client_credentials", "scope": "read"})
"""
    stdout, stderr = run(
        *("--oauth_capture_scope", "true", "--oauth_max_servers", "none"),
        *(sys.executable, "-c", program, server.url),
        **CONSOLE,
    )
    (span,) = (each for each in printed(stdout) if "oauth.endpoint" in each.get("attributes", ()))
    assert span["attributes"]["oauth.scope"] == "read"
    assert stderr.count("OTEL_PYTHON_OAUTH_MAX_SERVERS") == 1
    assert "'none'" in stderr
    assert "the integers from 1 to 10000" in stderr


@pytest.mark.parametrize("extra", ["", "import requests, httpx, httpx2;"])
def test_instrument_imports_no_library_that_it_watches(extra: str) -> None:
    """Authlib's clients cost 230 ms to import; we must not be the reason."""
    program = f"""
import sys
{extra}
before = {{name.partition(".")[0] for name in sys.modules}}
from opentelemetry.instrumentation.oauth import OAuthInstrumentor
OAuthInstrumentor().instrument()
after = {{name.partition(".")[0] for name in sys.modules}}
watched = {{"requests", "urllib3", "httpx", "httpcore", "httpx2", "authlib", "flask"}}
print(sorted(watched & (after - before)))
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
