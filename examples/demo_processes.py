"""The two processes of the demo: the authorization server, and the app that is watched."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from errno import EACCES, EADDRINUSE
from pathlib import Path
from typing import IO, Any

EXAMPLES = Path(__file__).parent
PORT = 9102
READY = "listening on "

#: Around proxies of the environment: all is on this machine.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class BrokenProcessError(Exception):
    """A process did not do what it should."""


def get(url: str) -> str:
    with _opener.open(url, timeout=20) as response:
        return response.read().decode()


class Process:
    """A program with its standard input and output in our hands, its errors kept for later."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        self.name = name
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env={**_plain_environment(), **environment},
            start_new_session=True,  # Ctrl-C is ours to handle
        )

    def lines(self) -> Iterator[str]:
        assert self._process.stdout
        for line in self._process.stdout:
            yield line.rstrip("\n")

    def broken(self) -> BrokenProcessError:
        self.stop()
        self._errors.seek(0)
        said = self._errors.read().decode("utf-8", "replace").strip()
        return BrokenProcessError(f"The {self.name} broke off.\n{said}")

    def stop(self) -> None:
        """End it: by the end of its input, or by force."""
        with contextlib.suppress(OSError):
            self._process.stdin.close()  # type: ignore[union-attr]
        try:
            self._process.wait(0 if self.name == "authorization server" else 5)
        except subprocess.TimeoutExpired:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process.stdout.close()  # type: ignore[union-attr]


class Server:
    """The authorization server of `authorization_server`, on a free port."""

    def __init__(self) -> None:
        command = [sys.executable, "-u", "-m", "authorization_server", "--port", "0"]
        self._process = Process("authorization server", command, {"PYTHONPATH": str(EXAMPLES)})
        for line in self._process.lines():
            if line.startswith(READY):
                self.url = line.removeprefix(READY)
                return
        raise self._process.broken()

    def counts(self) -> list[dict[str, Any]]:
        """What the server itself counted, by endpoint, grant, status and error."""
        return json.loads(get(f"{self.url}/_counts"))

    def stop(self) -> None:
        self._process.stop()


class App:
    """`app.py` under ``opentelemetry-instrument``."""

    def __init__(self, server: str, otlp: str, prometheus_port: int) -> None:
        instrument = shutil.which(
            "opentelemetry-instrument", path=str(Path(sys.executable).parent)
        ) or shutil.which("opentelemetry-instrument")
        if instrument is None:
            raise BrokenProcessError(
                "opentelemetry-instrument is not installed; `make demo` installs it."
            )
        environment = {
            "OTEL_SERVICE_NAME": "demo",
            "OTEL_METRICS_EXPORTER": "prometheus,otlp",
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_LOGS_EXPORTER": "otlp",
            "OTEL_EXPORTER_PROMETHEUS_PORT": str(prometheus_port),
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_ENDPOINT": otlp,
            # Nobody wants to wait in a demo.
            "OTEL_METRIC_EXPORT_INTERVAL": "500",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "OTEL_BLRP_SCHEDULE_DELAY": "200",
            "NO_PROXY": "127.0.0.1,localhost",
        }
        program = [sys.executable, str(EXAMPLES / "app.py"), server, "--stay"]
        self._process = Process("app", [instrument, *program], environment)
        self.secrets: list[str] = []

    def steps(self) -> Iterator[str]:
        """What it does, as it does it; it stays when it has done all, until `stop`."""
        for line in self._process.lines():
            if line.startswith("["):
                self.secrets = json.loads(line)
                return
            yield line
        raise self._process.broken()

    def stop(self) -> None:
        self._process.stop()


def free_port(wanted: int = PORT) -> int:
    """Return `wanted`, or any free port if that is taken."""
    taken = False
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            socket.create_server((host, wanted), family=family).close()
        except OSError as problem:
            taken = taken or problem.errno in (EADDRINUSE, EACCES)  # not: no IPv6 here
    if not taken:
        return wanted
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def _plain_environment() -> dict[str, str]:
    """Return our environment without anything that would configure Python or OpenTelemetry."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "PYTHON"))}
