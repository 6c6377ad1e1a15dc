"""The first thing anyone runs: one exchange, whole span, whole points."""

import httpx

from recorder import Recorder


def test_a_client_credentials_exchange_is_one_span_and_one_flow(instrumented: Recorder) -> None:
    answer = {"access_token": "Cnry-token", "token_type": "bearer", "expires_in": 3600}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=answer))
    with httpx.Client(transport=transport) as client:
        client.post(
            "https://as.example/token",
            data={"grant_type": "client_credentials"},
            auth=("service", "Cnry-secret"),
        )
    assert instrumented.spans() == [
        {
            "name": "token client_credentials",
            "kind": "CLIENT",
            "status": "UNSET",
            "description": None,
            "attributes": {
                "oauth.endpoint": "token",
                "oauth.grant_type": "client_credentials",
                "oauth.client_auth.method": "client_secret_basic",
                "oauth.outcome": "success",
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
    assert instrumented.points("oauth.flow") == [
        {
            "attributes": {
                "oauth.role": "client",
                "oauth.grant_type": "client_credentials",
                "oauth.client_auth.method": "client_secret_basic",
                "oauth.outcome": "success",
                "server.address": "as.example",
            },
            "value": 1,
        }
    ]
