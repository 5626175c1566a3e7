"""Who may use the emulated Open Assistant: cookies, bearer tokens, trusted clients.

Facts from the published server source (state of 2024-01) and NextAuth 4: the
session cookie's name depends on the scheme of the site's address, a long value
is cut into ``NAME.0``, ``NAME.1``, ..., and the token is taken as a bearer token when
there is no cookie.  The inference server's debug login gives out tokens for any
name; a trusted client speaks for a user that must have been made before.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any

from ..checks import Wrong
from ..exchange import Exchange

COOKIE = "next-auth.session-token"
SECURE_COOKIE = "__Secure-next-auth.session-token"
SESSION = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..ZW11bGF0b3I.ZW11bGF0b3I.ZW11bGF0b3I"
ACCESS_TOKEN = "eyJhbGciOiJIUzI1NiJ9.emulator.access"  # noqa: S105 - it opens nothing
TRUSTED_KEY = "6969"
TRUSTED_MEMBERS = {"api_key", "client", "user_id", "provider_account_id", "username"}


class Accounts:
    """The users of both faces."""

    def __init__(self) -> None:
        self._tokens = {ACCESS_TOKEN: "somebody"}
        self._refresh: dict[str, str] = {}
        self._trusted: set[str] = set()

    def site_user(self, headers: Mapping[str, str]) -> str:
        """The user of a session cookie, or :class:`Wrong` 403 with an empty body."""
        try:
            cookies = SimpleCookie(headers.get("cookie", ""))
        except CookieError as exc:
            raise Wrong(403, f"header cookie: {exc}", body=b"") from exc
        found = {name: morsel.value for name, morsel in cookies.items()}
        for name in (COOKIE, SECURE_COOKIE):
            pieces = [found[key] for key in sorted(found) if key.startswith(f"{name}.")]
            if found.get(name) == SESSION or "".join(pieces) == SESSION:
                return "somebody"
        if not found and headers.get("authorization") == f"Bearer {SESSION}":
            return "somebody"
        raise Wrong(403, f"header cookie: no valid {COOKIE} among {sorted(found)}", body=b"")

    def server_user(self, headers: Mapping[str, str]) -> str:
        """The user of a bearer token or a trusted client, or :class:`Wrong`."""
        if "trustedclient" in headers:
            user = str(self._trusted_client(headers["trustedclient"])["user_id"])
            if user not in self._trusted:
                raise Wrong(404, "User not found")
            return user
        if "authorization" not in headers:
            raise Wrong(403, "Not authenticated")
        scheme, _, token = headers["authorization"].partition(" ")
        if scheme != "Bearer" or token not in self._tokens:
            raise Wrong(401, "Invalid token")
        return self._tokens[token]

    def debug_login(self, exchange: Exchange) -> None:
        """GET ``/auth/callback/debug?code=NAME``."""
        name = exchange.query.get("code")
        if not name:
            raise Wrong(422, "query.code: missing")
        access, refresh = f"{ACCESS_TOKEN}.{name}", f"emulator.refresh.{name}"
        self._tokens[access] = self._refresh[refresh] = name
        exchange.json(200, _token_pair(access, refresh))

    def refresh(self, exchange: Exchange) -> None:
        """GET ``/auth/refresh`` with header ``Refresh``."""
        token = exchange.headers.get("refresh", "").removeprefix("Bearer ")
        if token not in self._refresh:
            raise Wrong(401, "Invalid token")
        access = f"{ACCESS_TOKEN}.{self._refresh[token]}.{exchange.number}"
        self._tokens[access] = self._refresh[token]
        exchange.json(200, _token_pair(access, token))

    def check(self, exchange: Exchange) -> None:
        """GET ``/auth/check``."""
        exchange.json(200, self.server_user(exchange.headers))

    def trust(self, exchange: Exchange) -> None:
        """POST ``/auth/trusted``: make the user that a trusted client names."""
        client = self._trusted_client(exchange.headers.get("trustedclient", ""))
        self._trusted.add(str(client["user_id"]))
        exchange.json(200, _token_pair(ACCESS_TOKEN, "emulator.refresh"))

    def _trusted_client(self, sent: str) -> dict[str, Any]:
        try:
            client = json.loads(base64.b64decode(sent, validate=True))
        except ValueError as exc:
            raise Wrong(401, f"Unauthorized client: {exc}") from exc
        if not isinstance(client, dict) or set(client) != TRUSTED_MEMBERS:
            raise Wrong(401, f"Unauthorized client: expected members {sorted(TRUSTED_MEMBERS)}")
        if client["api_key"] != TRUSTED_KEY:
            raise Wrong(401, "Unauthorized client")
        return client


def _token_pair(access: str, refresh: str) -> dict[str, Any]:
    return {
        "access_token": {"access_token": access, "token_type": "bearer"},
        "refresh_token": {"access_token": refresh, "token_type": "refresh"},
    }
