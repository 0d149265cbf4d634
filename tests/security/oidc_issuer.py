"""An OpenID Connect issuer on a local socket: real keys, made here, that rotate; and tokens signed by them."""

import json
import threading
import time
import uuid
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

AUDIENCE = "authenticated"
DISCOVERY, JWKS = "/.well-known/openid-configuration", "/.well-known/jwks.json"


@dataclass(frozen=True)
class Key:
    """A pair of keys with its name and the algorithm that it signs by."""

    kid: str
    algorithm: str
    private: Any

    @classmethod
    def make(cls, algorithm: str = "ES256", *, bits: int = 2048) -> "Key":
        made = {
            "RS256": lambda: rsa.generate_private_key(65537, bits),
            "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
            "EdDSA": ed25519.Ed25519PrivateKey.generate,
        }
        return cls(f"key-{uuid.uuid4().hex[:8]}", algorithm, made[algorithm]())

    def jwk(self, **other: Any) -> dict[str, Any]:
        maker = {"RS256": RSAAlgorithm, "ES256": ECAlgorithm, "EdDSA": OKPAlgorithm}[self.algorithm]
        public = json.loads(maker.to_jwk(self.private.public_key()))
        public.pop("key_ops", None)
        return {**public, "kid": self.kid, "alg": self.algorithm, "use": "sig", **other}

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        return jwt.encode(claims, self.private, self.algorithm, {"kid": self.kid, **header})


@cache
def usual_keys() -> tuple[Key, Key]:
    """Return one key of each common kind; they take a while to make."""
    return Key.make("ES256"), Key.make("RS256")


@dataclass
class Issuer:
    """What a test may set: statuses by path instead of the answer, extra rows, a document of discovery, slowness."""

    keys: list[Key] = field(default_factory=lambda: list(usual_keys()))
    rows: list[Any] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=lambda: {DISCOVERY: 404})
    discovery: dict[str, Any] = field(default_factory=dict)
    body: bytes | None = None
    slow_s: float = 0.0
    asked: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        self.asked.append(handler.path)
        time.sleep(self.slow_s)
        status = self.statuses.get(handler.path, 200)
        told = self.discovery if handler.path == DISCOVERY else {"keys": [k.jwk() for k in self.keys] + self.rows}
        body = self.body if self.body is not None else json.dumps(told).encode()
        handler.send_response(status)
        if 300 <= status < 400:
            handler.send_header("Location", f"{self.url}/elsewhere")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    @property
    def fetches(self) -> int:
        """How often its keys were asked for."""
        return self.asked.count(JWKS)

    def claims(self, **other: Any) -> dict[str, Any]:
        """Return what an honest token says, as Supabase's do; other: claims instead, None leaves one out."""
        now = int(time.time())
        usual = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "5f0c8a4e-0000-4000-8000-000000000001",
            "iat": now,
            "exp": now + 600,
            "email": "nora@example.org",
            "role": "authenticated",
            "app_metadata": {"provider": "email", "heirloom_roles": ["client"]},
            "user_metadata": {"heirloom_roles": ["admin"]},
        }
        return {name: value for name, value in {**usual, **other}.items() if value is not None}

    def token(self, key: Key | None = None, **claims: Any) -> str:
        return (key or self.keys[0]).sign(self.claims(**claims))
