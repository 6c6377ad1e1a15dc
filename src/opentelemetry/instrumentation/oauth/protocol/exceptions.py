"""Tell an exception of a transport: which one, and whose concern it is."""

import re
from collections.abc import Iterable
from typing import Final

from ..semconv import OTHER, FailureClass

_HTTPX: Final = (
    "HTTPError RequestError TransportError TimeoutException ConnectTimeout ReadTimeout WriteTimeout"
    " PoolTimeout NetworkError ConnectError ReadError WriteError CloseError ProtocolError"
    " LocalProtocolError RemoteProtocolError ProxyError UnsupportedProtocol DecodingError"
    " TooManyRedirects HTTPStatusError InvalidURL CookieConflict StreamError StreamConsumed"
    " StreamClosed ResponseNotRead RequestNotRead"
)
_MODULES: Final = {
    # what the standard library raises
    "builtins": (
        "TimeoutError ConnectionError ConnectionRefusedError ConnectionResetError"
        " ConnectionAbortedError BrokenPipeError OSError EOFError UnicodeError"
        " KeyboardInterrupt GeneratorExit SystemExit"
    ),
    "socket": "gaierror herror",
    "ssl": (
        "SSLError SSLCertVerificationError SSLEOFError SSLZeroReturnError SSLSyscallError"
        " SSLWantReadError SSLWantWriteError"
    ),
    "asyncio.exceptions": "CancelledError TimeoutError IncompleteReadError",
    "concurrent.futures._base": "CancelledError TimeoutError",
    "http.client": (
        "HTTPException RemoteDisconnected BadStatusLine IncompleteRead InvalidURL LineTooLong"
        " ImproperConnectionState CannotSendRequest ResponseNotReady"
    ),
    "urllib.error": "URLError HTTPError ContentTooShortError",
    # what other event loops raise
    "trio": "Cancelled TooSlowError",
    "anyio": "EndOfStream ClosedResourceError BrokenResourceError",
    "gevent.timeout": "Timeout",
    # what the transports raise
    "requests.exceptions": (
        "RequestException HTTPError ConnectionError ProxyError SSLError Timeout ConnectTimeout"
        " ReadTimeout URLRequired TooManyRedirects MissingSchema InvalidSchema InvalidURL"
        " InvalidHeader InvalidProxyURL ChunkedEncodingError ContentDecodingError"
        " StreamConsumedError RetryError UnrewindableBodyError InvalidJSONError JSONDecodeError"
    ),
    "httpx": _HTTPX,
    "httpx2": _HTTPX,
    "aiohttp.client_exceptions": (
        "ClientError ClientResponseError ContentTypeError WSServerHandshakeError TooManyRedirects"
        " ClientHttpProxyError ClientConnectionError ClientConnectionResetError ClientOSError"
        " ClientConnectorError ClientConnectorDNSError ClientProxyConnectionError ClientSSLError"
        " ClientConnectorSSLError ClientConnectorCertificateError UnixClientConnectorError"
        " ServerConnectionError ServerTimeoutError ConnectionTimeoutError SocketTimeoutError"
        " ServerDisconnectedError ServerFingerprintMismatch ClientPayloadError InvalidURL"
        " InvalidUrlClientError RedirectClientError NonHttpUrlClientError"
        " InvalidUrlRedirectClientError NonHttpUrlRedirectClientError"
    ),
    "urllib3.exceptions": (
        "HTTPError PoolError RequestError SSLError ProxyError DecodeError ProtocolError"
        " MaxRetryError HostChangedError TimeoutStateError TimeoutError ReadTimeoutError"
        " ConnectTimeoutError NewConnectionError NameResolutionError EmptyPoolError FullPoolError"
        " ClosedPoolError LocationValueError LocationParseError URLSchemeUnknown ResponseError"
        " IncompleteRead InvalidChunkLength InvalidHeader ProxySchemeUnknown UnrewindableBodyError"
    ),
}

LISTED: Final = frozenset(
    f"{module}.{name}".removeprefix("builtins.")
    for module, names in _MODULES.items()
    for name in names.split()
)
"""Classes that a metric may tell: the transports' own."""

_CANCELED: Final = frozenset(("CancelledError", "Cancelled"))
_CERTIFICATE: Final = frozenset(
    (
        "SSLCertVerificationError",  # ssl
        "CertificateError",  # ssl, before Python 3.7; urllib3
        "ClientConnectorCertificateError",  # aiohttp
        "ServerFingerprintMismatch",  # aiohttp: a pinned certificate
    )
)
_WRAPS: Final = 12
_NAME: Final = re.compile(r"[A-Za-z_][\w.]{0,127}\Z", re.ASCII)


def class_name(kind: type[BaseException]) -> str:
    """Give the fully qualified name of a class, without a module for builtins."""
    module, name = str(kind.__module__), str(kind.__qualname__)
    full = name if module == "builtins" else f"{module}.{name}"
    return full if _NAME.match(full) else OTHER


def listed_name(kind: type[BaseException]) -> str:
    """Give the name of the nearest base that the list has."""
    for base in kind.__mro__:
        name = f"{base.__module__}.{base.__qualname__}".removeprefix("builtins.")
        if name in LISTED:
            return name
    return OTHER


def exception_class(exception: BaseException) -> str:
    """Give ``oauth.failure.class``: canceled, misconfigured (certificates), else unavailable."""
    kind = type(exception)
    if not issubclass(kind, Exception) or any(base.__name__ in _CANCELED for base in kind.__mro__):
        return FailureClass.CANCELED
    for inner in _chain(exception):
        if any(base.__name__ in _CERTIFICATE for base in type(inner).__mro__):
            return FailureClass.MISCONFIGURED
    return FailureClass.UNAVAILABLE


def _chain(exception: BaseException) -> Iterable[BaseException]:
    """Give an exception and what it wraps, by every way in which the transports wrap."""
    due, seen = [exception], set[int]()
    while due and len(seen) < _WRAPS:
        inner = due.pop(0)
        if id(inner) in seen:
            continue
        seen.add(id(inner))
        yield inner
        first: object = inner.args[0] if inner.args else None  # requests, urllib: URLError(error)
        reason: object = inner.__dict__.get("reason")  # urllib3: MaxRetryError.reason
        wrapped = (inner.__cause__, inner.__context__, reason, first)
        due.extend(each for each in wrapped if isinstance(each, BaseException))
