"""Hooks meet anything: what test suites and half-made requests hand to them is no error of ours."""

from __future__ import annotations

import unittest.mock as mock
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import requests
from doubles import ENDPOINT, GRANT, TOKEN, Adapter, answering, session_with, token_span

from opentelemetry.instrumentation.oauth import OAuthInstrumentor
from recorder import Recorder

# --- mocked hook points ------------------------------------------------------------------------


def test_a_mocked_send_is_nobodys_exchange_and_comes_back_as_it_was(instrumented: Recorder) -> None:
    """Authlib's suite mocks ``Session.send`` 39 times."""
    ours = requests.Session.send
    with mock.patch("requests.sessions.Session.send", return_value="faked") as fake:
        assert requests.post(ENDPOINT, data=GRANT) == "faked"
        assert fake.call_count == 1
    assert requests.Session.send is ours
    session_with(TOKEN).post(ENDPOINT, data=GRANT)
    assert instrumented.spans() == [token_span()]


def test_switched_on_and_off_while_mocked(recorder: Recorder) -> None:
    original = requests.Session.send
    with mock.patch("requests.sessions.Session.send", return_value=mock.Mock()) as fake:
        OAuthInstrumentor().instrument(**recorder.providers)
        requests.post(ENDPOINT, data=GRANT)
        assert fake.call_count == 1
        OAuthInstrumentor().uninstrument()
        assert requests.Session.send is fake
    assert requests.Session.send is original


def test_a_mock_that_is_removed_after_ours_is_off_leaves_a_wrapper_that_only_passes_through(
    recorder: Recorder,
) -> None:
    original = requests.Session.send
    OAuthInstrumentor().instrument(**recorder.providers)
    with mock.patch("requests.sessions.Session.send", return_value=mock.Mock()):
        OAuthInstrumentor().uninstrument()
    session_with(TOKEN).post(ENDPOINT, data=GRANT)
    assert recorder.spans() == []
    # Switched on again it is looked through, and then the original is restored.
    OAuthInstrumentor().instrument(**recorder.providers)
    session_with(TOKEN).post(ENDPOINT, data=GRANT)
    OAuthInstrumentor().uninstrument()
    assert recorder.spans() == [token_span()]
    assert requests.Session.send is original


def test_client_send_of_httpx_mocked(instrumented: Recorder) -> None:
    with mock.patch("httpx.Client.send", return_value="faked"), httpx.Client() as client:
        assert client.post(ENDPOINT, data=GRANT) == "faked"
    with mock.patch.object(httpx.Client, "send", autospec=True, return_value="faked"):
        with httpx.Client() as client:
            assert client.post(ENDPOINT, data=GRANT) == "faked"
    assert instrumented.spans() == []


def test_auto_specced_mocks_of_our_hook_points_have_the_librarys_signature(
    instrumented: Recorder,
) -> None:
    with mock.patch.object(requests.Session, "send", autospec=True) as send:
        requests.Session().send("anything", stream=True)
        with pytest.raises(TypeError):
            requests.Session().send("anything", "too", "many")
    assert send.call_count == 1


@pytest.mark.parametrize(
    "answer", [mock.Mock(), mock.MagicMock(), None, SimpleNamespace(), "faked"]
)
def test_whatever_a_mocked_client_returns_is_returned(answer: Any, recorder: Recorder) -> None:
    with (
        mock.patch.object(requests.Session, "send", return_value=answer),
        mock.patch.object(httpx.Client, "_send_handling_redirects", return_value=answer),
    ):
        OAuthInstrumentor().instrument(**recorder.providers)
        session, client = requests.Session(), httpx.Client(transport=answering(TOKEN))
        for url in (
            ENDPOINT,
            "https://api.example/things",
            "https://api.example/?access_token=Cnry",
        ):
            prepared = requests.Request("POST", url, data=GRANT).prepare()
            assert session.send(prepared) is answer
            request = client.build_request("POST", url, data=GRANT)
            assert client._send_handling_redirects(request, False, []) is answer
        OAuthInstrumentor().uninstrument()


# --- half-made requests and answers ------------------------------------------------------------


class Anything(requests.Session):
    """A session whose transport takes what no real one would."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self.mount("https://", Adapter(answer))


BEARER = {"Authorization": "Bearer Cnry"}


@pytest.mark.parametrize(
    "url", [ENDPOINT, "https://api.example/things", None, b"https://a/token", 7]
)
@pytest.mark.parametrize("method", [None, "POST", b"POST", mock.Mock()])
@pytest.mark.parametrize("headers", [None, {}, BEARER, mock.Mock()])
def test_a_request_that_was_never_prepared_is_not_ours_to_judge(
    url: Any, method: Any, headers: Any, instrumented: Recorder, our_log: list[str]
) -> None:
    """The transport says what it says; nothing is logged because of it."""
    request = requests.PreparedRequest()
    request.method, request.url, request.headers = method, url, headers
    request.body, request.hooks = None, {}

    def send() -> str:
        try:
            return type(Anything((401, {"WWW-Authenticate": "Bearer"}, "")).send(request)).__name__
        except Exception as problem:
            return repr(problem)

    watched = send()
    OAuthInstrumentor().uninstrument()
    assert watched == send()
    assert our_log == []


@pytest.mark.parametrize("status", [200, 401, None, "200", mock.Mock()])
@pytest.mark.parametrize("headers", [{}, {"www-authenticate": "Bearer"}, None, mock.Mock()])
def test_an_answer_whose_headers_are_a_plain_dict_or_nothing(
    status: Any, headers: Any, recorder: Recorder, our_log: list[str]
) -> None:
    answer = mock.Mock(status_code=status, headers=headers, _content=b'{"error": "invalid_client"}')
    with mock.patch.object(requests.Session, "send", return_value=answer):
        OAuthInstrumentor().instrument(**recorder.providers)
        for url in (ENDPOINT, "https://api.example/things"):
            body = GRANT if url == ENDPOINT else {"name": "x"}
            prepared = requests.Request("POST", url, BEARER, data=body).prepare()
            assert requests.Session().send(prepared) is answer
        OAuthInstrumentor().uninstrument()
    (span,) = recorder.spans()
    believed = isinstance(status, int) and isinstance(headers, dict)
    assert span["attributes"]["error.type"] == ("invalid_client" if believed else "_OTHER")
    assert recorder.total("oauth.flow") == 1
    assert our_log == []


def test_mock_sessions_are_left_alone(instrumented: Recorder) -> None:
    for session in (mock.Mock(spec=requests.Session), mock.create_autospec(requests.Session)):
        session.post(ENDPOINT, data=GRANT)
    requests.Session.send(mock.Mock(spec=requests.Session, **_session_state()), _prepared())
    assert len(instrumented.spans()) == 1


def _session_state() -> dict[str, Any]:
    real = session_with(TOKEN)
    names = (
        "stream",
        "verify",
        "cert",
        "proxies",
        "trust_env",
        "cookies",
        "hooks",
        "max_redirects",
    )
    state = {name: getattr(real, name) for name in names}
    return state | {"get_adapter": real.get_adapter, "resolve_redirects": real.resolve_redirects}


def _prepared() -> requests.PreparedRequest:
    return requests.Request("POST", ENDPOINT, data=GRANT).prepare()


# --- subclasses --------------------------------------------------------------------------------


class Overriding(requests.Session):
    """Overrides all there is to override, as SDKs do; some call up with keywords."""

    def request(self, method: str, url: str, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        return super().request(method=method, url=url, **kwargs)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        request.headers["X-App"] = "1"
        return super().send(request=request, **kwargs)


class Replacing(requests.Session):
    """Does not call up at all: what does not pass the hook point is not seen."""

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        return self.get_adapter(request.url or "").send(request)


def test_a_session_that_overrides_send_and_request_is_told_once(instrumented: Recorder) -> None:
    session = Overriding()
    session.mount("https://", Adapter(TOKEN))
    session.post(ENDPOINT, data=GRANT)
    assert instrumented.spans() == [token_span()]


def test_a_session_that_was_made_and_a_method_that_was_bound_before(recorder: Recorder) -> None:
    session = session_with(TOKEN)
    post = session.post
    OAuthInstrumentor().instrument(**recorder.providers)
    post(ENDPOINT, data=GRANT)
    OAuthInstrumentor().uninstrument()
    assert recorder.spans() == [token_span()]


def test_a_session_that_replaces_send_works_and_is_not_seen(instrumented: Recorder) -> None:
    session = Replacing()
    session.mount("https://", Adapter(TOKEN))
    assert session.post(ENDPOINT, data=GRANT).json() == TOKEN
    assert instrumented.spans() == []


def test_a_client_of_httpx_that_overrides_send_is_told_once(instrumented: Recorder) -> None:
    class Client(httpx.Client):
        def send(self, request: httpx.Request, **kwargs: Any) -> httpx.Response:  # type: ignore[override]
            return super().send(request, **kwargs)

        def _send_handling_redirects(self, *args: Any, **kwargs: Any) -> httpx.Response:
            return super()._send_handling_redirects(*args, **kwargs)

    with Client(transport=answering(TOKEN)) as client:
        client.post(ENDPOINT, data=GRANT)
    assert instrumented.spans() == [token_span()]
