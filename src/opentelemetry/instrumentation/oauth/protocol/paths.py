"""Take URLs apart, and tell a path without telling a secret."""

import re
from typing import Final, NamedTuple

from .endpoints import WORDS
from .shapes import squash
from .wire import clean

DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,20})://([^/?#\\]*)", re.DOTALL)
_PORT: Final = re.compile(r":([0-9]{1,5})?\Z")


class Address(NamedTuple):
    """A URL in its parts; scheme and host are "" where it has none."""

    scheme: str
    host: str
    port: int | None
    path: str
    query: str
    fragment: str

    @property
    def port_is_default(self) -> bool:
        """Tell whether a URL would leave the port out."""
        return self.port is None or self.port == DEFAULT_PORTS.get(self.scheme)

    @property
    def key(self) -> str:
        """The URL normalised, without query, fragment and user (RFC 3986 section 6.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port_is_default else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path or '/'}"


def split(url: str) -> Address:
    """Take a URL apart as RFC 3986 appendix B does; anything goes."""
    rest, _, fragment = url.partition("#")
    rest, _, query = rest.partition("?")
    found = _URL.match(rest)
    if found is None:
        return Address("", "", None, rest, query, fragment)
    scheme, authority = found[1].lower(), found[2].rpartition("@")[2]
    number = _PORT.search(authority)
    host = clean((authority[: number.start()] if number else authority)[:253]).strip("[]").lower()
    port = int(number[1]) if number and number[1] else DEFAULT_PORTS.get(scheme)
    return Address(scheme, host, port, rest[found.end() :], query, fragment)


def endpoint_key(url: str) -> str | None:
    """Give the form of an absolute http(s) URL under which an endpoint is remembered."""
    address = split(url)
    return address.key if address.host and address.scheme in DEFAULT_PORTS else None


_PLAIN: Final = re.compile(r"[A-Za-z._-]*(?:[0-9][A-Za-z._-]*){0,6}\Z")
_BEFORE_SECRETS: Final = frozenset(("token", "tokens", "revoke", "introspect"))
_PATH_LIMIT: Final = 256
_PATH_READ: Final = 8192


def safe_path(path: str) -> str:
    """Give ``url.path``: each segment that might be a secret becomes ``*``.

    A segment stays if it is empty, a word of the endpoint table, or a plain word (letters, ``.``,
    ``-``, ``_``, at most 6 digits, at most 40 characters) that follows no word such as ``token``.
    """
    told: list[str] = []
    length, before = 0, ""
    segments = path[:_PATH_READ].split("/")
    for segment in segments[:-1] if len(path) > _PATH_READ else segments:
        word = squash(segment) if len(segment) <= 40 else ""
        plain = len(segment) <= 40 and _PLAIN.match(segment) and not _guards(before)
        shown = segment if not segment or word in WORDS or plain else "*"
        length += len(shown) + 1
        if length > _PATH_LIMIT:
            break
        told.append(shown)
        before = segment.lower() or before
    return "/".join(told)


def _guards(word: str) -> bool:
    """Tell whether what follows may be a token: also ``access-tokens/<token>`` (HubSpot)."""
    return word in _BEFORE_SECRETS or word.endswith(("-token", "_token", "-tokens", "_tokens"))
