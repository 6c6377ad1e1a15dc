"""The database: tables in memory behind one lock, so that a token is traded in exactly once."""

import secrets
import threading
import time
from typing import Any

from .models import AuthorizationCode, Client, DeviceCredential, Token, User
from .presets import CANARY, CLIENTS, USERS

#: Rows a table keeps; the oldest go first. Far more than a load test leaves behind.
TABLE_LIMIT = 500_000


def new_secret(kind: str) -> str:
    """Return a new random value that carries the canary: a token, a code, a client's secret."""
    return f"{kind}-{CANARY}-{secrets.token_urlsafe(24)}"


class Store:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clients = dict(CLIENTS)
        self._codes: dict[str, AuthorizationCode] = {}
        self._tokens: dict[str, Token] = {}
        self._devices: dict[str, DeviceCredential] = {}
        self._user_codes: dict[str, DeviceCredential] = {}
        self._seen: dict[tuple[str, str, str], bool] = {}

    # -- clients and users

    def client(self, client_id: str) -> Client | None:
        return self._clients.get(client_id)

    def put_client(self, client: Client) -> None:
        with self._lock:
            self._clients[client.client_id] = client

    def delete_client(self, client: Client) -> None:
        with self._lock:
            self._clients.pop(client.client_id, None)

    def client_of_registration_token(self, token: str) -> Client | None:
        with self._lock:
            return next(
                (c for c in self._clients.values() if c.registration_access_token == token), None
            )

    def user(self, username: str) -> User | None:
        return USERS.get(username)

    # -- authorization codes

    def put_code(self, code: AuthorizationCode) -> None:
        with self._lock:
            self._put(self._codes, code.code, code)

    def spend_code(self, value: str, client: Client) -> AuthorizationCode | None:
        """Take a code, which works once.

        A second use revokes what the first one was given (RFC 6749, section 4.1.2).
        """
        with self._lock:
            code = self._codes.get(value)
            if code is None or code.client_id != client.client_id:
                return None
            if code.spent:
                code.family.revoked = True
                return None
            code.spent = True
            return code if code.expires_at > time.time() else None

    # -- tokens

    def put_token(self, token: Token) -> None:
        with self._lock:
            self._put(self._tokens, token.value, token)

    def token(self, value: str, kind: str | None = None) -> Token | None:
        token = self._tokens.get(value)
        return token if token and kind in (None, token.kind) else None

    def claim_refresh_token(self, value: str) -> Token | None:
        """Take a refresh token for trading in, which one request alone may do at a time.

        One that was traded in before is stolen or raced for: its whole family dies (RFC 9700,
        section 4.14.2).
        """
        with self._lock:
            token = self.token(value, "refresh_token")
            if token is None or token.revoked or token.family.revoked or token.is_expired():
                return None
            if token.rotated:
                token.family.revoked = True
                return None
            token.rotated = token.client.rotates_refresh_tokens
            return token

    def release_refresh_token(self, token: Token) -> None:
        """Give a claimed refresh token back: the request for it turned out to be invalid."""
        with self._lock:
            token.rotated = False

    def revoke(self, token: Token) -> None:
        with self._lock:
            token.revoked = True
            if token.kind == "refresh_token":
                token.family.revoked = True

    # -- devices

    def put_device(self, credential: DeviceCredential) -> None:
        with self._lock:
            self._put(self._devices, credential.device_code, credential)
            self._put(self._user_codes, credential.user_code, credential)

    def device(self, device_code: str) -> DeviceCredential | None:
        return self._devices.get(device_code)

    def device_of_user_code(self, user_code: str) -> DeviceCredential | None:
        return self._user_codes.get(user_code)

    def decide_device(self, credential: DeviceCredential, user: User, approved: bool) -> None:
        with self._lock:
            credential.user, credential.approved = user, approved

    def polled_too_fast(self, credential: DeviceCredential) -> bool:
        with self._lock:
            now = time.monotonic()
            last, credential.polled_at = credential.polled_at, now
            return last is not None and now - last < credential.interval

    def redeem_device(self, credential: DeviceCredential) -> bool:
        """Take an approved device code, which works once."""
        with self._lock:
            first = not credential.redeemed
            credential.redeemed = True
            return first

    # -- values that may be seen once: nonces, the jti of assertions

    def first_sight(self, kind: str, client_id: str, value: str) -> bool:
        key = (kind, client_id, value)
        with self._lock:
            first = key not in self._seen
            self._put(self._seen, key, True)
            return first

    def seen(self, kind: str, client_id: str, value: str) -> bool:
        return (kind, client_id, value) in self._seen

    @staticmethod
    def _put(table: dict[Any, Any], key: object, row: object) -> None:
        table[key] = row
        if len(table) > TABLE_LIMIT:
            del table[next(iter(table))]
