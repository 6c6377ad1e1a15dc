"""Who answers at a port. Plain sockets: nothing here shows in anybody's telemetry."""

from __future__ import annotations

import socket
from http.client import HTTPConnection, HTTPException
from typing import Final

_TIMEOUT: Final = 1.0


def answers(host: str, port: int) -> bool:
    """Whether somebody takes a connection."""
    try:
        with socket.create_connection((host, port), timeout=_TIMEOUT):
            return True
    except (OSError, OverflowError, UnicodeError):
        return False


def metrics_at(host: str, port: int) -> str | None:
    """Give what ``/metrics`` answers, empty where it is no such thing; None where nobody does."""
    if not answers(host, port):
        return None
    connection = HTTPConnection(host, port, timeout=_TIMEOUT)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        return answer.read(1 << 20).decode("utf-8", "replace") if answer.status == 200 else ""
    except (OSError, HTTPException):
        return ""
    finally:
        connection.close()
