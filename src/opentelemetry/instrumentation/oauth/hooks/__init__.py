"""The only place that touches other libraries.

1. **Record at the transport, annotate at the library.** A transport hook sees the real exchange of
   every library above it; a client hook only says what it knows (`telemetry.scope.hints`), and
   never expects that a transport record follows: the transport may be mocked.
2. **A library is a row** of `registry.LIBRARIES` and a file with a function ``points(module)``.
3. **Nothing is imported.** A library is patched when the program imports it.
4. **Methods are patched, classes never replaced.** A wrapper holds its `Patch`; once that has no
   telemetry the wrapper only passes through, wherever in a chain of wrappers it is buried.
5. **A hook meets anything**: mocks, half-made requests, plain dicts. What it cannot read is no
   OAuth.
"""
