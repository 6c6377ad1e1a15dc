"""The only place that calls the OpenTelemetry API.

1. `handler.OAuthTelemetry` is what everybody else sees. It is an `outlet.Outlet` (the providers'
   ends, the limits, the ledger) with the methods by which things are told.
2. An `exchange.Exchange` is one exchange, sans I/O: the same for sync and async, told exactly once,
   by an answer, by an exception, or, where the program forgot it, by `forgotten`.
3. As it begins, `opening` asks the `ledger` what it knows; what a library or the program said of it
   stands in `scope`, the one ContextVar. As it ends, `recording` tells it: attributes, status,
   points and `events`, in a ``finally`` and within the span's own context.
4. Attributes of metrics come from the closed sets of `semconv`; the one that does not, the server's
   address, is capped by `servers`.
5. Nothing here raises into the program, and nothing here starts a thread or opens a socket.
"""
