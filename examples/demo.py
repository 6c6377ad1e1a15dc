"""`make demo`: an authorization server, an app under ``opentelemetry-instrument``, what arrived.

The metrics arrive twice, over OTLP and at the in-process Prometheus endpoint, and both must say
the same as the authorization server's own count. Ends with 1 if anything did not arrive.

``DEMO_SECONDS`` says how long the endpoint stays open at the end; without it, until Enter.
"""

import argparse
import os
import re
import sys
import time
from contextlib import ExitStack
from io import StringIO
from pathlib import Path

from rich.console import Console, RenderableType
from rich.panel import Panel
from rich.text import Text

import demo_report as report
from demo_processes import PORT, App, BrokenProcessError, Server, free_port, get
from demo_receiver import Arrived, Receiver

PATIENCE = 15.0

INTRO = (
    "A real authorization server (Authlib's) runs in one process, an app in another, started"
    " with [bold]opentelemetry-instrument python examples/app.py[/]. The app uses requests, httpx"
    " and Authlib; [bold]no line of it is about telemetry[/]. First what it does, then what it"
    " told."
)


def main() -> int:
    parser = argparse.ArgumentParser("demo", description=__doc__)
    parser.add_argument("--svg", type=Path, help="write a picture of the result there, too")
    options = parser.parse_args()
    if not os.environ.get("DEMO_SECONDS", "0").replace(".", "", 1).isdecimal():
        parser.error("DEMO_SECONDS must be a number of seconds")
    console = Console(highlight=False)
    try:
        with ExitStack() as stack:
            return run(console, stack, options.svg)
    except BrokenProcessError as problem:
        console.print(Text(str(problem), "red"))
        return 1
    except KeyboardInterrupt:
        console.print("\nStopped.")
        return 130


def run(console: Console, stack: ExitStack, svg: Path | None) -> int:
    console.print(Panel(INTRO, title="OAuth 2 made visible", border_style="dim"))
    port = free_port()
    if port != PORT:
        console.print(
            Text(f"Port {PORT} is taken on this machine: using {port} instead.", "yellow")
        )
    receiver = stack.enter_context(Receiver())
    server = Server()
    stack.callback(server.stop)
    app = App(server.url, receiver.url, port)
    stack.callback(app.stop)
    for step in app.steps():
        console.print(Text(f"  · {step}", "dim"))

    arrived, counted = receiver.arrived, server.counts()
    served = wait_for_all(arrived, counted, port)
    for part in findings(arrived):
        console.print(part)
    beside = report.by_endpoint(arrived, counted)
    console.print(report.beside(beside))
    checks = report.arrivals(arrived, counted, served)
    found = report.secrets_found(app.secrets, [*arrived.payloads, served.encode()])
    print_flows(console, served, port)
    print_checks(console, checks, found, len(app.secrets))
    if svg:
        svg.write_text(picture(arrived, checks, found, len(app.secrets)))
    if not all(check.holds for check in [*beside, *checks]) or found or not app.secrets:
        console.print(Text("\nNot everything arrived as it should.", "bold red"))
        return 1
    stay(console, port)
    return 0


def wait_for_all(arrived: Arrived, counted: list[dict[str, object]], port: int) -> str:
    """Wait until everything is there, or for long enough; return what ``/metrics`` says."""
    deadline = time.monotonic() + PATIENCE
    while True:
        served = get(f"http://localhost:{port}/metrics")
        checks = report.arrivals(arrived, counted, served)
        if all(check.holds for check in checks) or time.monotonic() > deadline:
            return served
        time.sleep(0.1)


def findings(arrived: Arrived) -> list[RenderableType]:
    trace = report.login_trace(arrived)
    return [
        report.flows(arrived),
        report.refreshes(arrived),
        report.failures(arrived),
        report.hygiene(arrived),
        report.audit(arrived),
        *([trace] if trace else []),
    ]


def print_flows(console: Console, served: str, port: int) -> None:
    command = f"curl -s http://localhost:{port}/metrics | grep oauth_flow_total"
    console.print(Text.assemble("\n$ ", (command, "bold")))
    for line in report.flow_lines(served):
        console.print(Text(line), soft_wrap=True)


def print_checks(console: Console, checks: list[report.Check], found: int, secrets: int) -> None:
    console.print(Text("\nDid all arrive?", "bold"))
    for check in checks:
        console.print(check.text())
    mark, style = ("✗", "bold red") if found else ("✓", "green")
    numbers = f"{found} of {secrets}"
    console.print(
        Text.assemble(
            (f"{mark} ", style), f"{numbers:>10}  secrets in all that was sent and served"
        )
    )


def picture(arrived: Arrived, checks: list[report.Check], found: int, secrets: int) -> str:
    """Draw the tables, for the README."""
    console = Console(record=True, file=StringIO(), width=84, highlight=False, force_terminal=True)
    console.print(Text("$ make demo", "bold"))
    for part in findings(arrived)[:3]:
        console.print(part)
    print_checks(console, checks, found, secrets)
    svg = console.export_svg(title="make demo", unique_id="demo")
    # No font from elsewhere: where the picture is shown, nothing may be fetched.
    svg = re.sub(r"\s*@font-face \{[^}]*\}", "", svg)
    return svg.replace("Fira Code, monospace", "ui-monospace, Menlo, Consolas, monospace")


def stay(console: Console, port: int) -> None:
    """Leave the endpoint open for who wants to look."""
    seconds = os.environ.get("DEMO_SECONDS")
    here = f"http://localhost:{port}/metrics"
    if seconds is not None:
        if float(seconds):
            console.print(f"\n{here} stays open for {seconds} s.")
            time.sleep(float(seconds))
    elif sys.stdin is not None and sys.stdin.isatty():
        console.print(f"\n{here} stays open until you press Enter.")
        sys.stdin.readline()
    else:
        console.print("\nNo terminal to press Enter in: closing. (DEMO_SECONDS=60 would wait.)")


if __name__ == "__main__":
    sys.exit(main())
