"""`opentelemetry-oauth` in a process of its own, for it sets the global providers."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import NamedTuple

DOCTOR = "from opentelemetry.instrumentation.oauth.cli import main; main()"

HIDE = """
import importlib.metadata as metadata

def hiding(finder, find):
    return lambda *a, **k: (d for d in find(*a, **k) if d.metadata["Name"] not in {names!r})

metadata.MetadataPathFinder.find_distributions = hiding(
    metadata.MetadataPathFinder, metadata.MetadataPathFinder.find_distributions
)
"""
"""Makes distributions look as if they were not installed."""


class Answer(NamedTuple):
    code: int
    out: str
    err: str


def doctor(*arguments: str, before: str = "", **environment: str) -> Answer:
    """Run the doctor; `before` is Python that runs in its process first."""
    return python(f"{before}\n{DOCTOR}", "doctor", *arguments, **environment)


def python(code: str, *arguments: str, **environment: str) -> Answer:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "PYTHON"))}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Answer(done.returncode, whole(done.stdout), done.stderr)


def hide(*names: str) -> str:
    return HIDE.format(names=names)


def whole(text: str) -> str:
    """Leave out what differs between machines: versions, and what else runs on the usual ports."""
    text = re.sub(r"(opentelemetry-oauth|Python|requests|httpx2?|authlib) \d[\w.]*", r"\1 N", text)
    return re.sub(r'not in use on localhost: [^"\n]*', "not in use on localhost: …", text)


@contextlib.contextmanager
def listener() -> Iterator[int]:
    """A port of localhost that takes connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@contextlib.contextmanager
def web(status: int, body: str) -> Iterator[int]:
    """A port of localhost where HTTP is answered."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
