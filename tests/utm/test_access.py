"""Every published path with every wrong token: refused, and nothing of it is in the journal; a right one is not."""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from dss_process import COORDINATION, DssProcess, extents, intent, intent_path, running
from published_paths import OPERATIONS, OURS, Published, asked, published

from detente.record.display import stored_entries
from detente.utm.service.auxiliary_endpoints import AUXILIARY_ENDPOINTS
from detente.utm.service.dss_endpoints import DSS_ENDPOINTS
from detente.utm.service.files import JOURNAL
from detente.utm.service.loop import DECISION
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


def claims(scope: str, /, **changed: object) -> dict[str, object]:
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


def signed(scope: str, /, **changed: object) -> str:
    return jwt.encode(claims(scope, **changed), RSA_KEY, algorithm="RS256")


def parts(scope: str, header: dict[str, Any]) -> bytes:
    made = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims(scope))]
    return b".".join(made)


def unsigned(scope: str, algorithm: str) -> str:
    return (parts(scope, {"alg": algorithm, "typ": "JWT"}) + b".").decode()


def signed_with_secret(scope: str, secret: bytes, **header: object) -> str:
    """What a service would take that hands its public key to whatever algorithm the token names."""
    text = parts(scope, {"alg": "HS256", "typ": "JWT", **header})
    signature = base64.urlsafe_b64encode(hmac.new(secret, text, hashlib.sha256).digest()).rstrip(b"=")
    return (text + b"." + signature).decode()


@functools.cache
def wrong_tokens(scope: str) -> dict[str, str | None]:
    """Whole Authorization headers by what is wrong with them; None for none at all."""
    now = int(time.time())
    good, other_jwk = signed(scope), json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(OTHER_RSA_KEY.public_key()))
    by_other = functools.partial(jwt.encode, claims(scope), OTHER_RSA_KEY, algorithm="RS256")
    tokens = {
        "empty": "",
        "no token at all": "nonsense",
        "three parts of nothing": "a.b.c",
        "not of this alphabet": "\xe9.\xff.\x80",
        "too long": good + "A" * 9000,
        "without its signature": good.rpartition(".")[0],
        "changed": good[:-6] + ("AAAAAA" if good[-6:] != "AAAAAA" else "BBBBBB"),
        "of other claims": f"{parts(scope + ' more', {'alg': 'RS256'}).decode()}.{good.rpartition('.')[2]}",
        "expired": signed(scope, exp=now - 60),
        "without expiry": signed(scope, exp=None),
        "expiry that is no number": signed(scope, exp="never"),
        "expiry that is a truth": signed(scope, exp=True),
        "of more than an hour": signed(scope, exp=now + 7200),
        "for ever": signed(scope, exp=float("inf")),
        "not yet valid": signed(scope, nbf=now + 600),
        "other audience": signed(scope, aud="other.example.com"),
        "no audience": signed(scope, aud=None),
        "no subject": signed(scope, sub=None),
        "subject that is no text": signed(scope, sub=["uss1"]),
        "no issuer": signed(scope, iss=None),
        "scope that is no text": signed(scope, scope=[scope]),
        "other key": by_other(),
        "other key by the name of ours": by_other(headers={"kid": "ec-1"}),
        "other key that it brings along": by_other(headers={"jwk": other_jwk}),
        "alg none": unsigned(scope, "none"),
        "alg None": unsigned(scope, "None"),
        "no alg": parts(scope, {"typ": "JWT"}).decode() + ".",
        "HS256 with the public key as the secret": signed_with_secret(scope, pem(RSA_KEY)),
        "HS256 with nothing as the secret": signed_with_secret(scope, b"", kid="ec-1"),
        "ES256 in the name of an RSA key": jwt.encode(claims(scope), ec.generate_private_key(ec.SECP256R1()), "ES256"),
        "RS512": jwt.encode(claims(scope), RSA_KEY, "RS512"),
    }
    headers: dict[str, str | None] = {name: f"Bearer {token}" for name, token in tokens.items()}
    return headers | {"missing": None, "of another scheme": f"Basic {good}", "alone": good}


def path_of(path: str) -> str:
    while "{}" in path:
        path = path.replace("{}", str(uuid4()), 1)
    return path


def entries(service: DssProcess) -> list[dict[str, Any]]:
    """The decisions in the journal, and everything else that it holds as the bare fact."""
    file = service.directory / JOURNAL
    return [json.loads(entry.body) if entry.kind == DECISION else {} for entry in stored_entries(file)]


def identity(operation: Published) -> str:
    return f"{operation.method} {operation.path}"


GUARDED = [operation for operation in [*OPERATIONS, *OURS] if asked(operation)]


@pytest.mark.parametrize("operation", GUARDED, ids=identity)
def test_every_path_refuses_every_wrong_token(service: DssProcess, operation: Published) -> None:
    path, alternatives, before = path_of(operation.path), asked(operation), len(entries(service))
    scope = " ".join(alternatives[0])
    for name, header in wrong_tokens(scope).items():
        headers = {} if header is None else {"Authorization": header}
        status, answer = service.ask(operation.method, path, {}, None, headers)
        assert (status, set(answer)) == (401, {"message"}), name
    if alternatives[0]:
        lacking = [" ".join(one for one in alternatives[0] if one != left_out) for left_out in alternatives[0]]
        for scopes in ("", "some.other.scope", scope.upper(), scope.replace(".", ","), *lacking):
            status, answer = service.ask(operation.method, path, {}, signed(scopes))
            assert (status, set(answer)) == (403, {"message"}), scopes
    assert len(entries(service)) == before
    for alternative in alternatives:
        status, _ = service.ask(operation.method, path, {}, signed(" ".join(alternative)))
        assert status not in (401, 403)


def test_the_paths_are_all_that_the_service_has() -> None:
    needed = {
        (operation.method, operation.path): {frozenset(scopes) for scopes in asked(operation)}
        for operation in [*OPERATIONS, *OURS]
    }
    have = {(endpoint.method, endpoint.path): {*endpoint.scopes} for endpoint in ENDPOINTS}
    assert have.keys() == needed.keys()
    for key, scopes in have.items():
        # A set that holds another whole asks for nothing new.
        least = {one for one in needed[key] if not any(other < one for other in needed[key])}
        assert scopes == least, key


@pytest.mark.shared
def test_the_list_is_that_of_the_texts() -> None:
    shared = Path(os.environ.get("DETENTE_SHARED", Path(__file__).parents[3] / "shared"))
    assert (shared / "specs").exists(), f"the interfaces' texts are not in {shared}; set DETENTE_SHARED"
    assert published(shared / "specs") == OPERATIONS


def test_paths_that_need_no_token(service: DssProcess) -> None:
    assert service.ask("GET", "/healthy") == (200, b"ok")
    assert service.ask("GET", "/aux/v1/version")[0] == 200
    assert service.ask("GET", "/nowhere")[0] == 404
    assert service.ask("PATCH", intent_path())[0] == 405


RID_READ, RID_WRITE = "dss.read.identification_service_areas", "dss.write.identification_service_areas"
ALL_SCOPES = (
    f"{COORDINATION} utm.constraint_management rid.service_provider rid.display_provider {RID_READ} {RID_WRITE}"
)
NEW_RING = [{"lat": lat, "lng": lng} for lat, lng in ((1.0, 1.0), (1.0, 1.01), (1.01, 1.01))]
OLD_EXTENTS = {"spatial_volume": {"footprint": {"vertices": NEW_RING}, "altitude_lo": 0, "altitude_hi": 9}}
RID_AREA_V19 = {"extents": OLD_EXTENTS, "flights_url": "https://a.example.com/uss/flights"}
RID_SUBSCRIPTION_V19 = {
    "extents": OLD_EXTENTS,
    "callbacks": {"identification_service_area_url": "https://a.example.com"},
}


def areas(body: dict[str, Any]) -> Callable[[], dict[str, Any]]:
    """A body of F3411, with times of now where it has extents of F3411-19."""
    times = {name: extents()[name]["value"] for name in ("time_start", "time_end")}
    return lambda: {**body, "extents": {**body["extents"], **times}}


def whole(**more: object) -> dict[str, Any]:
    return {"extents": extents(70.0), "uss_base_url": "https://a.example.com", **more}


OWNED: dict[str, tuple[str, Callable[[], dict[str, Any]], dict[str, int]]] = {
    "operational intent": ("/dss/v1/operational_intent_references", lambda: intent(extents(70.0)), {}),
    "constraint": ("/dss/v1/constraint_references", lambda: whole(extents=[extents(71.0)]), {}),
    "F3548 subscription": (
        "/dss/v1/subscriptions",
        lambda: whole(notify_for_operational_intents=True),
        {"GET": 403, "stale PUT": 409},
    ),
    "F3411-22a area": ("/rid/v2/dss/identification_service_areas", whole, {"stale DELETE": 409}),
    "F3411-22a subscription": ("/rid/v2/dss/subscriptions", whole, {"stale PUT": 409, "stale DELETE": 409}),
    "F3411-19 area": ("/v1/dss/identification_service_areas", areas(RID_AREA_V19), {"stale DELETE": 409}),
    "F3411-19 subscription": (
        "/v1/dss/subscriptions",
        areas(RID_SUBSCRIPTION_V19),
        {"stale PUT": 409, "stale DELETE": 409},
    ),
}
"""Collection and body of everything that has an owner, and what another is answered that is not 403, or 200 to a GET.

Where versions come before owners, as in the reference, a stale version is told first.
"""


@pytest.mark.parametrize("kind", OWNED)
def test_another_owner_is_refused_and_nothing_changes(service: DssProcess, kind: str) -> None:
    collection, body, answers = OWNED[kind]
    mine, other, path = signed(ALL_SCOPES), signed(ALL_SCOPES, sub="uss2"), f"{collection}/{uuid4()}"
    status, made = service.ask("PUT", path, body(), mine)
    assert status in (200, 201), made
    before = service.ask("GET", path, None, mine)
    (held,) = before[1].values()
    version, stale = held.get("ovn") or held["version"], "0" * 13 if "F3411" in kind else "A" * 44
    assert service.ask("GET", path, None, other)[0] == answers.get("GET", 200)
    first = len(entries(service))
    for method in ("PUT", "DELETE"):
        for which, named in (("", version), ("stale ", stale)):
            content = body() if method == "PUT" else None
            status, answer = service.ask(method, f"{path}/{named}", content, other)
            assert (status, set(answer)) == (answers.get(which + method, 403), {"message"}), which + method
    # A refusal by owner or version is a decision, so that it can be explained; it carries nothing out.
    decisions = entries(service)[first:]
    assert [(decision.get("events", []), decision["refusal"]["status"]) for decision in decisions] == [
        ([], answers.get(which + method, 403)) for method in ("PUT", "DELETE") for which in ("", "stale ")
    ]
    assert service.ask("GET", path, None, mine) == before
    assert service.ask("DELETE", f"{path}/{version}", None, mine)[0] == 200


def test_another_owner_sees_no_ovn_and_may_not_lean_on_a_subscription(service: DssProcess) -> None:
    mine, other = signed(COORDINATION), signed(COORDINATION, sub="uss2")
    path = intent_path()
    body = intent(new_subscription={"uss_base_url": "https://a.example.com"})
    reference = service.ask("PUT", path, body, mine)[1]["operational_intent_reference"]
    seen = service.ask("GET", path, None, other)[1]["operational_intent_reference"]
    assert seen["ovn"] == "Available from USS"
    assert {**seen, "ovn": reference["ovn"]} == reference
    leaning = intent(key=[reference["ovn"]], subscription_id=reference["subscription_id"])
    assert service.ask("PUT", intent_path(), leaning, other)[0] == 403
    subscription = f"/dss/v1/subscriptions/{reference['subscription_id']}"
    version = service.ask("GET", subscription, None, mine)[1]["subscription"]["version"]
    assert service.ask("DELETE", f"{subscription}/{version}", None, other)[0] == 403
    assert service.ask("DELETE", f"{path}/{reference['ovn']}", None, mine)[0] == 200
    assert service.ask("GET", subscription, None, mine)[0] == 404


def test_nobody_but_an_arbitrator_says_who_is_down(service: DssProcess) -> None:
    path, body = "/dss/v1/uss_availability/uss1", {"old_version": "", "availability": "Down"}
    for scopes in (COORDINATION, "utm.conformance_monitoring_sa", ALL_SCOPES):
        assert service.ask("PUT", path, body, signed(scopes))[0] == 403
    shown = service.ask("GET", path, None, signed(COORDINATION))[1]
    assert shown == {"version": "", "status": {"uss": "uss1", "availability": "Unknown"}}


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
    deadline = time.monotonic() + 120.0
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)
