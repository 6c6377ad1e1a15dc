"""Start the authorization server: `python -m authorization_server --port 0`."""

import argparse
import logging
import os
import socket
import sys

# Before Authlib is asked for anything: the example speaks plain http, beyond this machine too.
os.environ.setdefault("AUTHLIB_INSECURE_TRANSPORT", "1")

from waitress.server import create_server

from .app import create_app
from .presets import ACCESS_TOKEN_LIFETIME


def main() -> None:
    options = parse_options()
    # waitress warns whenever a request waits for a thread, which under load is each one.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    listener = socket.create_server((options.host, options.port), backlog=1024)
    address = f"http://{options.host}:{listener.getsockname()[1]}"
    app = create_app(options.issuer or address, options.access_token_lifetime)
    server = create_server(
        app,
        sockets=[listener],
        threads=16,
        connection_limit=1000,
        channel_timeout=600,
        asyncore_use_poll=True,
    )
    print(f"listening on {address}", flush=True)
    try:
        server.run()
    except KeyboardInterrupt:
        sys.exit(0)


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("authorization_server", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000, help="0: any free one")
    parser.add_argument("--issuer", help="what it calls itself; default: where it listens")
    parser.add_argument(
        "--access-token-lifetime", type=int, default=ACCESS_TOKEN_LIFETIME, metavar="SECONDS"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
