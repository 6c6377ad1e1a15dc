"""What arrived, as a person would like to read it."""

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from demo_receiver import Arrived, Span

GRANT, OUTCOME, ERROR, CLASS = (
    "oauth.grant_type",
    "oauth.outcome",
    "error.type",
    "oauth.failure.class",
)
NOBODYS = ("authorization", "resource")
"""Endpoints at which the server sees the browser and the API's users, and we see no exchange."""

FLOWS = {
    ("authorization_code", None): "people logged in by a browser",
    ("authorization_code", "access_denied"): "pressed Deny: no HTTP shows it",
    ("authorization_code", "mismatching_state"): "a callback nobody asked for",
    ("implicit", "access_denied"): "Deny again, on an old page",
    ("client_credentials", None): "services, proved in four ways",
    ("client_credentials", "invalid_client"): "one with a wrong secret",
    ("client_credentials", "429"): "one that asked too often",
    ("client_credentials", "malformed_response"): "200: a captive portal's page",
    ("password", None): "programs that hold a password",
    ("refresh_token", None): "tokens renewed without a person",
    ("refresh_token", "invalid_grant"): "a stolen token was sent again",
    ("refresh_token", "503"): "the outage: no grant is dead",
    ("device_code", None): "a television; polls are no flows",
    ("jwt_bearer", None): "a service acts for a person",
    ("token_exchange", None): "a service trades tokens",
}
REFRESHES = {
    ("proactive", "success"): "before the token expired: nobody waited",
    ("proactive", "failure"): "before it expired: time is left to try again",
    ("reactive", "success"): "after it expired: a request failed first",
    ("reactive", "failure"): "after it expired, and in vain",
}
TO_DO = {
    "unavailable": "wait and retry; the grant is alive",
    "throttled": "ask less often",
    "reauthorize": "log in again",
    "misconfigured": "change the configuration",
    "malformed": "look at what stands between",
    "challenge": "nothing: the client proves itself again",
    "canceled": "nothing: the program gave up",
}
HYGIENE = (
    ("oauth.client.token.redundant", None, "asked though one is good: no cache"),
    ("oauth.client.refresh_token.reuse", None, "a rotated refresh token sent again"),
    ("oauth.client.refresh.collisions", None, "two refreshes at once: no lock"),
    ("oauth.client.resource.rejections", "invalid_token", "an API refused a token that was dead"),
    ("oauth.client.resource.rejections", "insufficient_scope", "… or one of too small a scope"),
)


def section(title: str, metric: str, body: RenderableType) -> RenderableType:
    head = Text.assemble((f"\n{title}", "bold"), (f"  {metric}", "dim"))
    return Group(head, Padding(body, (0, 0, 0, 2)))


def table(*columns: str) -> Table:
    made = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        collapse_padding=True,
        padding=(0, 1, 0, 0),
        header_style="dim",
    )
    for column in columns:
        made.add_column(
            column,
            justify="right" if column in NUMBERS else "left",
            no_wrap=column != columns[-1],
        )
    return made


NUMBERS = ("n", "ours", "server's")


def result(error: str | None, outcome: str = "success") -> Text:
    """Give ``✓ success`` or ``✗ invalid_grant``."""
    if error is None:
        return Text(f"✓ {outcome}", "green")
    return Text(f"✗ {error}", "red")


def flows(arrived: Arrived) -> RenderableType:
    rows = table("grant", "n", "outcome or error.type", "what it was")
    told = arrived.rows("oauth.flow", GRANT, ERROR)
    grants = list(dict.fromkeys(grant for grant, _ in FLOWS))
    before = None
    for grant, error in sorted(told, key=lambda row: (_place(grants, row[0]), row[1] or "")):
        rows.add_row(
            "" if grant == before else grant,
            str(told[grant, error]),
            result(error),
            FLOWS.get((grant, error), ""),
        )
        before = grant
    return section("What the app did", "oauth.flow → oauth_flow_total", rows)


def refreshes(arrived: Arrived) -> RenderableType:
    rows = table("type", "n", "result", "what it means")
    told = arrived.rows("token.refresh.attempts", "type", "result")
    for kind, ended in sorted(told, key=lambda row: (row[0], row[1] != "success")):
        rows.add_row(
            kind,
            str(told[kind, ended]),
            result(None if ended == "success" else ended),
            REFRESHES.get((kind, ended), ""),
        )
    return section("Refreshes", "token.refresh.attempts", rows)


def failures(arrived: Arrived) -> RenderableType:
    rows = table("class", "n", "error.type", "what somebody must do")
    told: dict[str, Counter[str]] = {}
    for (outcome, kind, error), count in arrived.rows("oauth.flow", OUTCOME, CLASS, ERROR).items():
        if outcome == "failure":
            told.setdefault(kind, Counter())[error] += count
    for kind in sorted(told, key=lambda kind: _place(list(TO_DO), kind)):
        errors = ", ".join(sorted(told[kind]))
        rows.add_row(kind, str(told[kind].total()), errors, TO_DO.get(kind, ""))
    rows.columns[2].no_wrap = False
    rows.columns[3].no_wrap = True
    return section("Failures, by what to do", "oauth.failure.class", rows)


def hygiene(arrived: Arrived) -> RenderableType:
    rows = table("n", "metric", "what it means")
    for metric, error, meaning in HYGIENE:
        count = arrived.rows(metric, ERROR).get((error,), 0)
        rows.add_row(Text(str(count), "yellow" if count else "green"), metric, meaning)
    return section("Token hygiene", "what providers bill and auditors ask", rows)


def audit(arrived: Arrived) -> RenderableType:
    rows = Table.grid(padding=(0, 2))
    for event in sorted(arrived.events, key=lambda event: event.time):
        told = event.attributes
        style = "bold red" if event.severity == "ERROR" else ""
        rows.add_row(
            Text(datetime.fromtimestamp(event.time / 1e9).strftime("%H:%M:%S"), "dim"),
            Text(event.name, style),
            Text(str(told["oauth.audit.event"]), style),
            Text(str(told.get(GRANT, "")), "dim"),
        )
    return section("Security and failure events", "for the audit log: OTLP logs", rows)


def login_trace(arrived: Arrived) -> RenderableType | None:
    """The login that began inside a request and ended in another trace, which is linked to it."""
    for ended in arrived.our_spans:
        begun = next((span for span in arrived.spans if span.span_id in ended.links), None)
        if ended.name == "token authorization_code" and begun is not None:
            break
    else:
        return None
    tree = Tree(_span(begun, "the API says 401: a login begins"), guide_style="dim")
    told = ended.attributes
    waited = (ended.start - begun.end) / 1e6
    tree.add(Text(f"⋮  {waited:.0f} ms  the person is in the browser", "dim"))
    linked = tree.add(_span(ended, "linked to the request above"))
    shown = ("oauth.outcome", "oauth.pkce.method", "oauth.library")
    linked.add(Text(", ".join(f"{name}={told.get(name)}" for name in shown), "dim"))
    for child in arrived.spans:
        if child.parent_id == ended.span_id:
            linked.add(_span(child, "another instrumentation's, beneath ours"))
    return section("One login, as a trace", "two traces, joined by a span link", tree)


def _span(span: Span, remark: str) -> Text:
    scope = span.scope.rpartition(".")[2]
    style = "bold" if scope == "oauth" else ""
    text = Text.assemble((span.name, style), (f"  {span.milliseconds:.0f} ms", "cyan"))
    return text.append(f"  {scope}: {remark}", "dim")


@dataclass(frozen=True)
class Check:
    """Two numbers that must be equal."""

    what: str
    told: int
    due: int

    @property
    def holds(self) -> bool:
        return self.told == self.due

    def text(self) -> Text:
        mark, style = ("✓", "green") if self.holds else ("✗", "bold red")
        numbers = f"{self.told} of {self.due}"
        return Text.assemble((f"{mark} ", style), f"{numbers:>10}  {self.what}")


def by_endpoint(arrived: Arrived, counted: Iterable[dict[str, Any]]) -> list[Check]:
    """Our count of exchanges beside the server's own, by endpoint and grant."""
    ours: Counter[str] = Counter()
    metric = "oauth.client.request.duration"
    for names, count in arrived.rows(metric, "oauth.endpoint", GRANT).items():
        ours[" ".join(name for name in names if name)] += count
    theirs: Counter[str] = Counter()
    for row in counted:
        if row["endpoint"] not in NOBODYS:
            grant = (row["grant_type"] or "").rpartition(":")[2].replace("-", "_")
            theirs[f"{row['endpoint']} {grant}".strip()] += row["count"]
    names = sorted({*ours, *theirs}, key=lambda name: (not name.startswith("token "), name))
    return [Check(name, ours[name], theirs[name]) for name in names]


def arrivals(arrived: Arrived, counted: list[dict[str, Any]], served: str) -> list[Check]:
    """Whether all that should arrive did; what should is known from the server's own count."""
    exchanges = sum(check.due for check in by_endpoint(arrived, counted))
    token = [row for row in counted if row["endpoint"] == "token"]
    pending = sum(
        row["count"] for row in token if row["error"] in ("authorization_pending", "slow_down")
    )
    flows = arrived.total("oauth.flow")
    # A login that came back as an error has no request to the token endpoint.
    callbacks = flows - (sum(row["count"] for row in token) - pending)
    failed = arrived.rows("oauth.flow", OUTCOME).get(("failure",), 0)
    return [
        Check("exchanges: told, and counted by the server itself", told(arrived), exchanges),
        Check(
            "spans: one for each, and for each denied login",
            len(arrived.our_spans),
            exchanges + callbacks,
        ),
        Check("events: one for each failure", len(arrived.events), failed),
        Check("flows: at /metrics, and by OTLP", flows_at(served), flows),
        Check("login: linked to the request it began in", int(login_trace(arrived) is not None), 1),
    ]


def told(arrived: Arrived) -> int:
    return arrived.total("oauth.client.request.duration")


def flow_lines(served: str) -> list[str]:
    """What ``grep oauth_flow_total`` prints."""
    return [line for line in served.splitlines() if "oauth_flow_total" in line]


def flows_at(served: str) -> int:
    return sum(int(float(line.rpartition(" ")[2])) for line in flow_lines(served) if line[0] != "#")


def beside(checks: list[Check]) -> RenderableType:
    rows = table("endpoint", "ours", "server's", "")
    for check in checks:
        mark = Text("=", "green") if check.holds else Text("≠", "bold red")
        rows.add_row(check.what, str(check.told), str(check.due), mark)
    return section("Our count beside the server's own", "oauth.client.request.duration", rows)


def secrets_found(secrets: Iterable[str], payloads: list[bytes]) -> int:
    """How many of the secrets stand anywhere in what was sent, plainly or in another spelling."""
    everything = b"\n".join(payloads)
    return sum(any(form in everything for form in _spellings(secret)) for secret in secrets)


def _spellings(secret: str) -> set[bytes]:
    raw = secret.encode()
    # Base64 of a text that contains it, whatever stands before (as in Basic authentication).
    inside = {b64encode(b"." * n + raw)[4 if n else 0 : -4] for n in range(3)}
    return {raw, quote(secret, safe="").encode(), *(each for each in inside if len(each) > 7)}


def _place(order: list[str], name: str) -> int:
    return order.index(name) if name in order else len(order)
