"""Read what stands on the wire: forms, JSON, multipart, JSONP, JOSE headers, HTTP fields.

Every reader here is bounded (``LIMIT``), linear, and total: it takes anything and gives a value,
never an exception. What cannot be read is empty.
"""

import base64
import binascii
import json
import re
import zlib
from collections.abc import Iterable, Mapping
from typing import Final, cast
from urllib.parse import unquote_plus

LIMIT: Final = 32 * 1024
"""How much of a body is ever looked at."""

PAIRS: Final = 64
"""How many parameters of a request are ever looked at; Alipay's fifteen are the most seen."""

_SPACES: Final = " \t\r\n"


def clean(text: str) -> str:
    """Replace what no exporter could encode (lone surrogates)."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def text_of(body: object, *, whole: bool) -> str | None:
    """Give a body as text: None where it was not read, or (``whole``) where it is too long."""
    if not isinstance(body, (str, bytes, bytearray)) or (whole and len(body) > LIMIT):
        return None
    part = body[:LIMIT]
    return clean(part) if isinstance(part, str) else part.decode("utf-8", "replace")


def field(headers: Mapping[str, str], name: str) -> str:
    """Give the HTTP field ``name`` (in canonical spelling), "" if absent.

    The headers of a transport know no case; a plain dict is tried in the usual spellings.
    """
    value = cast("object", headers.get(name))
    if value is None and isinstance(headers, dict):
        spellings = (name.lower(), name.title(), name.capitalize())  # the last is urllib's
        value = next((headers[each] for each in spellings if each in headers), None)
    if isinstance(value, bytes):
        return value[:LIMIT].decode("latin-1")
    return clean(value[:LIMIT]) if isinstance(value, str) else ""


def gunzip(data: bytes) -> bytes:
    """Decompress what still is gzip (RFC 1952: it begins with 1f 8b), as far as ``LIMIT``."""
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return zlib.decompressobj(31).decompress(data[: 4 * LIMIT], LIMIT + 1)
    except zlib.error:
        return data


# --- forms -------------------------------------------------------------------------------------


def form(text: str) -> dict[str, str]:
    """Parse application/x-www-form-urlencoded (WHATWG URL section 5.1); the first name wins."""
    found: dict[str, str] = {}
    for pair in text.strip(_SPACES).split("&", PAIRS)[:PAIRS]:
        name, _, value = pair.partition("=")
        if name:
            found.setdefault(_unquoted(name), _unquoted(value))
    return found


def _unquoted(text: str) -> str:
    return clean(unquote_plus(text) if "%" in text or "+" in text else text)


_FORM_NAME: Final = re.compile(r"[A-Za-z_][\w.%\[\]:-]{0,99}=")


def looks_like_form(text: str) -> bool:
    """Tell a form (``name=value&...``) from prose and markup, without parsing it."""
    return _FORM_NAME.match(text) is not None


_PART_NAME: Final = re.compile(
    r'content-disposition:[^\r\n]*?\bname="?([^"\r\n;]{1,100})', re.IGNORECASE
)
_BLANK_LINE: Final = re.compile(r"\r?\n\r?\n")


def multipart(text: str) -> dict[str, str]:
    """Parse multipart/form-data (RFC 7578) as far as short text parts go; files are passed over."""
    delimiter = text[:200].partition("\n")[0].rstrip("\r")
    if not delimiter.startswith("--") or len(delimiter) < 3:
        return {}
    found: dict[str, str] = {}
    for part in text.split(delimiter, PAIRS)[1 : PAIRS + 1]:
        blank = _BLANK_LINE.search(part)
        name = _PART_NAME.search(part, 0, min(blank.start(), 1000)) if blank else None
        if blank and name and "filename=" not in part[: blank.start()]:
            found.setdefault(name[1], part[blank.end() :].removesuffix("\n").removesuffix("\r"))
    return found


# --- JSON --------------------------------------------------------------------------------------


def json_value(text: str) -> object:
    """Parse JSON; None where it is none (also too deep, or with a number too long to read)."""
    try:
        return cast("object", json.loads(text))
    except (ValueError, RecursionError):
        return None


def as_object(value: object) -> dict[str, object] | None:
    """Give ``value`` if it is a JSON object."""
    return cast("dict[str, object]", value) if isinstance(value, dict) else None


_TOKEN: Final = re.compile(r'"((?:[^"\\]|\\.)*)("|\\?\Z)|([{}\[\]:,])|([^\s{}\[\]:,"]+)', re.DOTALL)


def scan(text: str) -> dict[str, object]:
    """Give the top-level members of a JSON object that is cut off, or too deep to parse.

    Scalars keep their value, objects and lists become empty ones.
    """
    found: dict[str, object] = {}
    depth, key, due = 0, None, False
    for token in _TOKEN.finditer(text):
        string, end, mark, bare = token.groups()
        if string is not None and end != '"':
            break
        if mark in ("{", "["):
            if depth == 1 and due and key is not None:
                found.setdefault(key, {} if mark == "{" else [])
            depth, due = depth + 1, False
        elif mark in ("}", "]"):
            depth -= 1
        elif depth == 1 and mark == ",":
            key, due = None, False
        elif depth == 1 and mark == ":":
            due = True
        elif depth == 1 and due and key is not None:
            found.setdefault(key, json_value(token[0] if bare is None else bare))
            due = False
        elif depth == 1 and string is not None:
            key = cast("str | None", json_value(token[0]))
    return found


_JSONP: Final = re.compile(r"(?:/\*\*/)?[\w$.]{1,100}\(\s*(\{.*\})\s*\)\s*;?\s*\Z", re.DOTALL)


def jsonp(text: str) -> str | None:
    """Give the object inside ``callback({...});`` (RFC 7009 section 2.3; QQ)."""
    text = text.strip(_SPACES)
    found = _JSONP.match(text) if text.endswith((")", ");")) else None
    return found[1] if found else None


def scalar(value: object) -> str | None:
    """Give a parameter's value as text: JSON scalars, and lists of strings as words."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, (bool, int, float)):
        return json_text(value)
    if isinstance(value, list):
        items = cast("list[object]", value)
        return clean(" ".join(cast("list[str]", items))) if _all_strings(items) else None
    return None


def json_text(value: object) -> str:
    """Spell a JSON scalar."""
    try:
        return json.dumps(value)
    except (ValueError, TypeError):  # an int of more digits than Python spells
        return ""


def _all_strings(items: Iterable[object]) -> bool:
    return all(isinstance(item, str) for item in items)


_HUMP: Final = re.compile(r"(?<=[a-z0-9])[A-Z]")


def snake(name: str) -> str:
    """Fold ``grantType`` to ``grant_type``; a name without humps stays as it is."""
    if name.islower():
        return name
    folded = _HUMP.sub(lambda hump: "_" + hump[0], name)
    return name if folded == name else folded.lower()


# --- credentials -------------------------------------------------------------------------------


def decode64(text: str) -> bytes:
    """Decode base64, URL-safe or not, padded or not."""
    try:
        data = text.encode("ascii").translate(bytes.maketrans(b"-_", b"+/"))
        return base64.b64decode(data + b"=" * (-len(data) % 4))
    except (ValueError, binascii.Error):
        return b""


def basic(authorization: str) -> tuple[str, str]:
    """Give user and password of ``Basic ...``, decoded as RFC 6749 section 2.3.1 says."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    user, _, password = decode64(value.strip()).decode("utf-8", "replace").partition(":")
    return unquote_plus(user), unquote_plus(password)


def jose(token: str, part: int) -> dict[str, object]:
    """Give the header (0) or the claims (1) of a compact JWS, {} if it is none (RFC 7515)."""
    parts = token[:LIMIT].split(".", 3)
    if len(parts) < part + 2:
        return {}
    return as_object(json_value(decode64(parts[part]).decode("utf-8", "replace"))) or {}


_JWS: Final = re.compile(r"\s*eyJ[\w-]+\.[\w-]+\.[\w-]*")


def looks_like_jwt(text: str) -> bool:
    """Tell a compact JWS or JWE: its JOSE header begins with ``{"``."""
    return _JWS.match(text) is not None


_CHALLENGE: Final = re.compile(
    r'(?<![\w-])(?P<name>[A-Za-z][\w-]*)\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s,"]*))'
    r"|(?<![\w-])(?P<scheme>[A-Za-z][\w-]*)(?=[\s,]|\Z)"
)


def challenges(value: str) -> list[tuple[str, dict[str, str]]]:
    """Split WWW-Authenticate into (scheme in lower case, parameters) (RFC 9110 section 11.6.1)."""
    found: list[tuple[str, dict[str, str]]] = []
    for match in _CHALLENGE.finditer(value[:4096]):
        if match["scheme"]:
            found.append((match["scheme"].lower(), {}))
        elif found:
            quoted = match["quoted"]
            found[-1][1].setdefault(
                match["name"].lower(), match["bare"] if quoted is None else quoted
            )
    return found
