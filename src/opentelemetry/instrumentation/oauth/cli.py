"""The command ``opentelemetry-oauth``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from opentelemetry.instrumentation.oauth import OAuthInstrumentor
from opentelemetry.instrumentation.oauth.doctor import diagnose, examine
from opentelemetry.instrumentation.oauth.doctor.situation import start
from opentelemetry.instrumentation.oauth.version import __version__


def main() -> NoReturn:
    """Run the command and leave at once.

    The exporters that `doctor` has started would otherwise wait for a collector that does not
    answer, and have nothing to tell it.
    """
    try:
        code = run(sys.argv[1:])
    except SystemExit as end:  # argparse: --help, or a usage error
        code = end.code if isinstance(end.code, int) else 2
    except BrokenPipeError:  # | head
        code = 1
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run the command and give its exit code."""
    options = _parser().parse_args(arguments)
    # Under opentelemetry-instrument itself there is nothing left to start.
    running = OAuthInstrumentor().is_instrumented_by_opentelemetry
    report = diagnose() if running else examine(start())
    if options.json:
        text = report.json()
    else:
        text = report.text(colour=sys.stdout.isatty() and "NO_COLOR" not in os.environ)
    sys.stdout.write(f"{text}\n")
    return report.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "opentelemetry-oauth", description="OAuth 2 made visible, by OpenTelemetry."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    command = commands.add_parser(
        "doctor",
        help="tell what is configured, what is hooked and what answers",
        description="Tell what a program would see under opentelemetry-instrument with this"
        " environment: what is configured, what is hooked and what answers, with a line of advice"
        " for each finding that is not in order. Exits with 1 if there is a problem.",
    )
    command.add_argument("--json", action="store_true", help="for a program to read")
    return parser


if __name__ == "__main__":
    main()
