"""An issuer of OpenID Connect on loopback, over TLS: Authlib's server, one client, whoever gives a name."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import AuthorizationCodeMixin, ClientMixin
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import UserInfo
from authlib.oidc.core.grants import OpenIDCode
from flask import Flask, Response, current_app, jsonify, request
from joserfc.jwk import ECKey
from werkzeug.serving import WSGIRequestHandler, make_server

from seaway.providers.local.ca import LocalCertificates

NAME = "localhost"


@dataclass(frozen=True)
class Client(ClientMixin):
    """The gateway, as the issuer knows it."""

    id: str
    secret: str
    redirect: str

    def get_client_id(self) -> str:
        return self.id

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == self.redirect

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == self.secret

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:  # noqa: ARG002
        return method in {"client_secret_basic", "client_secret_post"}

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


@dataclass(frozen=True)
class Code(AuthorizationCodeMixin):
    """What a visitor brings back once."""

    user: str
    redirect_uri: str
    scope: str
    nonce: str
    code_challenge: str
    code_challenge_method: str

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str:
        return self.nonce

    def get_auth_time(self) -> None:
        return None

    def get_acr(self) -> None:
        return None

    def get_amr(self) -> None:
        return None


@dataclass
class Issuer:
    """One that runs: its URL, the file of its authority, and the codes that nobody brought back yet."""

    url: str
    ca: Path
    client: Client
    codes: dict[str, Code] = field(default_factory=dict)
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256"))


@contextmanager
def issuer(folder: Path, client: Client) -> Iterator[Issuer]:
    """Run it for this client."""
    authority = LocalCertificates()
    authority.serve(folder, "issuer", [NAME], ["127.0.0.1"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "issuer.crt", folder / "issuer.key")
    app = Flask(__name__)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet, ssl_context=context)
    here = Issuer(f"https://{NAME}:{server.server_port}", Path(authority.authority_path()), client)
    _serve(app, here)
    thread = Thread(target=server.serve_forever, args=[0.05])
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Quiet(WSGIRequestHandler):
    def log(self, *_: Any) -> None:
        pass


class _CodeGrant(AuthorizationCodeGrant):
    def save_authorization_code(self, code: str, request: Any) -> None:
        asked = request.payload.data
        _here().codes[code] = Code(
            request.user, asked["redirect_uri"], request.payload.scope, asked.get("nonce", ""),
            asked["code_challenge"], asked["code_challenge_method"],
        )  # fmt: skip

    def query_authorization_code(self, code: str, client: Client) -> Code | None:  # noqa: ARG002
        return _here().codes.pop(code, None)

    def delete_authorization_code(self, authorization_code: Code) -> None:
        """It went when it was looked for."""

    def authenticate_user(self, authorization_code: Code) -> str:
        return authorization_code.user


class _Identity(OpenIDCode):
    def resolve_client_private_key(self, client: Client) -> ECKey:  # noqa: ARG002
        return _here().key

    def get_client_algorithm(self, client: Client) -> str:  # noqa: ARG002
        return "ES256"

    def get_client_claims(self, client: Client) -> dict[str, str]:  # noqa: ARG002
        return {"iss": _here().url}

    def exists_nonce(self, nonce: str, request: Any) -> bool:  # noqa: ARG002
        return any(each.nonce == nonce for each in _here().codes.values())

    def generate_user_info(self, user: str, scope: str) -> UserInfo:  # noqa: ARG002
        return UserInfo(sub=user)


def _here() -> Issuer:
    found = current_app.config["ISSUER"]
    assert isinstance(found, Issuer)
    return found


def _serve(app: Flask, here: Issuer) -> None:
    app.config["ISSUER"] = here
    clients = {here.client.id: here.client}
    server = AuthorizationServer(
        app,
        query_client=clients.get,
        save_token=lambda token, request: None,  # noqa: ARG005
    )
    server.register_grant(_CodeGrant, [_Identity(require_nonce=False), CodeChallenge(required=True)])

    @app.get("/.well-known/openid-configuration")
    def configuration() -> Response:
        ends = {"authorization_endpoint": f"{here.url}/authorize", "token_endpoint": f"{here.url}/token"}
        return jsonify(issuer=here.url, **ends)

    @app.route("/authorize", methods=["GET", "POST"])
    def authorize() -> Any:
        if request.method == "GET":
            return "<form method=post><input name=name></form>"
        grant = server.get_consent_grant(end_user=request.form["name"])
        return server.create_authorization_response(grant=grant, grant_user=request.form["name"])

    @app.post("/token")
    def token() -> Any:
        return server.create_token_response()
