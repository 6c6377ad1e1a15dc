"""A person with a browser, scripted: opens pages, fills in forms, clicks.

It knows no server. What it does is what a person would: type a name where a page asks for one,
a password where it asks for one, a code where it asks for one, and press the button that agrees
(or, with `approve=False`, the first thing that refuses: a button or a link).

It speaks through `urllib`, so that nothing of it shows in the telemetry of a client.
"""

import http.cookiejar
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

PAGES = 20  # a login that takes more goes round in circles
NEGATIVE = ("no", "deny", "denied", "cancel", "abort", "reject", "decline", "refuse", "false", "0")
USER_FIELDS = ("user", "login", "email", "account", "name")
CODE_FIELDS = ("user_code", "usercode", "code")


def login(
    authorization_url: str,
    *,
    approve: bool = True,
    username: str = "alice",
    password: str = "alice-password-Cnry",
    redirect_uri: str | None = None,
) -> str:
    """Sign in and decide; return the whole URL that the browser is sent back to.

    That is the first redirect to the redirect URI (read from `authorization_url`; without one
    there, as after PAR, the first redirect to another host), with its code or its error.
    """
    asked = parse_qs(urlsplit(authorization_url).query)
    home = redirect_uri or asked.get("redirect_uri", [None])[0]
    browser = _Browser(username, password, approve, home, _origin(authorization_url))
    end = browser.visit(authorization_url)
    if end.callback is None:
        raise AssertionError(f"the login ended at {end.url} ({end.status}):\n{end.body[:2000]}")
    return end.callback


def approve_device(
    verification_uri: str,
    user_code: str | None = None,
    *,
    approve: bool = True,
    username: str = "alice",
    password: str = "alice-password-Cnry",
) -> str:
    """Decide about a device; return the text of the last page.

    Takes a `verification_uri_complete`, or a `verification_uri` with the code to type there.
    """
    browser = _Browser(username, password, approve, None, _origin(verification_uri), user_code)
    end = browser.visit(verification_uri)
    if end.status >= 400 and approve:
        raise AssertionError(f"the device page answered {end.status}:\n{end.body[:2000]}")
    return end.body


@dataclass
class _Page:
    url: str
    status: int
    body: str
    callback: str | None = None


@dataclass
class _Control:
    tag: str
    attributes: dict[str, str]

    @property
    def name(self) -> str:
        return self.attributes.get("name", "")

    @property
    def value(self) -> str:
        return self.attributes.get("value", "")

    @property
    def kind(self) -> str:
        return self.attributes.get("type", "submit" if self.tag == "button" else "text").lower()

    @property
    def submits(self) -> bool:
        return self.kind in ("submit", "image")

    @property
    def refuses(self) -> bool:
        words = {self.name.lower(), self.value.lower()}
        return not words.isdisjoint(NEGATIVE)


@dataclass
class _Form:
    attributes: dict[str, str]
    controls: list[_Control] = field(default_factory=list)


class _Document(HTMLParser):
    """The forms and links of a page."""

    def __init__(self, body: str) -> None:
        super().__init__()
        self.forms: list[_Form] = []
        self.links: list[str] = []
        self._open: _Form | None = None
        self._elsewhere: list[_Control] = []
        self.feed(body)
        for control in self._elsewhere:  # <button form="id"> may stand before its form
            for form in self.forms:
                if form.attributes.get("id") == control.attributes["form"]:
                    form.controls.append(control)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = _Form(attributes)
            self.forms.append(self._open)
        elif tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])
        elif tag in ("input", "button", "select", "textarea"):
            control = _Control(tag, attributes)
            if "form" in attributes:
                self._elsewhere.append(control)
            elif self._open:
                self._open.controls.append(control)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


class _Browser:
    def __init__(
        self,
        username: str,
        password: str,
        approve: bool,
        redirect_uri: str | None,
        origin: str,
        user_code: str | None = None,
    ) -> None:
        self.username = username
        self.password = password
        self.approve = approve
        self.redirect_uri = redirect_uri
        self.origin = origin
        self.user_code = user_code
        self.opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()),
            _NoRedirects(),
        )

    def visit(self, url: str) -> _Page:
        """Go from page to page until there is nothing left to do."""
        page = self._open(url)
        for _ in range(PAGES):
            if page.callback is not None:
                return page
            step = self._next(page)
            if step is None:
                return page
            page = self._open(*step)
        raise AssertionError(f"no end after {PAGES} pages, the last at {page.url}:\n{page.body}")

    def _open(self, url: str, form: dict[str, str] | None = None) -> _Page:
        """Load a page, or post a form, and follow its redirects by hand."""
        data = None if form is None else urlencode(form).encode()
        for _ in range(PAGES):
            try:
                response = self.opener.open(urllib.request.Request(url, data), timeout=20)
            except urllib.error.HTTPError as error:
                response = error
            with response:
                status, body = response.status, response.read().decode("utf-8", "replace")
                location = response.headers.get("Location")
            if not (300 <= status < 400 and location):
                return _Page(url, status, body)
            target = urljoin(url, location)
            if self._is_home(target):
                return _Page(target, status, body, callback=target)
            url, data = target, data if status in (307, 308) else None
        raise AssertionError(f"too many redirects, the last to {url}")

    def _is_home(self, url: str) -> bool:
        if self.redirect_uri is None:
            return _origin(url) != self.origin
        return _without_answer(url) == _without_answer(self.redirect_uri)

    def _next(self, page: _Page) -> tuple[str, dict[str, str] | None] | None:
        """Choose what a person would click; None on a page that asks for nothing."""
        document = _Document(page.body)
        if not document.forms or page.status >= 400:
            return None
        if not self.approve:
            for form in document.forms:
                for control in form.controls:
                    if control.submits and control.refuses:
                        return self._submit(page, form, control)
            for link in document.links:
                if any(word in link.lower() for word in ("abort", "cancel", "deny")):
                    return urljoin(page.url, link), None
        form = document.forms[0]
        agreeing = [c for c in form.controls if c.submits and not c.refuses]
        return self._submit(page, form, agreeing[0] if agreeing else None)

    def _submit(
        self, page: _Page, form: _Form, pressed: _Control | None
    ) -> tuple[str, dict[str, str] | None]:
        values = {c.name: self._fill(c) for c in form.controls if c.name and self._is_sent(c)}
        if pressed and pressed.name:
            values[pressed.name] = pressed.value
        target = urljoin(page.url, form.attributes.get("action") or page.url)
        if form.attributes.get("method", "get").lower() == "post":
            return target, values
        return f"{target.split('?')[0]}?{urlencode(values)}", None

    @staticmethod
    def _is_sent(control: _Control) -> bool:
        return not control.submits and control.kind not in ("button", "reset", "file")

    def _fill(self, control: _Control) -> str:
        name = control.name.lower()
        if control.kind == "hidden":
            return control.value
        if control.kind == "password":
            return self.password
        if control.kind in ("checkbox", "radio"):
            return control.value or "on"
        if name in CODE_FIELDS:
            return self.user_code or control.value
        if any(word in name for word in USER_FIELDS):
            return self.username
        return control.value


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _without_answer(url: str) -> str:
    return urlsplit(url)._replace(query="", fragment="").geturl()
