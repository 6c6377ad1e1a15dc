"""What OAuth is: the theory of operation of the package that knows it.

Everything here is a pure function or a table. Nothing here imports OpenTelemetry or an HTTP
library, opens a socket or a file, or remembers anything. Two functions are the whole of it:
``recognise`` says what an HTTP request asks of OAuth, ``conclude`` says how it ended. These are
their rules.

1.  OAuth is recognised by its own shape: method, path, parameters, credentials. No list of hosts
    is kept. A shape is a row of a table (``endpoints`` for the RFCs, ``providers`` for single
    vendors), written in the small language of ``shapes``; each row names the RFC or the page that
    it obeys. A vendor's new quirk is a new row, never a new branch.

2.  A request for a token is a grant with its own credentials (RFC 6749 section 4): whatever the
    path, ``grant_type=authorization_code`` beside a ``code`` is one, and the word alone is none.
    At a path that says token, less is enough, because vendors leave things out; then ``grants``
    infers what the client presents. A grant that no table knows is told as ``_OTHER``, never by
    its name.

3.  A record that quotes a request is not one. Audit events, logs, bulk uploads and webhooks carry
    every parameter of OAuth among others; requests carry hardly any other. Only top-level
    parameters count, and only of a form, a query, or one JSON object.

4.  A word means little without its place: ``/keys`` is a key set at an issuer and a list of API
    keys elsewhere; ``/revoke`` takes certificates and invitations. ``vocabulary`` holds the words
    of path and host that decide, and in doubt the answer is no: an exchange that is not told
    misleads less than one that was none.

5.  A URL that metadata or the configuration named is an endpoint whatever its shape; only the
    method must fit. ``Conclusion.learned`` is how metadata names them.

6.  Most requests of a program are not OAuth, so ``may_be_oauth`` looks first, at almost nothing.
    It may be wrong in one direction only: ``recognise`` asks it, too, so that what it refuses is
    never recognised anywhere.

7.  How the client authenticates is told by what it sends (``client_auth``, IANA names): an
    assertion before Basic, Basic before a secret in the body; an id alone is ``none``, nothing is
    nothing.

8.  An answer is judged by what was due (``answers``): a 2xx without what the endpoint gives is a
    failure, ``malformed_response``. An error code is a failure whatever the status, because
    vendors send it with 200; where it may stand in an answer is a table (``errors``). Waiting is
    neither failure nor success: ``authorization_pending``, ``slow_down``, ``request_submitted``.

9.  What a failure asks of somebody (``failure_class``) is decided in the order of the contract,
    so that an outage is never told as a dead grant: 5xx before 429 before the code.

10. Only closed sets leave this package: codes and exceptions of a list, else ``_OTHER``. A span
    may tell a further code if it is plain words and no value of the request. Values that are
    secret (``params``, ``refresh_token``) stand in attributes that say so, and in no ``repr``.

11. Anything may come: lone surrogates, numbers of a thousand digits, JSON nested ten thousand
    deep, half a multipart. No function raises for it; none looks at more than 32 KiB; none takes
    longer than linear time.
"""
