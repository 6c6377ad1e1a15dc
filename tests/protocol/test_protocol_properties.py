"""Anything may come: no function raises, none tells a secret, none takes longer than linear time."""

import json
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opentelemetry.instrumentation.oauth.protocol import wire
from opentelemetry.instrumentation.oauth.protocol.authorization import (
    parse_authorization_url,
    parse_callback,
    s256,
)
from opentelemetry.instrumentation.oauth.protocol.endpoints import LAST_SEGMENTS
from opentelemetry.instrumentation.oauth.protocol.paths import safe_path, split
from opentelemetry.instrumentation.oauth.protocol.request import (
    OAuthRequest,
    endpoint_key,
    may_be_oauth,
    recognise,
    url_carries_secret,
)
from opentelemetry.instrumentation.oauth.protocol.response import conclude, rejection
from opentelemetry.instrumentation.oauth.semconv import (
    CLIENT_AUTH_METHODS,
    ENDPOINTS,
    FAILURE_CLASSES,
    GRANT_TYPES,
    OUTCOMES,
    TOKEN_TYPES,
)

# the same examples on every run: what fails here fails for everybody
thorough = settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)

anything = st.text(st.characters())  # lone surrogates and NUL are among them
NAMES = """
    grant_type code client_id client_secret refresh_token token access_token username password state
    response_type request_uri error expires_in token_type data errors device_code redirect_uris scope
    client_assertion login_hint grantType authorization_code client_credentials code+id_token
"""
words = st.sampled_from(NAMES.split())
values = st.one_of(
    words,
    anything,
    st.sampled_from(["%", "%5", "%zz", "\x00", "a.b.c", "eyJhbGciOiJIUzI1NiJ9.e30.x"]),
)
forms = st.lists(st.tuples(words, values), max_size=8).map(
    lambda pairs: "&".join("=".join(pair) for pair in pairs)
)
trees = st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), values),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(words, inner, max_size=6)),
    max_leaves=12,
)
objects = st.dictionaries(words, trees, max_size=8).map(json.dumps)
multiparts = forms.map(
    lambda form: (
        "--b\r\n"
        + "--b\r\n".join(
            f'Content-Disposition: form-data; name="{p}"\r\n\r\n1\r\n' for p in form.split("&")
        )
    )
)
ugly = st.sampled_from(
    [
        '{"expires_in":1e400,"access_token":"a"}',
        '{"expires_in":' + "9" * 5000 + "}",
        '{"a":' * 5000,
        "[" * 20_000,
        '{"grant_type":' + "[" * 20_000,
        '"' + "\\" * 999,
        "&" * 20_000,
        "=" * 20_000,
        "--",
        "--\r\n",
        "--b\r\nContent-Disposition: form-data; name=\"grant_type\"",
        "cb({)",
        "\x1f\x8b\x08",
        "\ufeff{}",
        "null",
        "{}",
        '{"error":{}}',
        '{"errors":[]}',
        '{"errors":[7]}',
        '{"data":[]}',
        '{"error":["a"]}',
        '{"token_type":{}}',
    ]
)  # fmt: skip
texts = st.one_of(forms, objects, multiparts, ugly, anything)
bodies = st.one_of(
    texts,
    texts.map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.binary(max_size=200),
    st.binary(max_size=50).map(lambda data: b"\x1f\x8b" + data),
    st.none(),
)
segments = st.one_of(
    st.sampled_from(sorted(LAST_SEGMENTS)),
    st.sampled_from(["oauth", ".well-known", "v1", "openid-configuration", "", "*"]),
    anything,
)
paths = st.lists(segments, max_size=5).map(lambda parts: "/" + "/".join(parts))
urls = st.one_of(
    anything,
    st.builds(
        lambda scheme, host, path, query: f"{scheme}{host}{path}?{query}",
        st.sampled_from(["https://", "http://", "", "//", "ftp://"]),
        st.sampled_from(["as.example", "u:p@as.example:8443", "[::1]", "[", "a:99999", "a:x", ""]),
        paths,
        st.one_of(forms, anything),
    ),
)
methods = st.sampled_from(["GET", "POST", "post", "PUT", "DELETE", "OPTIONS", "", "\x00"])
headers = st.dictionaries(
    st.sampled_from(
        [
            "Authorization",
            "Content-Type",
            "WWW-Authenticate",
            "Location",
            "Retry-After",
            "Date",
            "Metadata",
        ]
    ),
    st.one_of(
        anything,
        st.sampled_from(
            [
                "Basic Og==",
                "Basic \udcff",
                "Basic",
                "Bearer x",
                "OAuth oauth_token=x",
                'Bearer error="',
                "application/json",
            ]
        ),
    ),
    max_size=4,
)


@thorough
@given(methods, urls, headers, st.one_of(bodies, st.just(object())), st.booleans())
def test_recognise_never_raises_and_tells_closed_sets(method, url, fields, body, certificate):
    request = recognise(method, url, fields, body, client_certificate=certificate)
    if request is None:
        return
    assert request.endpoint in ENDPOINTS
    assert request.grant_type is None or request.grant_type in GRANT_TYPES
    assert request.client_auth_method is None or request.client_auth_method in CLIENT_AUTH_METHODS
    for text in (
        request.key,
        request.host,
        *request.params,
        *request.params.values(),
        repr(request),
    ):
        text.encode()  # whatever is kept can be digested and exported
    address = split(url)
    assert may_be_oauth(method, address.path, address.query, body, LAST_SEGMENTS)
    assert may_be_oauth(
        method, url.partition("?")[0].partition("#")[0], address.query, body, LAST_SEGMENTS
    )


@thorough
@given(methods, anything, anything, bodies)
def test_the_prefilter_never_raises(method, path, query, body):
    assert may_be_oauth(method, path, query, body, LAST_SEGMENTS) in (True, False)


REQUESTS = [
    OAuthRequest(
        endpoint,
        "POST",
        split("https://as.example/x"),
        grant_type=grant,
        params={"refresh_token": "s3cr3t"},
    )
    for endpoint in ENDPOINTS
    for grant in ("refresh_token", "uma_ticket")
]


@thorough
@given(st.sampled_from(REQUESTS), st.integers(-1, 999), headers, bodies)
def test_conclude_never_raises_and_tells_closed_sets(request, status, fields, body):
    conclusion = conclude(request, status, fields, body)
    assert conclusion.outcome in OUTCOMES
    assert (conclusion.error_type is None) == (conclusion.outcome == "success")
    assert (conclusion.metric_error_type is None) == (conclusion.outcome == "success")
    assert (conclusion.failure_class in FAILURE_CLASSES) == (conclusion.outcome == "failure")
    assert conclusion.token_type is None or conclusion.token_type in (*TOKEN_TYPES, "_OTHER")
    assert conclusion.expires_in is None or 0 < conclusion.expires_in < 10 * 366 * 86400
    assert conclusion.error_type is None or len(conclusion.error_type) <= 48
    repr(conclusion).encode()


@thorough
@given(st.integers(), headers)
def test_rejection_never_raises(status, fields):
    told = rejection(status, fields)
    assert told is None or told.isascii()


@thorough
@given(st.one_of(urls, anything))
def test_readers_of_urls_never_raise(url):
    assert url_carries_secret(url) in (True, False)
    key = endpoint_key(url)
    assert key is None or endpoint_key(key) == key
    parse_callback(url)
    request = parse_authorization_url(url)
    if request is not None:
        request.host.encode()
    s256(url)


@thorough
@given(st.one_of(paths, anything))
def test_safe_path_is_bounded_and_stable(path):
    told = safe_path(path)
    assert len(told) <= 256
    told.encode("ascii")
    assert safe_path(told) == told


@thorough
@given(anything)
def test_readers_of_bodies_never_raise(text):
    wire.form(text)
    wire.multipart(text)
    wire.scan(text)
    wire.challenges(text)
    wire.jsonp(text)
    wire.basic(text)
    wire.jose(text, 0)
    wire.decode64(text)


@thorough
@given(
    st.dictionaries(words, st.one_of(st.none(), st.booleans(), st.integers(), anything), max_size=6)
)
def test_scan_reads_scalars_as_json_does(members):
    text = json.dumps(members)
    assert wire.scan(text) == json.loads(text)


# --- linear time, counted in the calls and lines that run, not by a clock ------------------------


def lines_run(function, *args):
    count = 0

    def trace(frame, event, arg):
        nonlocal count
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function(*args)
    finally:
        sys.settrace(before)
    return count


GROWING = [
    lambda n: "&" * n,
    lambda n: "a=b&" * n,
    lambda n: "{" * n,
    lambda n: '{"a":' * n,
    lambda n: '{"a":"' + '\\"' * n,
    lambda n: "--b\r\n" * n,
    lambda n: "--b\r\n" + "content-disposition:" * n,
    lambda n: "cb(" + "}" * n,
    lambda n: "Bearer " + 'a="' * n,
    lambda n: "a" * n,
    lambda n: "a-" * n,
    lambda n: "/" * n,
    lambda n: "eyJ" + "a" * n,
]


@pytest.mark.parametrize("grow", GROWING)
def test_work_stops_growing_with_size(grow):
    """Twice the input is at most twice the steps, and beyond the limit none at all."""

    def work(text):
        request = recognise(
            "POST", "https://as.example/oauth/token?" + text, {"Authorization": text}, text
        )
        conclude(REQUESTS[0], 400, {"WWW-Authenticate": text, "Location": text}, text)
        safe_path(text)
        return request

    small, double = (lines_run(work, grow(n)) for n in (500, 1000))
    assert double <= 2.5 * small + 500
    huge, vast = (lines_run(work, grow(n)) for n in (40_000, 80_000))
    assert vast <= huge * 1.2 + 500
