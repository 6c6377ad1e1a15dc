"""What the ledger knows as an exchange begins, and what it learns as the exchange ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from opentelemetry.instrumentation.oauth.protocol.authorization import pkce_method
from opentelemetry.instrumentation.oauth.protocol.request import OAuthRequest
from opentelemetry.instrumentation.oauth.protocol.response import Conclusion
from opentelemetry.instrumentation.oauth.semconv import (
    Endpoint,
    GrantType,
    Outcome,
    RefreshType,
)
from opentelemetry.instrumentation.oauth.telemetry.ledger import Authorization, Ledger, Refresh
from opentelemetry.instrumentation.oauth.telemetry.scope import Scope

_NO_REFRESH: Final = Refresh(None, None, collides=False, reuses=False)


@dataclass(slots=True)
class Opening:
    """An exchange as it begins: the request, what was said of it, what is remembered."""

    request: OAuthRequest
    said: Scope
    refresh: Refresh = _NO_REFRESH
    refresh_type: str | None = None
    authorization: Authorization | None = None
    redundant: bool = False

    @property
    def remaining_lifetime(self) -> float | None:
        """What is left of the token that is refreshed, in seconds, where anybody knows."""
        if self.said.remaining_lifetime is not None:
            return self.said.remaining_lifetime
        return self.refresh.remaining_lifetime

    @property
    def pkce_method(self) -> str | None:
        """``oauth.pkce.method`` of a code exchange; None for any other."""
        request, seen = self.request, self.authorization
        if request.grant_type != GrantType.AUTHORIZATION_CODE:
            return None
        if "code_verifier" not in request.params:
            return "none"
        return "unknown" if seen is None or seen.pkce_method == "none" else seen.pkce_method


def consult(ledger: Ledger, request: OAuthRequest, said: Scope) -> Opening:
    """Ask the ledger what it knows of the request that is about to leave."""
    opening = Opening(request, said)
    grant, params = request.grant_type, request.params
    if grant == GrantType.REFRESH_TOKEN:
        if refresh_token := params.get("refresh_token"):
            opening.refresh = ledger.refresh_began(refresh_token)
        opening.refresh_type = (
            said.caller_refresh_type
            or said.refresh_type
            or opening.refresh.type
            or RefreshType.UNKNOWN
        )
    elif grant == GrantType.AUTHORIZATION_CODE:
        opening.authorization = ledger.authorization_of(
            verifier=params.get("code_verifier"), state=said.state
        )
    elif grant == GrantType.CLIENT_CREDENTIALS:
        opening.redundant = ledger.is_redundant(_credentials_key(request))
    return opening


def abandon(ledger: Ledger, request: OAuthRequest) -> None:
    """Take back what `consult` marked, for an exchange that cannot be told."""
    if request.grant_type == GrantType.REFRESH_TOKEN:
        sent = request.params.get("refresh_token")
        if sent is not None:
            ledger.refresh_ended(sent, rotated=False)


def settle(ledger: Ledger, request: OAuthRequest, conclusion: Conclusion) -> None:
    """Enter in the ledger what an exchange's end has changed."""
    succeeded = conclusion.outcome == Outcome.SUCCESS
    if request.endpoint == Endpoint.PUSHED_AUTHORIZATION_REQUEST and succeeded:
        # RFC 9126: the challenge is pushed; whoever sends the verifier later is known by it.
        ledger.authorization_pushed(
            request.params.get("state"),
            conclusion.request_uri,
            challenge=request.params.get("code_challenge"),
            pkce_method=pkce_method(request.params),
        )
    if request.endpoint != Endpoint.TOKEN:
        return
    if request.grant_type == GrantType.REFRESH_TOKEN:
        sent = request.params.get("refresh_token")
        if sent is not None:
            ledger.refresh_ended(sent, rotated=bool(conclusion.rotated))
            if succeeded and not conclusion.rotated:
                ledger.refresh_token_issued(sent, conclusion.expires_in)
    if not succeeded:
        return
    if conclusion.refresh_token is not None:
        ledger.refresh_token_issued(conclusion.refresh_token, conclusion.expires_in)
    if request.grant_type == GrantType.CLIENT_CREDENTIALS and conclusion.expires_in is not None:
        ledger.token_issued(_credentials_key(request), conclusion.expires_in)


def _credentials_key(request: OAuthRequest) -> str:
    """Tell what makes two client_credentials requests equivalent."""
    params = request.params
    return "\0".join(
        (
            request.key,
            request.client_id or "",
            params.get("scope", ""),
            params.get("audience", ""),
            params.get("resource", ""),
        )
    )
