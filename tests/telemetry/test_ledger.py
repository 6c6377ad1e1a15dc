"""The ledger: what it lets us tell of refreshes, authorizations and redundant requests."""

from __future__ import annotations

import gc
from types import FunctionType, ModuleType
from typing import Any
from urllib.parse import urlencode

import pytest
from by_hand import ENDPOINT, TOKEN, Clock, credentials, refresh, tell
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult

from opentelemetry.instrumentation.oauth import OAuthConfig, OAuthTelemetry, refresh_context
from opentelemetry.instrumentation.oauth.protocol.authorization import s256
from opentelemetry.instrumentation.oauth.protocol.request import recognise
from opentelemetry.instrumentation.oauth.telemetry.ledger import Ledger
from opentelemetry.instrumentation.oauth.telemetry.scope import hints
from recorder import Recorder

ADDRESS = {"server.address": "as.example"}


def issued(token: str, expires_in: int | None = 3600) -> dict[str, Any]:
    """An answer that issues a refresh token."""
    answer = {**TOKEN, "refresh_token": token}
    if expires_in is None:
        del answer["expires_in"]
    return answer


def login(telemetry: OAuthTelemetry, answer: dict[str, Any]) -> None:
    form = {"grant_type": "password", "client_id": "app", "username": "u", "password": "Cnry"}
    tell(telemetry, form, answer)


def attempts(recorder: Recorder) -> list[tuple[str, str, int]]:
    return [
        (point["attributes"]["type"], point["attributes"]["result"], point["value"])
        for point in recorder.points("token.refresh.attempts")
    ]


# --- of what type a refresh is -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("elapsed", "kind", "remaining"),
    [(0, "proactive", 3600), (3599, "proactive", 1), (3600, "reactive", 0), (9999, "reactive", 0)],
)
def test_before_the_access_token_expires_a_refresh_is_proactive_at_or_after_it_reactive(
    elapsed: int,
    kind: str,
    remaining: float,
    telemetry: OAuthTelemetry,
    recorder: Recorder,
    clock: Clock,
) -> None:
    login(telemetry, issued("Cnry-refresh-1"))
    clock.now += elapsed
    recorder.clear()
    tell(telemetry, refresh("Cnry-refresh-1"), issued("Cnry-refresh-2"))
    assert recorder.spans() == [
        {
            "name": "token refresh_token",
            "kind": "CLIENT",
            "status": "UNSET",
            "description": None,
            "attributes": {
                "oauth.endpoint": "token",
                "oauth.grant_type": "refresh_token",
                "oauth.client_auth.method": "none",
                "oauth.outcome": "success",
                "oauth.refresh.type": kind,
                "oauth.refresh_token.rotated": True,
                "oauth.token.type": "Bearer",
                "oauth.token.expires_in": 3600,
                "http.response.status_code": 200,
                "server.address": "as.example",
                "url.path": "/token",
            },
            "events": [],
            "links": 0,
        }
    ]
    assert attempts(recorder) == [(kind, "success", 1)]
    assert recorder.points("token.refresh.duration") == [
        {"attributes": {"result": "success"}, "count": 1}
    ]
    (point,) = recorder.histogram("oauth.client.token.remaining_lifetime")
    assert (dict(point.attributes), point.sum) == ({"type": kind}, remaining)


def test_without_expires_in_or_without_an_entry_it_is_unknown(
    telemetry: OAuthTelemetry, recorder: Recorder
) -> None:
    tell(telemetry, refresh("Cnry-never-seen"), TOKEN)
    login(telemetry, issued("Cnry-refresh-1", expires_in=None))
    tell(telemetry, refresh("Cnry-refresh-1"), issued("Cnry-refresh-2"))
    assert attempts(recorder) == [("unknown", "success", 2)]
    assert recorder.points("oauth.client.token.remaining_lifetime") == []


def test_a_refresh_that_failed_is_tried_again_under_the_same_expiry(
    telemetry: OAuthTelemetry, recorder: Recorder, clock: Clock
) -> None:
    login(telemetry, issued("Cnry-refresh-1"))
    tell(telemetry, refresh(), {"error": "temporarily_unavailable"}, 503)
    clock.now += 3600
    tell(telemetry, refresh(), issued("Cnry-refresh-2"))
    assert attempts(recorder) == [("proactive", "failure", 1), ("reactive", "success", 1)]
    assert recorder.points("oauth.client.refresh_token.reuse") == []


def test_a_refresh_token_that_stays_the_same_gets_the_new_expiry(
    telemetry: OAuthTelemetry, recorder: Recorder, clock: Clock
) -> None:
    login(telemetry, issued("Cnry-refresh-1"))
    for _ in range(3):
        clock.now += 3000
        tell(telemetry, refresh(), TOKEN)
        clock.now += 100
    assert attempts(recorder) == [("proactive", "success", 3)]
    assert recorder.spans()[-1]["attributes"]["oauth.refresh_token.rotated"] is False


def test_what_the_caller_says_goes_before_the_library_and_that_before_the_ledger(
    telemetry: OAuthTelemetry, recorder: Recorder
) -> None:
    login(telemetry, issued("Cnry-refresh-1"))
    tell(telemetry, refresh(), TOKEN)  # the ledger says proactive
    with hints(library="authlib", refresh_type="reactive", remaining_lifetime=0.0):
        tell(telemetry, refresh(), TOKEN)
        with refresh_context(type="proactive"):
            tell(telemetry, refresh(), TOKEN)
    told = [
        (span["attributes"]["oauth.refresh.type"], span["attributes"].get("oauth.library"))
        for span in recorder.spans()[1:]
    ]
    assert told == [("proactive", None), ("reactive", "authlib"), ("proactive", "authlib")]


def test_refresh_context_says_what_is_allowed() -> None:
    with pytest.raises(ValueError, match="must be 'proactive' or 'reactive', not 'forced'"):
        with refresh_context(type="forced"):
            pass


# --- collisions and reuse ----------------------------------------------------------------------


def test_two_refreshes_at_once_with_one_token_are_a_collision(
    telemetry: OAuthTelemetry, recorder: Recorder
) -> None:
    with telemetry.exchange("POST", ENDPOINT, {}, "grant_type=refresh_token&refresh_token=Cnry"):
        tell(telemetry, refresh("Cnry-other"), TOKEN)
        with telemetry.exchange(
            "POST", "https://as.example/v2/token", {}, "grant_type=refresh_token&refresh_token=Cnry"
        ) as second:
            assert second is not None
            second.finish(200, {}, '{"access_token": "Cnry"}')
    assert recorder.points("oauth.client.refresh.collisions") == [
        {"attributes": ADDRESS, "value": 1}
    ]


def test_one_after_the_other_is_none_however_the_first_ended(
    telemetry: OAuthTelemetry, recorder: Recorder
) -> None:
    tell(telemetry, refresh(), TOKEN)
    tell(telemetry, refresh(), {"error": "server_error"}, 500)
    with pytest.raises(TimeoutError):
        tell(telemetry, refresh(), TimeoutError())
    with telemetry.exchange("POST", ENDPOINT, {}, "grant_type=refresh_token&refresh_token=Cnry"):
        pass
    tell(telemetry, refresh(), TOKEN)
    assert recorder.points("oauth.client.refresh.collisions") == []


@pytest.mark.parametrize(
    ("answer", "status", "outcome"),
    [({"error": "invalid_grant"}, 400, "failure"), (issued("Cnry-refresh-3"), 200, "success")],
)
def test_a_rotated_token_that_is_sent_again_is_reuse_also_within_a_grace_period(
    answer: dict[str, Any],
    status: int,
    outcome: str,
    telemetry: OAuthTelemetry,
    recorder: Recorder,
) -> None:
    tell(telemetry, refresh("Cnry-refresh-1"), issued("Cnry-refresh-2"))
    tell(telemetry, refresh("Cnry-refresh-1"), answer, status)
    assert recorder.points("oauth.client.refresh_token.reuse") == [
        {"attributes": {**ADDRESS, "oauth.outcome": outcome}, "value": 1}
    ]
    tell(telemetry, refresh("Cnry-refresh-2"), issued("Cnry-refresh-4"))
    assert recorder.total("oauth.client.refresh_token.reuse") == 1


def test_a_token_that_is_issued_again_is_rotated_no_more(
    telemetry: OAuthTelemetry, recorder: Recorder
) -> None:
    tell(telemetry, refresh("Cnry-refresh-1"), issued("Cnry-refresh-2"))
    login(telemetry, issued("Cnry-refresh-1"))
    tell(telemetry, refresh("Cnry-refresh-1"), TOKEN)
    assert recorder.points("oauth.client.refresh_token.reuse") == []


# --- redundant client_credentials requests -----------------------------------------------------


@pytest.mark.parametrize(
    ("elapsed", "redundant"), [(0, 1), (1799, 1), (1800, 0), (1801, 0), (9999, 0)]
)
def test_with_more_than_half_of_its_life_left_a_token_makes_the_next_request_redundant(
    elapsed: int, redundant: int, telemetry: OAuthTelemetry, recorder: Recorder, clock: Clock
) -> None:
    tell(telemetry, credentials(scope="read"))
    clock.now += elapsed
    tell(telemetry, credentials(scope="read"))
    point = {"attributes": {**ADDRESS, "oauth.grant_type": "client_credentials"}, "value": 1}
    assert recorder.points("oauth.client.token.redundant") == [point] * redundant


@pytest.mark.parametrize(
    "other",
    [
        credentials(scope="write"),
        credentials(scope="read", audience="https://api.example"),
        credentials(scope="read", resource="https://api.example"),
        {**credentials(scope="read"), "client_id": "other"},
    ],
)
def test_another_client_scope_audience_or_resource_is_another_token(
    other: dict[str, str], telemetry: OAuthTelemetry, recorder: Recorder
) -> None:
    tell(telemetry, credentials(scope="read"))
    tell(telemetry, other)
    tell(telemetry, credentials(scope="read"), url="https://as.example/other/token")
    assert recorder.points("oauth.client.token.redundant") == []


def test_without_expires_in_and_after_a_failure_nothing_is_redundant(
    telemetry: OAuthTelemetry, recorder: Recorder
) -> None:
    tell(telemetry, credentials(), {"error": "invalid_client"}, 401)
    tell(telemetry, credentials(), {"access_token": "Cnry", "token_type": "Bearer"})
    tell(telemetry, credentials())
    assert recorder.points("oauth.client.token.redundant") == []


# --- authorizations ----------------------------------------------------------------------------

VERIFIER = "Cnry-verifier-0123456789"
AUTHORIZE = "https://as.example/authorize?response_type=code&client_id=app"
CODE = {"grant_type": "authorization_code", "client_id": "app", "code": "Cnry-code"}


def waits(recorder: Recorder) -> list[tuple[dict[str, Any], float]]:
    points = recorder.histogram("oauth.client.authorization.duration")
    return [(dict(point.attributes), point.sum) for point in points]


def linked(recorder: Recorder) -> list[int]:
    """The span ids to which the last span of ours is linked."""
    return [link.context.span_id for link in recorder.raw_spans()[-1].links]


def test_the_verifier_finds_the_authorization_by_its_challenge(
    telemetry: OAuthTelemetry, recorder: Recorder, clock: Clock
) -> None:
    with recorder.tracer_provider.get_tracer("app").start_as_current_span("GET /login") as page:
        telemetry.authorization_started(
            f"{AUTHORIZE}&code_challenge={s256(VERIFIER)}&code_challenge_method=S256"
        )
    clock.now += 42
    tell(telemetry, {**CODE, "code_verifier": VERIFIER})
    span = recorder.spans()[-1]
    assert span["attributes"]["oauth.pkce.method"] == "S256"
    assert linked(recorder) == [page.get_span_context().span_id]
    assert waits(recorder) == [({"oauth.outcome": "success"}, 42)]


def test_a_plain_challenge_is_the_verifier_itself(
    telemetry: OAuthTelemetry, recorder: Recorder
) -> None:
    telemetry.authorization_started(f"{AUTHORIZE}&code_challenge={VERIFIER}")
    tell(telemetry, {**CODE, "code_verifier": VERIFIER})
    assert recorder.spans()[-1]["attributes"]["oauth.pkce.method"] == "plain"
    assert recorder.points("oauth.client.authorization.started") == [
        {
            "attributes": {
                **ADDRESS,
                "oauth.response_type": "code",
                "oauth.pkce.method": "plain",
            },
            "value": 1,
        }
    ]


def test_the_state_finds_it_where_a_library_says_it(
    telemetry: OAuthTelemetry, recorder: Recorder, clock: Clock
) -> None:
    telemetry.authorization_started(f"{AUTHORIZE}&state=Cnry-state")
    clock.now += 7
    with hints(state="Cnry-state"):
        tell(telemetry, CODE, {"error": "invalid_grant"}, 400)
        tell(telemetry, CODE)  # whatever is sent after the end is counted no more
    assert [span["attributes"]["oauth.pkce.method"] for span in recorder.spans()] == ["none"] * 2
    assert waits(recorder) == [({"oauth.outcome": "failure", "error.type": "invalid_grant"}, 7)]


def test_an_unknown_verifier_or_state_joins_nothing(
    telemetry: OAuthTelemetry, recorder: Recorder
) -> None:
    telemetry.authorization_started(f"{AUTHORIZE}&state=Cnry-a&code_challenge={s256('Cnry-b')}")
    with hints(state="Cnry-other"):
        tell(telemetry, {**CODE, "code_verifier": VERIFIER})
    assert recorder.spans()[-1]["attributes"]["oauth.pkce.method"] == "unknown"
    assert (linked(recorder), waits(recorder)) == ([], [])


def test_a_pushed_challenge_is_known_and_starts_nothing(
    telemetry: OAuthTelemetry, recorder: Recorder
) -> None:
    """RFC 9126: a PAR alone starts no authorization."""
    pushed = {
        "response_type": "code",
        "client_id": "app",
        "redirect_uri": "https://app.example/cb",
        "state": "Cnry-state",
        "code_challenge": s256(VERIFIER),
        "code_challenge_method": "S256",
    }
    answer = {"request_uri": "urn:ietf:params:oauth:request_uri:Cnry", "expires_in": 60}
    tell(telemetry, pushed, answer, 201, url="https://as.example/par")
    assert recorder.spans()[-1]["name"] == "pushed_authorization_request"
    assert recorder.points("oauth.client.authorization.started") == []
    tell(telemetry, {**CODE, "code_verifier": VERIFIER})
    assert recorder.spans()[-1]["attributes"]["oauth.pkce.method"] == "S256"
    assert waits(recorder) == []


def test_an_error_at_the_callback_ends_the_authorization_by_its_state(
    telemetry: OAuthTelemetry, recorder: Recorder, clock: Clock
) -> None:
    with recorder.tracer_provider.get_tracer("app").start_as_current_span("GET /login") as page:
        telemetry.authorization_started(f"{AUTHORIZE}&state=Cnry-state")
    clock.now += 3
    for _ in range(2):  # the second is a reload of the page: told, and its wait is known no more
        telemetry.authorization_failed("access_denied", state="Cnry-state")
    assert waits(recorder) == [({"oauth.outcome": "failure", "error.type": "access_denied"}, 3)]
    assert linked(recorder) == [page.get_span_context().span_id]


def test_a_state_that_is_used_again_begins_an_authorization_of_its_own(
    telemetry: OAuthTelemetry, recorder: Recorder, clock: Clock
) -> None:
    telemetry.authorization_started(f"{AUTHORIZE}&state=Cnry-state")
    clock.now += 100
    telemetry.authorization_started(f"{AUTHORIZE}&state=Cnry-state")
    clock.now += 5
    telemetry.authorization_failed("access_denied", state="Cnry-state")
    assert [seconds for _, seconds in waits(recorder)] == [5]


# --- its memory --------------------------------------------------------------------------------


def memory_of(thing: object) -> list[Any]:
    """Everything that can be reached from an object, classes, modules and functions apart."""
    seen: dict[int, Any] = {}
    due = [thing]
    while due:
        each = due.pop()
        if id(each) in seen or isinstance(each, (type, ModuleType, FunctionType)):
            continue
        seen[id(each)] = each
        due.extend(gc.get_referents(each))
    return list(seen.values())


def everything_told(telemetry: OAuthTelemetry) -> None:
    login(telemetry, issued("Cnry-refresh-1"))
    tell(telemetry, refresh("Cnry-refresh-1"), issued("Cnry-refresh-2"))
    tell(telemetry, refresh("Cnry-refresh-1"), {"error": "Cnry_echoed"}, 400)
    tell(telemetry, credentials(scope="Cnry-scope", audience="Cnry-audience"))
    telemetry.authorization_started(f"{AUTHORIZE}&state=Cnry-s&code_challenge=Cnry-c&nonce=Cnry-n")
    with hints(state="Cnry-s"):
        tell(telemetry, {**CODE, "code_verifier": "Cnry-c"})
    telemetry.authorization_failed("Cnry_error", state="Cnry-s")


def test_there_is_no_secret_in_its_memory(telemetry: OAuthTelemetry) -> None:
    everything_told(telemetry)
    remembered = [each for each in memory_of(telemetry.ledger) if isinstance(each, (str, bytes))]
    assert remembered
    for each in remembered:
        text = each.decode("latin-1") if isinstance(each, bytes) else each
        assert "Cnry" not in text
    digests = [each for each in remembered if isinstance(each, bytes)]
    assert {len(digest) for digest in digests} == {15, 32}  # the digests, and the key


def test_digests_are_keyed_anew_in_each_process() -> None:
    first, second = Ledger(10), Ledger(10)
    assert first._digest("Cnry") == first._digest("Cnry") != second._digest("Cnry")


def test_any_text_has_a_digest() -> None:
    ledger = Ledger(10)
    texts = ["", "\ud800", "\x00", "ü" * 100_000]
    assert len({ledger._digest(text) for text in texts}) == len(texts)


@pytest.mark.parametrize("size", [0, 1, 10])
def test_it_is_bounded_and_the_least_recently_used_goes_first(
    size: int, recorder: Recorder
) -> None:
    telemetry = OAuthTelemetry(OAuthConfig(ledger_size=size), **recorder.providers)
    for number in range(30):
        login(telemetry, issued(f"Cnry-refresh-{number}"))
        tell(telemetry, credentials(scope=str(number)))
        telemetry.authorization_started(
            f"{AUTHORIZE}&state=Cnry{number}&code_challenge=Cnry{number}"
        )
        tell(telemetry, refresh("Cnry-refresh-0"), TOKEN)  # always in use: it stays
    ledger = telemetry.ledger
    kinds = (ledger._refresh_tokens, ledger._states, ledger._challenges, ledger._fresh_until)
    assert [len(kind) for kind in kinds] == [size] * 4
    known = 30 if size == 10 else 1 if size == 1 else 0
    assert recorder.total("token.refresh.attempts", type="proactive") == known
    assert recorder.total("token.refresh.attempts") == 30
    telemetry.close()


def test_a_refresh_that_cannot_be_told_is_not_under_way(recorder: Recorder) -> None:
    class Broken(Sampler):
        broken = True

        def should_sample(self, *args: object, **kwargs: object) -> SamplingResult:
            if self.broken:
                raise RuntimeError("a sampler of the user's")
            return SamplingResult(Decision.RECORD_AND_SAMPLE)

        def get_description(self) -> str:
            return "broken"

    sampler = Broken()
    providers = recorder.providers | {"tracer_provider": TracerProvider(sampler)}
    telemetry = OAuthTelemetry(**providers)
    asked = recognise("POST", ENDPOINT, {}, urlencode(refresh("Cnry-once")))
    assert asked is not None
    with pytest.raises(RuntimeError):
        telemetry.begin(asked)
    sampler.broken = False
    tell(telemetry, refresh("Cnry-once"), TOKEN)
    assert recorder.points("oauth.client.refresh.collisions") == []
    assert recorder.total("token.refresh.attempts") == 1
