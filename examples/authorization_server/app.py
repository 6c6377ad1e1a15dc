"""The routes: each hands its request to Authlib."""

from typing import Any

from authlib.integrations.flask_oauth2 import current_token
from authlib.oauth2 import OAuth2Error
from flask import Flask, Response, jsonify, request

from .counting import Counting
from .faults import Faults
from .metadata import metadata
from .pages import consent_page, device_page, page
from .presets import ACCESS_TOKEN_LIFETIME
from .server import Server
from .store import Store


def create_app(issuer: str, access_token_lifetime: int = ACCESS_TOKEN_LIFETIME) -> Flask:
    """Return the whole server as a Flask application that calls itself `issuer`."""
    app = Flask("authorization_server")
    store = Store()
    server = Server(app, issuer, store, access_token_lifetime)
    _add_oauth(app, server)
    _add_device_page(app, store)
    _add_resources(app, server)
    app.wsgi_app = Counting(Faults(app.wsgi_app))  # type: ignore[method-assign]
    return app


def _add_oauth(app: Flask, server: Server) -> None:
    @app.route("/authorize", methods=["GET", "POST"])
    def authorize() -> Any:
        try:
            grant = server.get_consent_grant()
        except OAuth2Error as error:
            response = server.handle_error_response(request, error)
            server.issuer_parameter.add_issuer_parameter(server, response)
            return response
        asked = grant.request.client.client_id, grant.request.scope
        if request.method == "GET":
            return consent_page(*asked)
        user = server.store.user(request.form.get("username", ""))
        allowed = request.form.get("confirm") == "yes"
        if allowed and not user:
            return consent_page(*asked, message="Nobody has that name."), 401
        return server.create_authorization_response(
            grant_user=user if allowed else None, grant=grant
        )

    @app.post("/token")
    def token() -> Any:
        return server.create_token_response()

    for path, name in (
        ("/revoke", "revocation"),
        ("/introspect", "introspection"),
        ("/device_authorization", "device_authorization"),
        ("/register", "client_registration"),
    ):
        app.add_url_rule(
            path,
            name,
            lambda name=name: server.create_endpoint_response(name),
            methods=["POST"],
        )

    @app.route("/register/<client_id>", methods=["GET", "PUT", "DELETE"])
    def client_configuration(client_id: str) -> Any:
        return server.create_endpoint_response("client_configuration")

    @app.route("/userinfo", methods=["GET", "POST"])
    def userinfo() -> Any:
        return server.create_endpoint_response("userinfo")

    @app.get("/jwks")
    def jwks() -> Response:
        return jsonify(keys=[server.key.as_dict(private=False)])

    @app.get("/.well-known/oauth-authorization-server")
    @app.get("/.well-known/openid-configuration")
    def describe() -> Response:
        return jsonify(metadata(server.issuer))


def _add_device_page(app: Flask, store: Store) -> None:
    @app.get("/device")
    def device() -> str:
        return device_page(request.args.get("user_code", ""))

    @app.post("/device/decide")
    def decide_device() -> Any:
        credential = store.device_of_user_code(request.form.get("user_code", ""))
        user = store.user(request.form.get("username", "alice"))
        if not credential or credential.is_expired() or not user:
            return page("Connect a device", "No such code, or no such user."), 400
        store.decide_device(credential, user, request.form.get("approve") == "yes")
        return page("Connect a device", "Thank you. You may go back to the device.")


def _add_resources(app: Flask, server: Server) -> None:
    def about_token() -> Response:
        user = current_token.get_user()
        return jsonify(client_id=current_token.client.client_id, sub=user and user.username)

    methods = ["GET", "POST"]
    app.add_url_rule("/resource", "resource", server.protector()(about_token), methods=methods)
    app.add_url_rule(
        "/resource/admin", "resource_admin", server.protector("admin")(about_token), methods=methods
    )
