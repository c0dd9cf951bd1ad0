"""Every path with every wrong token: refused, and a right one is not."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from dss_process import COORDINATION, DssProcess, intent, intent_path, running

from detente.utm.service.auxiliary_endpoints import AUXILIARY_ENDPOINTS
from detente.utm.service.dss_endpoints import DSS_ENDPOINTS
from detente.utm.service.rid_endpoints import RID_ENDPOINTS

ENDPOINTS = [*DSS_ENDPOINTS, *RID_ENDPOINTS, *AUXILIARY_ENDPOINTS]
RSA_KEY = rsa.generate_private_key(65537, 2048)
OTHER_RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def pem(key: Any) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DssProcess]:
    folder = tmp_path_factory.mktemp("access")
    (folder / "rsa.pem").write_bytes(pem(RSA_KEY))
    jwk = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(EC_KEY.public_key())) | {"kid": "ec-1", "use": "sig"}
    (folder / "jwks.json").write_text(json.dumps({"keys": [jwk]}))
    keys = ("--public-key", str(folder / "rsa.pem"), "--public-key", str(folder / "jwks.json"))
    process = DssProcess(folder / "dss", *keys, "--audience", "dss.example.com", "--refresh-keys-s", "0.2")
    yield process
    process.stop()


def claims(scope: str, **changed: object) -> dict[str, object]:
    now = int(time.time())
    made: dict[str, object] = {
        "iss": "https://auth.example.com",
        "sub": "uss1",
        "aud": "dss.example.com",
        "scope": scope,
        "exp": now + 600,
    }
    made.update(changed)
    return {key: value for key, value in made.items() if value is not None}


def signed(scope: str, **changed: object) -> str:
    return jwt.encode(claims(scope, **changed), RSA_KEY, algorithm="RS256")


def unsigned(scope: str, header: dict[str, str]) -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims(scope))]
    return b".".join([*parts, b""]).decode()


def wrong_tokens(scope: str) -> dict[str, str | None]:
    now = int(time.time())
    good = signed(scope)
    return {
        "missing": None,
        "empty": "",
        "no token at all": "nonsense",
        "expired": signed(scope, exp=now - 60),
        "without expiry": signed(scope, exp=None),
        "expiry that is no number": signed(scope, exp="never"),
        "of more than an hour": signed(scope, exp=now + 7200),
        "not yet": signed(scope, nbf=now + 600),
        "other audience": signed(scope, aud="other.example.com"),
        "no audience": signed(scope, aud=None),
        "no subject": signed(scope, sub=None),
        "no issuer": signed(scope, iss=None),
        "other key": jwt.encode(claims(scope), OTHER_RSA_KEY, algorithm="RS256"),
        "alg none": unsigned(scope, {"alg": "none", "typ": "JWT"}),
        "signed with the public key as a secret": unsigned(scope, {"alg": "HS256", "typ": "JWT"}) + "AAAA",
        "changed": good[:-6] + ("AAAAAA" if good[-6:] != "AAAAAA" else "BBBBBB"),
    }


def path_of(path: str) -> str:
    while "{}" in path:
        path = path.replace("{}", str(uuid4()), 1)
    return path


@pytest.mark.parametrize("endpoint", [e for e in ENDPOINTS if e.scopes], ids=lambda e: f"{e.method} {e.path}")
def test_every_path_refuses_every_wrong_token(service: DssProcess, endpoint: Any) -> None:
    path = path_of(endpoint.path)
    scope = " ".join(sorted(endpoint.scopes[0]))
    for name, token in wrong_tokens(scope).items():
        status, answer = service.ask(endpoint.method, path, {}, token)
        assert (status, set(answer)) == (401, {"message"}), name
    if endpoint.scopes[0]:
        for scopes in ("", "some.other.scope"):
            status, answer = service.ask(endpoint.method, path, {}, signed(scopes))
            assert (status, set(answer)) == (403, {"message"})
    for alternative in endpoint.scopes:
        status, _ = service.ask(endpoint.method, path, {}, signed(" ".join(sorted(alternative))))
        assert status not in (401, 403)


def test_paths_that_need_no_token(service: DssProcess) -> None:
    assert service.ask("GET", "/healthy") == (200, b"ok")
    assert service.ask("GET", "/aux/v1/version")[0] == 200
    assert service.ask("GET", "/nowhere")[0] == 404
    assert service.ask("PATCH", intent_path())[0] == 405


def test_another_owner_may_look_but_not_touch(service: DssProcess) -> None:
    mine, other = signed(COORDINATION), signed(COORDINATION, sub="uss2")
    path = intent_path()
    status, made = service.ask("PUT", path, intent(new_subscription={"uss_base_url": "https://a.example.com"}), mine)
    assert status == 201
    reference = made["operational_intent_reference"]
    seen = service.ask("GET", path, None, other)[1]["operational_intent_reference"]
    assert seen["ovn"] == "Available from USS"
    assert {**seen, "ovn": reference["ovn"]} == reference
    assert service.ask("PUT", f"{path}/{reference['ovn']}", intent(), other)[0] == 403
    assert service.ask("DELETE", f"{path}/{reference['ovn']}", None, other)[0] == 403
    subscription = f"/dss/v1/subscriptions/{reference['subscription_id']}"
    version = service.ask("GET", subscription, None, mine)[1]["subscription"]["version"]
    assert service.ask("GET", subscription, None, other)[0] == 403
    assert service.ask("DELETE", f"{subscription}/{version}", None, other)[0] == 403
    assert service.ask("DELETE", f"{path}/{reference['ovn']}", None, mine)[0] == 200


def test_es256_by_jwks_and_keys_that_change_while_it_runs(service: DssProcess) -> None:
    token = jwt.encode(claims(COORDINATION), EC_KEY, algorithm="ES256", headers={"kid": "ec-1"})
    assert service.ask("GET", intent_path(), None, token)[0] == 404
    new_key = ec.generate_private_key(ec.SECP256R1())
    jwk = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(new_key.public_key())) | {"kid": "ec-2"}
    file = Path(service.directory).parent / "jwks.json"
    before = file.read_text()
    rotated = jwt.encode(claims(COORDINATION), new_key, algorithm="ES256", headers={"kid": "ec-2"})
    assert service.ask("GET", intent_path(), None, rotated)[0] == 401
    file.write_text(json.dumps({"keys": [jwk]}))
    wait_for(lambda: service.ask("GET", intent_path(), None, rotated)[0] == 404)
    assert service.ask("GET", intent_path(), None, token)[0] == 401
    file.write_text("{ this is no JWKS")
    time.sleep(0.5)
    assert service.ask("GET", intent_path(), None, rotated)[0] == 404
    file.write_text(before)
    wait_for(lambda: service.ask("GET", intent_path(), None, token)[0] == 404)


def test_keys_come_from_a_jwks_address_too(tmp_path: Path) -> None:
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(RSA_KEY.public_key())) | {"kid": "rsa-1"}
    served = {"/jwks.json": json.dumps({"keys": [{"kty": "oct", "k": "AAAA"}, jwk]}).encode()}

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = served.get(self.path)
            self.send_response(200 if body else 500)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            """Nothing to say."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Keys) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/jwks.json"
        options = ("--jwks", url, "--audience", "dss.example.com", "--refresh-keys-s", "0.2")
        with running(tmp_path / "dss", *options) as service:
            assert service.ask("GET", intent_path(), None, signed(COORDINATION))[0] == 404
            # Keys that cannot be fetched any more stay what they were; development tokens never count here.
            served.clear()
            time.sleep(0.6)
            assert service.ask("GET", intent_path(), None, signed(COORDINATION))[0] == 404
            assert service.ask("GET", intent_path(), None, service.token(audience="dss.example.com"))[0] == 401
        server.shutdown()


def wait_for(holds: Any) -> None:
    deadline = time.monotonic() + 30.0
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)
