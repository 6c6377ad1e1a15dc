"""What is bounded: server addresses on metrics, learned endpoints, attributes that a client chose."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from by_hand import FORM, TOKEN, credentials, tell

from opentelemetry.instrumentation.oauth import OAuthConfig, OAuthTelemetry
from opentelemetry.instrumentation.oauth.telemetry.directory import EndpointDirectory
from recorder import Recorder


def addresses(recorder: Recorder, metric: str) -> set[tuple[str, int | None]]:
    return {
        (point["attributes"]["server.address"], point["attributes"].get("server.port"))
        for point in recorder.points(metric)
    }


def test_the_101st_server_is_other_and_has_no_port(
    telemetry: OAuthTelemetry, recorder: Recorder
) -> None:
    for _ in range(2):
        for number in range(103):
            tell(telemetry, credentials(), url=f"https://as{number}.example:8443/token")
    named = {(f"as{number}.example", 8443) for number in range(100)}
    assert addresses(recorder, "oauth.client.request.duration") == named | {("_OTHER", None)}
    assert addresses(recorder, "oauth.flow") == {(host, None) for host, _ in named} | {
        ("_OTHER", None)
    }
    assert recorder.total("oauth.flow", server__address="_OTHER") == 6
    # A span may tell it: its attributes are no series.
    assert recorder.spans()[-1]["attributes"]["server.address"] == "as102.example"


def test_a_port_makes_another_server_and_the_schemes_own_is_none(recorder: Recorder) -> None:
    telemetry = OAuthTelemetry(OAuthConfig(max_servers=2), **recorder.providers)
    for url in (
        "https://a/token",
        "https://a:443/token",
        "https://a:8443/token",
        "https://b/token",
    ):
        tell(telemetry, credentials(), url=url)
    assert addresses(recorder, "oauth.client.request.duration") == {
        ("a", None),
        ("a", 8443),
        ("_OTHER", None),
    }
    telemetry.close()


def test_resource_servers_are_counted_apart_from_identity_providers(recorder: Recorder) -> None:
    telemetry = OAuthTelemetry(OAuthConfig(max_servers=1), **recorder.providers)
    tell(telemetry, credentials(), url="https://as.example/token")
    for host in ("api.example", "other.example", "third.example"):
        telemetry.rejected(f"https://{host}/", 401, {"WWW-Authenticate": "Bearer"})
    assert addresses(recorder, "oauth.flow") == {("as.example", None)}
    told = addresses(recorder, "oauth.client.resource.rejections")
    assert told == {("api.example", None), ("_OTHER", None)}
    telemetry.close()


# --- endpoints ---------------------------------------------------------------------------------


def metadata(telemetry: OAuthTelemetry, answer: str, issuer: str = "https://as.example") -> None:
    url = f"{issuer}/.well-known/openid-configuration"
    with telemetry.exchange("GET", url) as exchange:
        assert exchange is not None
        exchange.finish(200, {}, answer)


def test_me_is_userinfo_where_the_metadata_says_so_and_a_plain_resource_elsewhere(
    telemetry: OAuthTelemetry, recorder: Recorder
) -> None:
    bearer = {"Authorization": "Bearer Cnry"}
    with telemetry.exchange("GET", "https://as.example/me", bearer) as exchange:
        assert exchange is None
    metadata(
        telemetry, '{"issuer": "https://as.example", "userinfo_endpoint": "https://as.example/me"}'
    )
    for url in ("https://as.example/me", "https://as.example:443/me?lang=en"):
        with telemetry.exchange("GET", url, bearer) as exchange:
            assert exchange is not None
            exchange.finish(200, {}, '{"sub": "1"}')
    with telemetry.exchange("GET", "https://api.example/me", bearer) as exchange:
        assert exchange is None
    assert [span["name"] for span in recorder.spans()] == ["metadata", "userinfo", "userinfo"]


def test_a_configured_token_endpoint_is_one_whatever_its_shape(recorder: Recorder) -> None:
    config = OAuthConfig(token_endpoints=["https://odd.example/api/gimme"])
    telemetry = OAuthTelemetry(config, **recorder.providers)
    tell(telemetry, {"user": "u", "pass": "Cnry"}, url="https://odd.example/api/gimme")
    with telemetry.exchange("POST", "https://odd.example/api/other", FORM, "user=u") as exchange:
        assert exchange is None
    (span,) = recorder.spans()
    assert span["attributes"]["oauth.endpoint"] == "token"
    assert recorder.total("oauth.flow", oauth__grant_type="_OTHER") == 1
    telemetry.close()


def test_what_is_learned_is_bounded_the_oldest_goes_and_the_configuration_stays() -> None:
    directory = EndpointDirectory(["https://odd.example/gimme"])
    words = len(directory.words)
    for number in range(3_000):
        directory.learn({f"https://as{number}.example/me{number}": "userinfo"})
    assert len(directory.known) == 1_001
    assert len(directory.words) <= words + 1_000
    assert directory.known["https://odd.example/gimme"] == "token"
    assert "https://as0.example/me0" not in directory.known
    assert directory.known["https://as2999.example/me2999"] == "userinfo"
    directory.learn({"https://odd.example/gimme": "jwks"})
    assert directory.known["https://odd.example/gimme"] == "token"


# --- attributes off by default -----------------------------------------------------------------


def identity(recorder: Recorder) -> dict[str, str]:
    (span,) = recorder.spans()
    names = ("oauth.scope", "oauth.client.id")
    return {name: span["attributes"][name] for name in names if name in span["attributes"]}


def told(recorder: Recorder, **settings: object) -> dict[str, str]:
    telemetry = OAuthTelemetry(OAuthConfig(**settings), **recorder.providers)  # type: ignore[arg-type]
    tell(telemetry, credentials(scope="read write"), {"error": "invalid_scope"}, 400)
    telemetry.close()
    (event,) = recorder.events()
    for name, value in identity(recorder).items():
        assert event["attributes"][name] == value
    for metric in recorder.metrics():
        for point in recorder.points(metric):
            assert not {"oauth.scope", "oauth.client.id"} & point["attributes"].keys()
    return identity(recorder)


def test_scope_and_client_id_are_off_by_default(recorder: Recorder) -> None:
    assert told(recorder) == {}


def test_scope(recorder: Recorder) -> None:
    assert told(recorder, capture_scope=True) == {"oauth.scope": "read write"}


def test_client_id_plain(recorder: Recorder) -> None:
    assert told(recorder, capture_client_id="plain") == {"oauth.client.id": "app"}


def test_client_id_hash_is_an_hmac_under_the_configured_key(recorder: Recorder) -> None:
    digest = hmac.new(b"Cnry-key", b"app", hashlib.sha256).hexdigest()[:32]
    assert told(recorder, capture_client_id="hash", client_id_hash_key="Cnry-key") == {
        "oauth.client.id": digest
    }


def test_hash_without_a_key_stays_off_and_says_so(
    recorder: Recorder, our_log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opentelemetry.instrumentation.oauth.config._warned", set())
    assert told(recorder, capture_client_id="hash") == {}
    assert len(our_log) == 1
    assert "no key is set: oauth.client.id stays off" in our_log[0]
    assert "OTEL_PYTHON_OAUTH_CLIENT_ID_HASH_KEY" in our_log[0]


def test_endless_values_are_cut(recorder: Recorder) -> None:
    config = OAuthConfig(capture_scope=True, capture_client_id="plain")
    telemetry = OAuthTelemetry(config, **recorder.providers)
    tell(telemetry, {**credentials(scope="s" * 5_000), "client_id": "c" * 5_000}, TOKEN)
    telemetry.close()
    assert {name: len(value) for name, value in identity(recorder).items()} == {
        "oauth.scope": 1024,
        "oauth.client.id": 256,
    }
