"""Which URLs are endpoints because a metadata answer, or the configuration, named them.

``/me`` is userinfo where the metadata says so and a plain resource elsewhere (RFC 8414 section 2,
OpenID Connect Discovery section 3).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Final

from opentelemetry.instrumentation.oauth.protocol.endpoints import LAST_SEGMENTS
from opentelemetry.instrumentation.oauth.protocol.request import endpoint_key
from opentelemetry.instrumentation.oauth.semconv import Endpoint

_LIMIT: Final = 1_000


class EndpointDirectory:
    """A bounded map from URL to endpoint, and the words by which the hot path finds them."""

    def __init__(self, token_endpoints: Iterable[str] = ()) -> None:
        keys = [key for key in map(endpoint_key, token_endpoints) if key is not None]
        self._configured = dict.fromkeys(keys, Endpoint.TOKEN)
        self._learned: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.RLock()
        self.known: dict[str, str] = dict(self._configured)
        self.words: set[str] = set(LAST_SEGMENTS).union(map(_last_segment, self.known))

    def after_fork(self) -> None:
        """Make the lock anew: whoever held it is not in the child."""
        self._lock = threading.RLock()

    def learn(self, endpoints: Mapping[str, str]) -> None:
        """Remember what a metadata answer named; the configuration goes before it."""
        if all(self.known.get(url) == endpoint for url, endpoint in endpoints.items()):
            return
        with self._lock:
            for url, endpoint in endpoints.items():
                self._learned[url] = endpoint
                self._learned.move_to_end(url)
            while len(self._learned) > _LIMIT:
                self._learned.popitem(last=False)
            # Readers take no lock: they see the old map and words, or the new ones.
            self.known = {**self._learned, **self._configured}
            self.words = set(LAST_SEGMENTS).union(map(_last_segment, self.known))


def _last_segment(url: str) -> str:
    return url.rstrip("/").rpartition("/")[2].lower()
