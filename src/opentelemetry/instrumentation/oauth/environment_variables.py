"""The environment variables of this package.

``opentelemetry-instrument --help`` shows each as a flag: ``OTEL_PYTHON_OAUTH_EXCLUDED_URLS`` is
``--oauth_excluded_urls``. A keyword of `OAuthConfig` goes before its variable; what each means and
allows stands there.
"""

OTEL_PYTHON_OAUTH_EXCLUDED_URLS = "OTEL_PYTHON_OAUTH_EXCLUDED_URLS"
"""
.. envvar:: OTEL_PYTHON_OAUTH_EXCLUDED_URLS

Comma-separated regular expressions. An exchange whose URL (without query) one of them matches is
not told.
"""

OTEL_PYTHON_OAUTH_TOKEN_ENDPOINTS = "OTEL_PYTHON_OAUTH_TOKEN_ENDPOINTS"
"""
.. envvar:: OTEL_PYTHON_OAUTH_TOKEN_ENDPOINTS

Comma-separated absolute URLs of token endpoints that no rule knows.
"""

OTEL_PYTHON_OAUTH_CAPTURE_SCOPE = "OTEL_PYTHON_OAUTH_CAPTURE_SCOPE"
"""
.. envvar:: OTEL_PYTHON_OAUTH_CAPTURE_SCOPE

``true`` puts the requested scope on spans and events as ``oauth.scope``. Default ``false``.
"""

OTEL_PYTHON_OAUTH_CAPTURE_CLIENT_ID = "OTEL_PYTHON_OAUTH_CAPTURE_CLIENT_ID"
"""
.. envvar:: OTEL_PYTHON_OAUTH_CAPTURE_CLIENT_ID

``plain`` or ``hash`` puts the client id on spans and events as ``oauth.client.id``; ``hash`` is an
HMAC-SHA-256 under ``OTEL_PYTHON_OAUTH_CLIENT_ID_HASH_KEY``. Default ``off``.
"""

OTEL_PYTHON_OAUTH_CLIENT_ID_HASH_KEY = "OTEL_PYTHON_OAUTH_CLIENT_ID_HASH_KEY"
"""
.. envvar:: OTEL_PYTHON_OAUTH_CLIENT_ID_HASH_KEY

The key of the HMAC; the same on all processes whose client ids are to be compared.
"""

OTEL_PYTHON_OAUTH_MAX_SERVERS = "OTEL_PYTHON_OAUTH_MAX_SERVERS"
"""
.. envvar:: OTEL_PYTHON_OAUTH_MAX_SERVERS

How many distinct ``server.address``/``server.port`` pairs a process puts on metrics, for identity
providers and for resource servers each; further ones are ``_OTHER``. Default 100.
"""

OTEL_PYTHON_OAUTH_LEDGER_SIZE = "OTEL_PYTHON_OAUTH_LEDGER_SIZE"
"""
.. envvar:: OTEL_PYTHON_OAUTH_LEDGER_SIZE

How many digests of each kind the ledger remembers. Default 10000.
"""

OTEL_PYTHON_OAUTH_TRACES = "OTEL_PYTHON_OAUTH_TRACES"
"""
.. envvar:: OTEL_PYTHON_OAUTH_TRACES

``false`` makes no spans. Default ``true``.
"""

OTEL_PYTHON_OAUTH_METRICS = "OTEL_PYTHON_OAUTH_METRICS"
"""
.. envvar:: OTEL_PYTHON_OAUTH_METRICS

``false`` records no metrics. Default ``true``.
"""

OTEL_PYTHON_OAUTH_EVENTS = "OTEL_PYTHON_OAUTH_EVENTS"
"""
.. envvar:: OTEL_PYTHON_OAUTH_EVENTS

``false`` emits no ``oauth.failure`` and ``oauth.security`` events. Default ``true``.
"""
