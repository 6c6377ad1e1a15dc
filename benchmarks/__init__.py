"""What the instrumentation costs, as ratios against OpenTelemetry's own of requests and httpx.

``python -m benchmarks`` prints one table. Times are never asserted: they belong to a machine and an
hour, ratios taken side by side in one run do not. Nothing here opens a socket.
"""
