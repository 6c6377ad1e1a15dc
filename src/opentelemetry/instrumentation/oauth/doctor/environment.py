"""Is the configuration right?"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from difflib import get_close_matches

from opentelemetry.instrumentation.oauth import config, environment_variables
from opentelemetry.instrumentation.oauth.doctor.report import Finding
from opentelemetry.instrumentation.oauth.doctor.signals import serves_prometheus
from opentelemetry.instrumentation.oauth.doctor.situation import Situation


def environment(situation: Situation) -> Iterable[Finding]:
    """Whether our own variables are known and have values that are allowed."""
    prefix = "OTEL_PYTHON_OAUTH_"
    known = [
        name.removeprefix(prefix) for name in vars(environment_variables) if name.startswith(prefix)
    ]
    for name in sorted(situation.environ):
        if name.startswith(prefix) and name.removeprefix(prefix) not in known:
            near = get_close_matches(name.removeprefix(prefix), known, 1)
            yield Finding(
                "warning",
                f"{name} is no variable of ours",
                f"did you mean {prefix}{near[0]}?"
                if near
                else "opentelemetry-instrument --help lists ours",
            )
    config.OAuthConfig()  # a process warns but once, and remembers of what
    for warning in sorted(config._warned):  # pyright: ignore[reportPrivateUsage]
        yield Finding("warning", warning, "set the variable to what is allowed, or unset it")


def prefork(situation: Situation) -> Iterable[Finding]:
    """Whether this is one of many workers, of which an in-process endpoint shows only one."""
    server = next((name for name in ("gunicorn.arbiter", "uwsgi") if name in sys.modules), None)
    if server is not None and serves_prometheus(situation):
        yield Finding(
            "warning",
            f"{server.partition('.')[0]} has many workers: the in-process Prometheus endpoint shows"
            " one of them",
            "export by OTLP, with providers made in the post_fork hook",
        )
