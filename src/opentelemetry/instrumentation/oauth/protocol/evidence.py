"""From a request to the facts that the tables speak of (see ``shapes``)."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, cast

from ..semconv import OTHER, RESPONSE_TYPES
from . import wire
from .grants import grant_value, own_credentials
from .paths import Address
from .providers import FOREIGN_HEADERS, INSTANCE_HEADERS, KNOWN_PARAMETERS, PARAMETER_ALIASES
from .shapes import ends_of, squashed_segments
from .vocabulary import (
    ISSUER_LABELS,
    ISSUER_SEGMENTS,
    LOGOUT_SEGMENTS,
    METADATA_NAMES,
    OAUTH_PARTS,
    OAUTH_SEGMENTS,
    THINGS,
)

REQUEST_URI: Final = "urn:ietf:params:oauth:request_uri:"  # RFC 9126 section 2.2
_REGISTERED: Final = frozenset(frozenset(words.split()) for words in RESPONSE_TYPES)
_OAUTH1: Final = frozenset(("oauth_consumer_key", "oauth_signature", "oauth_verifier"))


_TELLING_HEADERS: Final = {
    **{name.lower(): "FOREIGN" for name, _ in FOREIGN_HEADERS},
    **{name.lower(): "INSTANCE" for name, _ in INSTANCE_HEADERS},
}


class Content(NamedTuple):
    """The parameters of a request, and what its body is: FORM, JSON, JOSE, EMPTY, UNREAD, or ""."""

    kind: str
    params: dict[str, str]
    names: frozenset[str]


class Evidence(NamedTuple):
    """What a request tells."""

    ends: frozenset[str]
    facts: frozenset[str]
    params: dict[str, str]
    basic: tuple[str, str] | None


def content(query: str, headers: Mapping[str, str], body: object) -> Content:
    """Read the parameters of body and query; the first of a name wins."""
    params: dict[str, str] = {}
    names: set[str] = set()
    text = "" if body is None else wire.text_of(body, whole=True)
    kind = "UNREAD" if text is None else "EMPTY" if not text.strip() else ""
    if text and not kind:
        kind = _read(text.strip(), wire.field(headers, "Content-Type").lower(), params, names)
    if query:
        for name, value in wire.form(wire.clean(query[: wire.LIMIT])).items():
            params.setdefault(wire.snake(name), value)
        kind = "FORM" if kind == "EMPTY" and params else kind
    if not PARAMETER_ALIASES.keys().isdisjoint(params):
        for alias, (name, _) in PARAMETER_ALIASES.items():
            if alias in params:
                params.setdefault(name, params[alias])
    return Content(kind, params, frozenset(names.union(params)))


def _read(text: str, media: str, params: dict[str, str], names: set[str]) -> str:
    """Read a body into ``params`` and ``names``; its first character outweighs its media type."""
    if text[0] == "{":
        members = wire.as_object(wire.json_value(text)) or {}
        for name, value in list(members.items())[: wire.PAIRS]:
            names.add(wire.snake(name))
            told = wire.scalar(value)
            if told is not None:
                params.setdefault(wire.snake(name), told)
        return "JSON" if members else ""
    if text.startswith("--"):
        params.update((wire.snake(name), value) for name, value in wire.multipart(text).items())
        return "FORM" if params else ""
    if wire.looks_like_jwt(text):
        return "JOSE"
    if wire.looks_like_form(text) and "\n" not in text:
        params.update((wire.snake(name), value) for name, value in wire.form(text).items())
        return "FORM" if not media or "form" in media or "json" in media else ""
    return ""


def gather(address: Address, headers: Mapping[str, str], body: object) -> Evidence:
    """Tell every fact of a request."""
    segments = squashed_segments(address.path)
    ends = ends_of(segments)
    read = content(address.query, headers, body)
    authorization = wire.field(headers, "Authorization")
    basic = wire.basic(authorization) if authorization[:6].lower() == "basic " else None
    facts = {name for name in read.names if name != name.upper()}  # capitals are for us
    facts.add(read.kind)
    facts.update(_path_facts(address, segments))
    facts.update(_header_facts(authorization, headers))
    facts.update(_client_facts(read.params, basic))
    facts.update(_parameter_facts(read))
    facts.update(_grant_facts(read.params, frozenset(facts)))
    return Evidence(ends, frozenset(facts), read.params, basic)


def _path_facts(address: Address, segments: list[str]) -> Iterable[str]:
    joined = "/".join(segments)
    said = any(part in joined for part in OAUTH_PARTS)
    if said or not OAUTH_SEGMENTS.isdisjoint(segments[:-1]):
        yield "OAUTH"
    if not ISSUER_SEGMENTS.isdisjoint(segments[:-1]) or not ISSUER_LABELS.isdisjoint(
        address.host.split(".")
    ):
        yield "ISSUER"
    if not THINGS.isdisjoint(segments[:-1]):
        yield "THING"
    if "admin" in segments:
        yield "ADMIN"
    if segments and segments[-1] in LOGOUT_SEGMENTS:
        yield "LOGOUT"
    if "device" in segments:
        yield "AT_DEVICE"
    if ".wellknown" in segments:
        after = segments[segments.index(".wellknown") + 1 :]
        if not METADATA_NAMES.keys().isdisjoint(after):
            yield "METADATA"


def _header_facts(authorization: str, headers: Mapping[str, str]) -> Iterable[str]:
    scheme, _, value = authorization.partition(" ")
    scheme = scheme.lower()
    if scheme in ("bearer", "dpop", "mac"):
        yield "BEARER"
    elif scheme == "oauth":  # OAuth 1.0a has parameters there, Twitch a token
        yield "OAUTH1" if "oauth_" in value or "=" in value[:-2] else "BEARER"
    elif scheme not in ("", "basic", "digest", "negotiate"):
        yield "FOREIGN"
    for name in cast("Iterable[object]", headers):
        fact = _TELLING_HEADERS.get(name.lower()) if isinstance(name, str) else None
        if fact is not None and wire.field(headers, str(name)):
            yield fact


def _client_facts(params: Mapping[str, str], basic: tuple[str, str] | None) -> Iterable[str]:
    yield from (name for name in ("client_id", "client_secret") if name in params)
    if basic is not None:
        yield from ("BASIC", "SECRET", "CLIENT")
    elif "client_secret" in params or "client_assertion" in params:
        yield from ("SECRET", "CLIENT")
    elif "client_id" in params:
        yield "CLIENT"


def _parameter_facts(read: Content) -> Iterable[str]:
    strangers = len(read.names - KNOWN_PARAMETERS)
    if strangers <= 1 or strangers * 2 <= len(read.names) - strangers:
        yield "ALONE"  # a vendor's own parameter is no news; many make a record of something else
    if "response_type" in read.params:
        types = read.params["response_type"].split()
        if frozenset(types) in _REGISTERED:
            yield "TYPES"
        elif types == ["device_code"]:
            yield "DEVICE"
    if read.params.get("request_uri", "").startswith(REQUEST_URI):
        yield "PUSHED"
    if not _OAUTH1.isdisjoint(read.params):
        yield "OAUTH1"


def _grant_facts(params: Mapping[str, str], facts: frozenset[str]) -> Iterable[str]:
    if "grant_type" not in params:
        return
    value = grant_value(params["grant_type"])
    if value != OTHER:
        yield "GRANT"
    if any(need.fits(facts) for need in own_credentials(value)):
        yield "OWN"
