"""The truth: of thousands of mixed exchanges every count is the server's own count, exactly.

Eight threads (requests and httpx) and two hundred asyncio tasks (httpx and Authlib) do whatever a
program does with tokens, badly and well, at the same time. Whatever was sampled of the spans, the
metrics are whole.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, ClassVar

import pytest
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

from credentials import authlib_credentials, authlib_private_key, provider_credentials
from drivers import BY_NAME, Client
from oidc_provider_server import Server as OIDCProvider
from opentelemetry.instrumentation.oauth import OAuthInstrumentor
from recorder import Recorder
from servers import Server, presets
from told import SCOPE

pytestmark = pytest.mark.integration

THREADS, TASKS = 8, 200
SYNC = ("requests", "httpx")
ASYNC = ("httpx-async", "authlib-httpx-async")
SAMPLED = (0.0, 0.1, 1.0)

GRANTS = {
    "urn:ietf:params:oauth:grant-type:device_code": "device_code",
    "urn:ietf:params:oauth:grant-type:jwt-bearer": "jwt_bearer",
    "urn:ietf:params:oauth:grant-type:token-exchange": "token_exchange",
    "urn:example:nonsense": "_OTHER",
}
PENDING = ("authorization_pending", "slow_down")


# -- what a program does: each step is one exchange


class Program:
    """One thread or task, with its own clients and tokens, that does as its dice say."""

    def __init__(self, driver: str, url: str, seed: int) -> None:
        self.driver = BY_NAME[driver]
        self.url = url
        self.dice = random.Random(seed)
        self.clients: dict[Any, Client] = {}
        # Two hundred tasks with a connection for each of their clients were too many for a server.
        self.options = {"transport": self.driver.connections()} if self.driver.is_async else {}
        self.tokens: list[dict[str, Any]] = []
        self.rotated: list[dict[str, Any]] = []
        self.devices: list[dict[str, Any]] = []

    def credentials(self, client_id: str, secret: str | None) -> Any:
        raise NotImplementedError

    def client(self, client_id: str, secret: str | None = None) -> Client:
        key = (client_id, secret)
        if key not in self.clients:
            self.clients[key] = self.driver.make(
                self.credentials(client_id, secret), 60, **self.options
            )
        return self.clients[key]

    async def run(self, exchanges: int, steps: dict[str, int]) -> None:
        try:
            for _ in range(exchanges):
                (step,) = self.dice.choices(list(steps), list(steps.values()))
                # A dropped connection or a 503 raises in Authlib: the program goes on.
                await self.client("any").attempt(getattr(self, step)())
        finally:
            for client in self.clients.values():
                await client.close()

    def keep(self, answer: dict[str, Any]) -> None:
        if "refresh_token" in answer:
            self.tokens.append(answer)

    @property
    def access_token(self) -> str:
        return self.dice.choice(self.tokens)["access_token"] if self.tokens else "unknown-Cnry"


class AtAuthlib(Program):
    """What a program does with Authlib's server."""

    STEPS: ClassVar = {
        "client_credentials": 14,
        "wrong_secret": 6,
        "nonsense": 2,
        "password": 12,
        "refresh": 14,
        "stolen": 5,
        "exchange": 5,
        "jwt_bearer": 2,
        "ask_device": 5,
        "poll": 10,
        "introspect": 6,
        "introspect_by_nobody": 2,
        "revoke": 4,
        "userinfo": 4,
        "metadata": 2,
        "jwks": 2,
        "register": 2,
    }

    def __init__(self, driver: str, server: Server, seed: int) -> None:
        super().__init__(driver, server.url, seed)
        self.server = server

    def credentials(self, client_id: str, secret: str | None) -> Any:
        known = "service" if client_id == "any" else client_id
        return authlib_credentials(self.server, known, secret)

    async def token(self, client_id: str, grant: str, **form: str) -> dict[str, Any]:
        return await self.client(client_id).token(f"{self.url}/token", grant, **form)

    async def client_credentials(self) -> None:
        client_id = self.dice.choice(["service", "service-post", "service-jwt"])
        scope = self.dice.choice(["read", "write", "read write", "nonsense"])
        await self.token(client_id, "client_credentials", scope=scope)

    async def wrong_secret(self) -> None:
        thief = self.client("service", "wrong-Cnry")
        await thief.token(f"{self.url}/token", "client_credentials")

    async def nonsense(self) -> None:
        await self.token("service", "urn:example:nonsense")

    async def password(self) -> None:
        right = self.dice.random() < 0.85
        password = presets.USERS["alice"].password if right else "wrong-Cnry"
        scope = self.dice.choice(["read", "openid"])
        self.keep(
            await self.token("legacy", "password", username="alice", password=password, scope=scope)
        )

    async def refresh(self) -> None:
        if not self.tokens:
            return await self.password()
        old = self.tokens.pop(self.dice.randrange(len(self.tokens)))
        self.rotated.append(old)
        self.keep(await self.client("legacy").refresh(f"{self.url}/token", old))

    async def stolen(self) -> None:
        if not self.rotated:
            return await self.refresh()
        await self.client("legacy").refresh(f"{self.url}/token", self.dice.choice(self.rotated))

    async def exchange(self) -> None:
        kind = "urn:ietf:params:oauth:token-type:access_token"
        form = {"subject_token": self.access_token, "subject_token_type": kind}
        await self.token("exchange", presets.TOKEN_EXCHANGE, **form)

    async def jwt_bearer(self) -> None:
        subject = self.dice.choice(["alice", "nobody"])
        url = f"{self.url}/token"
        await self.client("assertion").jwt_bearer(url, "assertion", subject, KEY, url)

    async def ask_device(self) -> None:
        answer = await self.client("device").post(f"{self.url}/device_authorization", scope="read")
        self.devices.append(answer.json())

    async def poll(self) -> None:
        if not self.devices:
            return await self.ask_device()
        asked = self.dice.choice(self.devices)
        if self.dice.random() < 0.3:  # the person decides; that is no OAuth of ours
            decision = {"user_code": asked["user_code"], "username": "alice"}
            decision["approve"] = self.dice.choice(["yes", "yes", "no"])
            await self.client("any").send("POST", f"{self.url}/device/decide", data=decision)
        form = {"device_code": asked["device_code"]}
        await self.token("device", presets.DEVICE_CODE, **form)

    async def introspect(self) -> None:
        await self.client("api").introspect(f"{self.url}/introspect", self.access_token)

    async def introspect_by_nobody(self) -> None:
        thief = self.client("api", "wrong-Cnry")
        await thief.introspect(f"{self.url}/introspect", self.access_token)

    async def revoke(self) -> None:
        await self.client("legacy").revoke(f"{self.url}/revoke", self.access_token)

    async def userinfo(self) -> None:
        token = self.access_token
        await self.client("any").send("GET", f"{self.url}/userinfo", token=token)
        # A resource is no endpoint: what it rejects is counted elsewhere.
        path = self.dice.choice(["/resource", "/resource/admin"])
        await self.client("any").send("GET", self.url + path, token=token)

    async def metadata(self) -> None:
        name = self.dice.choice(["openid-configuration", "oauth-authorization-server"])
        await self.client("any").send("GET", f"{self.url}/.well-known/{name}")

    async def jwks(self) -> None:
        await self.client("any").send("GET", f"{self.url}/jwks")

    async def register(self) -> None:
        uri = self.dice.choice(["http://127.0.0.1/callback", "nonsense"])
        about = {"client_name": "x", "redirect_uris": [uri]}
        await self.client("any").send("POST", f"{self.url}/register", json=about)


class AtProvider(Program):
    """What a program does with oidc-provider."""

    STEPS: ClassVar = {
        "client_credentials": 8,
        "wrong_secret": 3,
        "nonsense": 1,
        "ask_device": 3,
        "poll": 6,
        "push": 2,
        "introspect": 3,
        "revoke": 2,
        "dead_refresh": 2,
        "jwks": 1,
    }

    def __init__(self, driver: str, server: OIDCProvider, seed: int) -> None:
        super().__init__(driver, server.url, seed)
        self.server = server

    def credentials(self, client_id: str, secret: str | None) -> Any:
        known = "cc-basic" if client_id == "any" else client_id
        return provider_credentials(self.server, known, secret)

    async def client_credentials(self) -> None:
        client_id = self.dice.choice(["cc-basic", "cc-post", "cc-secret-jwt"])
        form = self.dice.choice([{"scope": "read"}, {"resource": "https://other.test/"}])
        client = self.client(client_id)
        self.keep(await client.token(f"{self.url}/token", "client_credentials", **form))

    def keep(self, answer: dict[str, Any]) -> None:
        if "access_token" in answer:
            self.tokens.append(answer)

    async def wrong_secret(self) -> None:
        thief = self.client("cc-basic", "wrong-Cnry")
        await thief.token(f"{self.url}/token", "client_credentials")

    async def nonsense(self) -> None:
        await self.client("cc-basic").token(f"{self.url}/token", "urn:example:nonsense")

    async def ask_device(self) -> None:
        client = self.client("device-public")
        self.devices.append((await client.post(f"{self.url}/device/auth", scope="openid")).json())

    async def poll(self) -> None:
        if not self.devices:
            return await self.ask_device()
        form = {"device_code": self.dice.choice(self.devices)["device_code"]}
        if self.dice.random() < 0.2:
            form = {"device_code": "unknown-Cnry"}
        await self.client("device-public").token(f"{self.url}/token", presets.DEVICE_CODE, **form)

    async def push(self) -> None:
        home = self.dice.choice(["http://127.0.0.1:9/callback", "https://elsewhere.test/"])
        about = {"client_id": "web-par", "response_type": "code", "redirect_uri": home}
        await self.client("web-par").post(f"{self.url}/request", **about)

    async def introspect(self) -> None:
        client = self.client("resource-server")
        await client.introspect(f"{self.url}/token/introspection", self.access_token)

    async def revoke(self) -> None:
        client = self.client("cc-basic")
        await client.revoke(f"{self.url}/token/revocation", self.access_token)

    async def dead_refresh(self) -> None:
        dead = {"refresh_token": "unknown-Cnry", "access_token": ""}
        await self.client("web-basic").refresh(f"{self.url}/token", dead)

    async def jwks(self) -> None:
        await self.client("any").send("GET", f"{self.url}/jwks")


KEY = authlib_private_key()


# -- all of them at once


def everybody(kind: type, server: Any, exchanges: int, seed: int) -> int:
    """Half of the exchanges from threads, then half from tasks; return how many there were."""
    in_threads, in_tasks = (
        shares(exchanges // 2, THREADS),
        shares(exchanges - exchanges // 2, TASKS),
    )

    def thread(number: int, share: int) -> None:
        program = kind(SYNC[number % len(SYNC)], server, seed + number)
        asyncio.run(program.run(share, kind.STEPS))

    async def tasks() -> None:
        programs = (kind(ASYNC[n % len(ASYNC)], server, seed + 1000 + n) for n in range(TASKS))
        await asyncio.gather(
            *(
                program.run(share, kind.STEPS)
                for program, share in zip(programs, in_tasks, strict=True)
            )
        )

    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(thread, range(THREADS), in_threads):
            pass
    asyncio.run(tasks())
    return exchanges


def shares(whole: int, of: int) -> list[int]:
    return [whole // of + (number < whole % of) for number in range(of)]


@contextmanager
def watched(sampled: float) -> Iterator[Recorder]:
    recorder = Recorder(ParentBased(TraceIdRatioBased(sampled)))
    OAuthInstrumentor().instrument(**recorder.providers)
    try:
        yield recorder
    finally:
        OAuthInstrumentor().uninstrument()


# -- both counts, in the same words

Key = tuple[str, "str | None", str, "str | None"]


def count_of_the_server(rows: list[dict[str, Any]]) -> Counter[Key]:
    """By endpoint, grant, outcome and error; resources are no endpoint."""
    counted: Counter[Key] = Counter()
    for row in rows:
        endpoint, grant, status, error = (
            row[name] for name in ("endpoint", "grant_type", "status", "error")
        )
        if endpoint == "resource":
            continue
        if endpoint == "token":
            grant = GRANTS.get(grant, grant)
        if status is None:
            error = "no answer"
        elif error is None and status >= 400:
            error = str(status)
        outcome = "success" if error is None else "pending" if error in PENDING else "failure"
        counted[endpoint, grant, outcome, error] += row["count"]
    return counted


def count_of_ours(recorder: Recorder) -> Counter[Key]:
    counted: Counter[Key] = Counter()
    for point in recorder.points("oauth.client.request.duration"):
        told = point["attributes"]
        error = told.get("error.type")
        if error and "." in error:  # what the library raises, whatever it calls it
            error = "no answer"
        key = (told["oauth.endpoint"], told.get("oauth.grant_type"), told["oauth.outcome"], error)
        counted[key] += point["count"]
    return counted


def rejections_of_the_server(rows: list[dict[str, Any]]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for row in rows:
        if row["endpoint"] == "resource" and row["error"]:
            counted[row["error"]] += row["count"]
    return counted


def compare(
    recorder: Recorder, rows: list[dict[str, Any]], exchanges: int, sampled: float, name: str
) -> str:
    """Compare every count; return a line that tells both."""
    theirs, ours = count_of_the_server(rows), count_of_ours(recorder)
    assert ours == theirs
    assert sum(ours.values()) == exchanges

    concluded: Counter[Key] = Counter()
    for key, count in theirs.items():
        if key[0] == "token" and key[2] != "pending":
            concluded[key] += count
    flows: Counter[Key] = Counter()
    for point in recorder.points("oauth.flow"):
        told = point["attributes"]
        error = told.get("error.type")
        error = "no answer" if error and "." in error else error
        flows["token", told["oauth.grant_type"], told["oauth.outcome"], error] += point["value"]
    assert flows == concluded

    refreshes = {
        result: sum(n for key, n in concluded.items() if key[1:3] == ("refresh_token", result))
        for result in ("success", "failure")
    }
    for result, count in refreshes.items():
        assert recorder.total("token.refresh.attempts", result=result) == count
        assert recorder.total("token.refresh.duration", result=result) == count

    rejected = rejections_of_the_server(rows)
    assert {
        point["attributes"]["error.type"]: point["value"]
        for point in recorder.points("oauth.client.resource.rejections")
    } == dict(rejected)

    failed = sum(n for key, n in theirs.items() if key[2] == "failure")
    assert len(recorder.events()) == failed

    spans = [
        span
        for span in recorder.raw_spans()
        if span.instrumentation_scope and span.instrumentation_scope.name == SCOPE
    ]
    if sampled == 0:
        assert spans == []
    elif sampled == 1:
        assert len(spans) == exchanges
    else:
        assert 0 < len(spans) < exchanges
    recorder.sweep()
    return (
        f"{name}, {sampled:4.0%} sampled: server {sum(theirs.values())} exchanges, ours"
        f" {sum(ours.values())}, in {len(theirs)} kinds; {sum(flows.values())} flows,"
        f" {sum(refreshes.values())} refreshes, {failed} failures, {sum(rejected.values())}"
        f" rejections, {len(spans)} spans"
    )


def truth_of_authlib(server: Server, exchanges: int, sampled: float) -> str:
    server.reset()
    # Some of what happens is an outage, in which nobody gets a token.
    some = max(1, exchanges // 100)
    server.fault(status=503, times=some, headers={"Retry-After": "1"}, body="<html>Cnry</html>")
    server.fault(status=429, times=some, grant_type="client_credentials")
    server.fault(drop=True, times=some, grant_type="password")
    with watched(sampled) as recorder:
        began = time.monotonic()
        everybody(AtAuthlib, server, exchanges, seed=int(sampled * 100))
        took = time.monotonic() - began
        line = compare(recorder, server.counts(), exchanges, sampled, "authlib")
    assert len(count_of_the_server(server.counts())) > 25, "it was not mixed"
    return f"{line}, {took:.1f} s"


def truth_of_provider(server: OIDCProvider, exchanges: int, sampled: float) -> str:
    server.reset()
    with watched(sampled) as recorder:
        began = time.monotonic()
        everybody(AtProvider, server, exchanges, seed=int(sampled * 100))
        took = time.monotonic() - began
        line = compare(recorder, server.counts(), exchanges, sampled, "oidc-provider")
    return f"{line}, {took:.1f} s"


@pytest.mark.parametrize("sampled", SAMPLED)
def test_two_thousand_exchanges(
    authlib_server: Server, sampled: float, capsys: pytest.CaptureFixture[str]
) -> None:
    line = truth_of_authlib(authlib_server, 2_000, sampled)
    with capsys.disabled():
        print(f"\n{line}")


@pytest.mark.parametrize("sampled", SAMPLED)
def test_six_hundred_exchanges_with_the_other_server(
    oidc_provider: OIDCProvider, sampled: float, capsys: pytest.CaptureFixture[str]
) -> None:
    line = truth_of_provider(oidc_provider, 600, sampled)
    with capsys.disabled():
        print(f"\n{line}")


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("sampled", SAMPLED)
def test_twenty_thousand_exchanges(
    authlib_server: Server, sampled: float, capsys: pytest.CaptureFixture[str]
) -> None:
    line = truth_of_authlib(authlib_server, 20_000, sampled)
    with capsys.disabled():
        print(f"\n{line}")


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("sampled", SAMPLED)
def test_six_thousand_exchanges_with_the_other_server(
    oidc_provider: OIDCProvider, sampled: float, capsys: pytest.CaptureFixture[str]
) -> None:
    line = truth_of_provider(oidc_provider, 6_000, sampled)
    with capsys.disabled():
        print(f"\n{line}")
