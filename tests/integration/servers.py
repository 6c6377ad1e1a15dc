"""Starts `examples/authorization_server` as a process of its own and steers it.

The control calls go through `urllib`, which nothing here instruments.
"""

import contextlib
import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

EXAMPLES = Path(__file__).parents[2] / "examples"
if str(EXAMPLES) not in sys.path:
    sys.path.append(str(EXAMPLES))

from authorization_server import keys, presets  # noqa: E402

__all__ = ["Server", "keys", "presets", "start_authlib"]

START_UP = 20.0
READY = "listening on "

#: Around proxies of the environment: the servers are on this machine.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Server:
    """A running server: where it is, what it counted, how to make it fail."""

    def __init__(self, process: subprocess.Popen[str], url: str, output: IO[str]) -> None:
        self.process = process
        self.url = url
        self._output = output

    @property
    def presets(self) -> Any:
        """The table of clients and users that this server knows."""
        return presets

    def counts(self, **match: Any) -> list[dict[str, Any]]:
        """Return the rows of `/_counts`, those alone that have the values of `match`.

        The server waits for requests that it is still answering.
        """
        rows = self._control("GET", "/_counts")
        return [row for row in rows if all(row[name] == value for name, value in match.items())]

    def count(self, **match: Any) -> int:
        """Return how many requests `match` fits."""
        return sum(row["count"] for row in self.counts(**match))

    def reset(self) -> None:
        """Clear the faults and the counts."""
        self._control("DELETE", "/_faults")
        self._control("DELETE", "/_counts")

    def fault(self, endpoint: str = "token", **fault: Any) -> None:
        """Set a fault; `authorization_server/faults.py` describes them."""
        self._control("POST", "/_faults", {"endpoint": endpoint, **fault})

    def clear_faults(self) -> None:
        self._control("DELETE", "/_faults")

    def decide_device(self, user_code: str, *, approve: bool, username: str = "alice") -> None:
        """Let the user decide about a device without a look at the page."""
        decision = {
            "user_code": user_code,
            "approve": "yes" if approve else "no",
            "username": username,
        }
        body = urllib.parse.urlencode(decision).encode()
        _opener.open(f"{self.url}/device/decide", body, timeout=10).close()

    def output(self) -> str:
        """Return what the process printed so far."""
        return Path(self._output.name).read_text(errors="replace")

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(5)
        if self.process.stdout:
            self.process.stdout.close()
        self._output.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._output.name)

    def _control(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            self.url + path,
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Content-Type": "application/json"},
        )
        try:
            with _opener.open(request, timeout=30) as response:
                answer = response.read()
        except OSError as error:
            raise RuntimeError(
                f"{method} {path} failed; the server said:\n{self.output()}"
            ) from error
        return json.loads(answer) if answer else None


@contextlib.contextmanager
def start_authlib(*arguments: str, env: dict[str, str] | None = None) -> Iterator[Server]:
    """Run the server on a free port; `arguments` go to its command line, `env` on top of ours."""
    output = tempfile.NamedTemporaryFile("w", prefix="authlib-", suffix=".log", delete=False)  # noqa: SIM115
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "authorization_server", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=output,
        text=True,
        env={**clean_environment(), "PYTHONPATH": str(EXAMPLES), **(env or {})},
    )
    server = Server(process, "", output)
    try:
        server.url = _wait_until_it_listens(server)
        yield server
    finally:
        said = server.output()
        server.stop()
        if said:  # it is silent unless something broke; pytest shows this where a test failed
            print(f"--- the authorization server said:\n{said}", file=sys.stderr)


def clean_environment() -> dict[str, str]:
    """Return our environment without anything that would instrument the process."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("OTEL_")
    }
    # `opentelemetry-instrument` works through PYTHONPATH: nothing of it is handed on.
    for name in ("PYTHONPATH", "PYTHONSTARTUP", "PYTHONWARNINGS"):
        environment.pop(name, None)
    return environment


def _wait_until_it_listens(server: Server) -> str:
    """Read the line that tells the address.

    It says nothing after that line, so its pipe cannot fill up.
    """
    stdout = server.process.stdout
    assert stdout is not None
    deadline = time.monotonic() + START_UP
    with selectors.DefaultSelector() as selector:
        selector.register(stdout, selectors.EVENT_READ)
        while time.monotonic() < deadline and selector.select(deadline - time.monotonic()):
            line = stdout.readline()
            if not line:
                break
            if line.startswith(READY):
                return line[len(READY) :].strip()
    raise RuntimeError(f"the server did not start:\n{server.output()}")
