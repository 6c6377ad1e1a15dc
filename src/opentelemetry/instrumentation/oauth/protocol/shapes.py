"""The language that the tables are written in: what a request looks like, as a row.

A *fact* is a word. In lower case it is the name of a top-level parameter; in capitals it is told by
the rest of the request:

========== ========================================================================================
GRANT      ``grant_type`` is one of the table of grants
OWN        the credentials that this grant asks for are here (``code`` for authorization_code, ...)
CLIENT     the client says who it is: client id, secret, assertion, or Basic user
SECRET     the client proves it: secret, assertion, or Basic password
BASIC      ``Authorization: Basic``
BEARER     ``Authorization`` with an access token (Bearer, DPoP; Twitch's ``OAuth <token>``)
FOREIGN    a credential of another kind of API: an API key, a Vault token, another scheme
OAUTH1     the parameters of OAuth 1.0a (RFC 5849)
OAUTH      the path says OAuth or OpenID (``/oauth2/``, ``/openid-connect/``, ``/connect/``, ...)
ISSUER     path or host say that logins live there (``login.``, ``accounts.``, ``/auth/``, ...)
THING      the path speaks of something else that can be revoked (an invitation, a certificate)
LOGOUT     the path ends in a word for logging out
ADMIN      the path is one of an administration API, which manages clients and keys
AT_DEVICE  the path has a segment ``device``
FORM       the parameters are a form: urlencoded, multipart, or a query with no body
JSON       the body is one JSON object
JOSE       the body is a signed object
EMPTY      there is no body
UNREAD     there is a body that could not be looked at: a stream, or too long
ALONE      most parameters are OAuth's own: a request, not a record that quotes one
TYPES      ``response_type`` is made of registered words
DEVICE     ``response_type`` is device_code
PUSHED     ``request_uri`` is one of a pushed authorization request
METADATA   the path has ``/.well-known/`` and a name of the table of metadata documents
INSTANCE   the header by which a cloud's instance metadata service wants to be asked
========== ========================================================================================

A *need* is words that must all hold; ``!word`` must not. A *shape* is an endpoint, its methods, the
ends of path at which it lives (none: any path) and alternative needs. The first row that fits tells
the endpoint. In ends of path case, ``-``, ``_``, versions and file extensions do not matter, a last
word may be prefixed with ``oauth``, and ``*`` is any segment.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple


class Shape(NamedTuple):
    """One way in which an endpoint is asked."""

    endpoint: str
    methods: str
    ends: tuple[str, ...]
    needs: tuple[str, ...]
    source: str


class Need(NamedTuple):
    """A need, split into what must hold and what must not."""

    present: frozenset[str]
    absent: frozenset[str]

    def fits(self, facts: frozenset[str]) -> bool:
        """Tell whether the facts meet this need."""
        return self.present <= facts and self.absent.isdisjoint(facts)


def needs(*alternatives: str) -> tuple[Need, ...]:
    """Split needs as written in a table."""
    return tuple(
        Need(
            frozenset(word for word in words if word[0] != "!"),
            frozenset(word[1:] for word in words if word[0] == "!"),
        )
        for words in (alternative.split() for alternative in alternatives)
    )


class Rule(NamedTuple):
    """A shape, made ready."""

    endpoint: str
    ends: frozenset[str]
    needs: tuple[Need, ...]

    def fits(self, ends: frozenset[str], facts: frozenset[str]) -> bool:
        """Tell whether a request with a method of this rule has this shape."""
        if self.ends and self.ends.isdisjoint(ends):
            return False
        return any(need.fits(facts) for need in self.needs)


Rules = dict[str, tuple[Rule, ...]]
"""The rules that are tried for a method, in their order."""


def rules(shapes: Iterable[Shape]) -> Rules:
    """Make a table of shapes ready."""
    ready: dict[str, list[Rule]] = {}
    for shape in shapes:
        rule = Rule(
            shape.endpoint,
            frozenset("/".join(map(squash, end.split("/"))) for end in shape.ends),
            needs(*shape.needs),
        )
        for method in shape.methods.split():
            ready.setdefault(method, []).append(rule)
    return {method: tuple(rows) for method, rows in ready.items()}


EXTENSIONS: Final = (
    (".oauth2", "PingFederate endpoints"),
    (".openid", "PingFederate endpoints"),
    (".ciba", "PingFederate endpoints"),
    (".do", "ServiceNow: oauth_token.do"),
    (".php", "BambooHR: token.php"),
    (".json", "RFC 8414 examples: jwks.json"),
    (".jsp", "servlet containers"),
    (".aspx", "ASP.NET"),
    (".ashx", "ASP.NET"),
    (".srf", "login.live.com"),
)
_EXTENSION: Final = re.compile("(?:" + "|".join(re.escape(row[0]) for row in EXTENSIONS) + r")\Z")
_VERSION: Final = re.compile(r"v?\d{1,2}(?:\.\d{1,2})?(?:alpha|beta)?\d?\Z")
_LAST_VERSION: Final = re.compile(r"v\d{1,2}\Z")  # Adobe: /ims/token/v3; a bare number is an id
_PREFIX: Final = re.compile(r"(?:oauth2?|oidc)(?=[a-z])")  # Curity: oauth-token; CAS: oidcProfile


def squash(segment: str) -> str:
    """Fold a segment of a path to the spelling under which tables are compared."""
    segment = segment.lower()
    if "." in segment:
        segment = _EXTENSION.sub("", segment)
    return segment.replace("-", "").replace("_", "")


def squashed_segments(path: str) -> list[str]:
    """Give the last segments of a path, folded, without versions."""
    segments = [squash(segment) for segment in path[-1024:].split("/")[-12:] if segment]
    if segments and _LAST_VERSION.match(segments[-1]):
        segments.pop()
    return [name for name in segments[:-1] if not _VERSION.match(name)] + segments[-1:]


def ends_of(segments: list[str]) -> frozenset[str]:
    """Give every end of a path that a table could name."""
    one, two, three = ["", "", "", *segments][-3:]
    bare = _PREFIX.sub("", three)
    return frozenset(
        (
            *(bare, three, f"{two}/{three}", f"{one}/{two}/{three}"),
            *(f"{two}/*", f"{one}/{two}/*", f"{one}/*/{three}"),
        )
    )


def spellings(end: str) -> Iterable[str]:
    """Spell the last segment of an end of path in every usual way, for ``LAST_SEGMENTS``.

    ``may_be_oauth`` finds a path that says oauth or oidc without its last segment.
    """
    before, _, last = end.lower().rpartition("/")
    if last == "*" or "oauth" in before or "oidc" in before:
        return
    for mark in ("_", "-", ""):
        yield last.replace("_", mark)
