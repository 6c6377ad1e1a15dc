"""The ledger: bounded memory of what was issued and begun, by keyed digests.

1. It holds no secret: a key is a BLAKE2b digest under a key drawn at random for the process.
2. It is bounded: at most ``size`` entries of each kind, the least recently used goes first.
3. It is one process's view. Across prefork workers, reuse and collisions are seen by the server or
   from events.
4. Times are on the monotonic clock, so a wrong or changed system clock changes nothing.
5. One lock guards it, never held across a call out of this module. It is re-entrant, because the
   garbage collector may conclude a forgotten exchange in the middle of ours.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterable
from hashlib import blake2b
from time import monotonic
from typing import Final, Generic, NamedTuple, TypeVar

from opentelemetry.trace import SpanContext

from opentelemetry.instrumentation.oauth.protocol.authorization import s256
from opentelemetry.instrumentation.oauth.semconv import RefreshType

V = TypeVar("V")


_DIGEST_SIZE: Final = 15
"""120 bits, and the longest ``bytes`` that CPython keeps in 48: there may be 40,000 of them."""


class _Bounded(OrderedDict[bytes, V], Generic[V]):
    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size

    def remember(self, key: bytes, value: V) -> None:
        self[key] = value
        self.move_to_end(key)
        if len(self) > self._size:
            self.popitem(last=False)


class _RefreshToken:
    __slots__ = ("expires_at", "in_flight", "rotated")

    def __init__(self, expires_at: float | None) -> None:
        self.expires_at = expires_at
        self.in_flight = 0
        self.rotated = False


class Refresh(NamedTuple):
    """What the ledger knows of a refresh token that is about to be sent."""

    type: str | None
    remaining_lifetime: float | None
    collides: bool
    reuses: bool


class Authorization:
    """An authorization that is under way, or has ended."""

    __slots__ = ("_ended", "pkce_method", "server", "span_context", "started_at")

    def __init__(self, pkce_method: str) -> None:
        self.pkce_method = pkce_method
        self.started_at: float | None = None
        self.span_context: SpanContext | None = None
        self.server: tuple[str, int | None] | None = None
        """Host and port of its endpoint; the port is None where it is the scheme's."""
        self._ended = False

    @property
    def is_pushed(self) -> bool:
        """Whether no URL was built of it yet (RFC 9126)."""
        return self.started_at is None and not self._ended

    def end(self) -> float | None:
        """Give how long it took in seconds, once; None where no URL was seen being built."""
        began, self.started_at = self.started_at, None
        self._ended = True
        return None if began is None else monotonic() - began


class Ledger:
    """Remembers refresh tokens, authorizations and client-credentials requests."""

    def __init__(self, size: int) -> None:
        self._key = os.urandom(32)
        self._lock = threading.RLock()
        self._refresh_tokens: _Bounded[_RefreshToken] = _Bounded(size)
        self._states: _Bounded[Authorization] = _Bounded(size)
        self._challenges: _Bounded[Authorization] = _Bounded(size)
        self._fresh_until: _Bounded[float] = _Bounded(size)

    def after_fork(self) -> None:
        """Begin anew in the child: whoever held the lock, or was refreshing, is not here."""
        self._lock = threading.RLock()
        for token in self._refresh_tokens.values():
            token.in_flight = 0

    def _digest(self, text: str) -> bytes:
        data = text.encode("utf-8", "surrogatepass")
        return blake2b(data, key=self._key, digest_size=_DIGEST_SIZE).digest()

    # Refresh tokens

    def refresh_began(self, refresh_token: str) -> Refresh:
        """Tell what is known of the token, and mark it in flight."""
        key = self._digest(refresh_token)
        now = monotonic()
        with self._lock:
            entry = self._refresh_tokens.get(key)
            if entry is None:
                entry = _RefreshToken(None)
                known = Refresh(None, None, False, False)
            else:
                known = _refresh(entry, now)
            entry.in_flight += 1
            self._refresh_tokens.remember(key, entry)
        return known

    def refresh_ended(self, refresh_token: str, *, rotated: bool) -> None:
        """Take the mark off again; a rotated token stays known as such."""
        key = self._digest(refresh_token)
        with self._lock:
            entry = self._refresh_tokens.get(key)
            if entry is not None:
                entry.in_flight = max(0, entry.in_flight - 1)
                entry.rotated = entry.rotated or rotated

    def refresh_token_issued(self, refresh_token: str, expires_in: float | None) -> None:
        """Remember a refresh token and when the access token issued beside it expires."""
        key = self._digest(refresh_token)
        expires_at = None if expires_in is None else monotonic() + expires_in
        with self._lock:
            entry = self._refresh_tokens.get(key)
            if entry is None:
                entry = _RefreshToken(expires_at)
            entry.expires_at = expires_at
            # Issued again, it is no rotated one any more.
            entry.rotated = False
            self._refresh_tokens.remember(key, entry)

    # Authorizations

    def authorization_pushed(
        self, *names: str | None, challenge: str | None, pkce_method: str
    ) -> None:
        """Remember an authorization by its ``state`` and ``request_uri``; it has no URL yet."""
        with self._lock:
            self._remember(Authorization(pkce_method), names, challenge)

    def authorization_started(
        self,
        *names: str | None,
        challenge: str | None,
        pkce_method: str,
        server: tuple[str, int | None],
        span_context: SpanContext | None,
    ) -> Authorization:
        """Remember that a URL was built, known by its ``state`` and ``request_uri``.

        Give what is known of it: a challenge that was pushed does not stand in the URL. A state
        that is used again begins an authorization of its own.
        """
        with self._lock:
            seen = [self._states.get(self._digest(name)) for name in names if name is not None]
            entry = next(
                (each for each in seen if each is not None and each.is_pushed),
                Authorization(pkce_method),
            )
            if challenge is not None:
                entry.pkce_method = pkce_method
            entry.started_at = monotonic()
            entry.span_context = span_context
            entry.server = server
            self._remember(entry, names, challenge)
            return entry

    def _remember(
        self, entry: Authorization, names: Iterable[str | None], challenge: str | None
    ) -> None:
        for name in names:
            if name is not None:
                self._states.remember(self._digest(name), entry)
        if challenge is not None:
            self._challenges.remember(self._digest(challenge), entry)

    def authorization_of(
        self, *, verifier: str | None = None, state: str | None = None
    ) -> Authorization | None:
        """Find the authorization that a code exchange or a callback ends."""
        with self._lock:
            found = None
            if state is not None:
                found = self._states.get(self._digest(state))
            if found is None and verifier is not None:
                for challenge in (s256(verifier), verifier):
                    found = self._challenges.get(self._digest(challenge))
                    if found is not None:
                        break
            return found

    # Client credentials

    def is_redundant(self, request: str) -> bool:
        """Whether an equivalent token still has more than half of its issued life."""
        with self._lock:
            fresh_until = self._fresh_until.get(self._digest(request))
        return fresh_until is not None and monotonic() < fresh_until

    def token_issued(self, request: str, lifetime: float) -> None:
        """Remember until when the token issued to ``request`` has more than half its life (s)."""
        with self._lock:
            self._fresh_until.remember(self._digest(request), monotonic() + lifetime / 2)


def _refresh(entry: _RefreshToken, now: float) -> Refresh:
    if entry.expires_at is None:
        return Refresh(None, None, entry.in_flight > 0, entry.rotated)
    remaining = max(0.0, entry.expires_at - now)
    kind = RefreshType.PROACTIVE if remaining > 0 else RefreshType.REACTIVE
    return Refresh(kind, remaining, entry.in_flight > 0, entry.rotated)
