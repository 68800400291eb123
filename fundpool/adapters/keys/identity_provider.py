"""Log-in through the agency's identity provider: OpenID Connect, authorization code with PKCE (RFC 7636).

One secret of the browser stands behind a log-in: state, nonce and code verifier are derived from it, so that nothing
is kept here and an answer is of use to the browser alone that asked. The provider's addresses and keys are read anew at
each log-in: those are few, and no key that it has withdrawn is trusted.
"""

import hmac
import json
import logging
from base64 import b64encode, urlsafe_b64encode
from datetime import datetime
from typing import Any
from urllib.parse import quote

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from fundpool.adapters.http_client import Deadlines, NoResponse, exchange
from fundpool.domain.errors import RuleViolation, ServiceUnavailable
from fundpool.services.ports.users import provider_refused
from fundpool.settings import is_protected

ALGORITHMS = ("RS256", "PS256", "ES256")
"""Signatures by a private key of the provider; never ``none``, never one by a secret that both sides know."""

LEEWAY_S = 60
"""How far the provider's clock may be from ours."""

_DEADLINES = Deadlines(connect_s=5, read_s=10, total_s=15)
_KEY_TYPES = frozenset({"RSA", "EC"})

_log = logging.getLogger(__name__)


class OidcProvider:
    """``services.ports.users.IdentityProvider`` over HTTP, never through a proxy; safe for several threads."""

    def __init__(self, issuer: str, *, client_id: str, client_secret: str, claim: str) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._claim = claim

    def __repr__(self) -> str:
        return f"OidcProvider({self._issuer})"

    def address(self, secret: str, back: str) -> str:
        """See ``IdentityProvider.address``."""
        return str(
            prepare_grant_uri(
                self._endpoint(self._configuration(), "authorization_endpoint"),
                client_id=self._client_id,
                response_type="code",
                redirect_uri=back,
                scope="openid profile",
                state=_derived(secret, "state"),
                nonce=_derived(secret, "nonce"),
                code_challenge=create_s256_code_challenge(_derived(secret, "verifier")),
                code_challenge_method="S256",
            )
        )

    def is_answer(self, secret: str, state: str) -> bool:
        """See ``IdentityProvider.is_answer``."""
        return hmac.compare_digest(_derived(secret, "state").encode(), state.encode())

    def name_of(self, secret: str, code: str, *, back: str, now: datetime) -> str:
        """See ``IdentityProvider.name_of``."""
        configuration = self._configuration()
        token = self._token(self._endpoint(configuration, "token_endpoint"), secret, code, back=back)
        keys = self._read("GET", self._endpoint(configuration, "jwks_uri"))
        try:
            decoded = _decoded(token, keys)
            claims = CodeIDToken(
                decoded.claims,
                decoded.header,
                options={
                    "iss": {"essential": True, "value": self._issuer},
                    "aud": {"essential": True, "value": self._client_id},
                },
                params={"nonce": _derived(secret, "nonce"), "client_id": self._client_id},
            )
            claims.validate(now=int(now.timestamp()), leeway=LEEWAY_S)
        # Whatever is odd about a token, it is no token: a library's surprise must let nobody in.
        except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise _refused(f"ID token: {type(error).__name__} {error}") from error
        name = claims.get(self._claim)
        if not isinstance(name, str) or not name:
            raise _refused(f"the ID token has no claim {self._claim}")
        return name

    def _configuration(self) -> dict[str, Any]:
        found = self._read("GET", f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != self._issuer:
            raise _away(f"names itself {found.get('issuer')!r}")
        return found

    def _endpoint(self, configuration: dict[str, Any], name: str) -> str:
        address = configuration.get(name)
        if not isinstance(address, str) or not is_protected(address):
            raise _away(f"{name} is {address!r}")
        return address

    def _token(self, address: str, secret: str, code: str, *, back: str) -> object:
        body = prepare_token_request(
            "authorization_code", redirect_uri=back, code=code, code_verifier=_derived(secret, "verifier")
        )
        pair = f"{quote(self._client_id, safe='')}:{quote(self._client_secret, safe='')}"
        headers = {
            "Authorization": f"Basic {b64encode(pair.encode()).decode()}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        return self._read("POST", address, body=body.encode(), headers=headers).get("id_token")

    def _read(
        self, method: str, address: str, *, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """The JSON object that the provider answers; raises RuleViolation for a refusal (400, 401)."""
        try:
            response = exchange(
                method,
                address,
                body=body,
                headers={**(headers or {}), "Accept": "application/json"},
                deadlines=_DEADLINES,
            )
        except NoResponse as error:
            raise _away(error.reason) from error
        if response.status in {400, 401}:
            raise _refused(f"the provider answered {response.status}")
        try:
            found = json.loads(response.body)
        except ValueError:
            found = None
        if response.status != 200 or not isinstance(found, dict):
            raise _away(f"HTTP {response.status}")
        return found


def _derived(secret: str, what: str) -> str:
    """43 characters that only who has the secret can know: enough for a code verifier."""
    return urlsafe_b64encode(hmac.digest(secret.encode(), what.encode(), "sha256")).rstrip(b"=").decode()


def _decoded(token: object, keys: dict[str, Any]) -> jwt.Token:
    """A token that one of the provider's keys has signed. Raises JoseError, TypeError or KeyError for any other."""
    if not isinstance(token, str):
        raise TypeError("there is none")
    known = [key for key in keys["keys"] if key.get("kty") in _KEY_TYPES and key.get("use", "sig") == "sig"]
    return jwt.decode(token, KeySet.import_key_set({"keys": known}), algorithms=ALGORITHMS)


def _refused(why: str) -> RuleViolation:
    """The reason is for the log."""
    _log.warning("a log-in through the identity provider failed: %s", why)
    return provider_refused()


def _away(why: str) -> ServiceUnavailable:
    _log.warning("the identity provider cannot be used: %s", why)
    return ServiceUnavailable(
        "provider_away",
        "统一身份认证没有应答，或应答有误",
        "the identity provider does not answer, or not as it should",
        remedy="用本系统口令登录；原因见服务日志 / log in with your password here; the reason is in the server's log",
    )
