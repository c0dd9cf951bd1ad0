"""What clients of the reference rely on, topic by topic; the table in docs/reference/dss.md names each test."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid1, uuid4

import pytest
from dss_process import COORDINATION, URL, DssProcess, extents, intent, intent_path, moment, running

from detente.utm.dss.commands import PutIntent
from detente.utm.dss.decide import decide_dss
from detente.utm.dss.events import IntentWritten
from detente.utm.dss.evolve import evolve_dss
from detente.utm.dss.state import DssState
from detente.utm.refused import Refused
from detente.utm.space import Extents

MONITORING, MANAGEMENT = "utm.conformance_monitoring_sa", "utm.constraint_management"
PROCESSING, RID = "utm.constraint_processing", ("rid.service_provider", "rid.display_provider")
OLD_RID = ("dss.read.identification_service_areas", "dss.write.identification_service_areas")
INTENTS, CONSTRAINTS = "/dss/v1/operational_intent_references", "/dss/v1/constraint_references"
SUBSCRIPTIONS, AREAS = "/dss/v1/subscriptions", "/rid/v2/dss/identification_service_areas"
RID_SUBSCRIPTIONS = "/rid/v2/dss/subscriptions"
NO_SUBSCRIPTION = "00000000-0000-4000-8000-000000000000"
places = iter(range(10_000))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DssProcess]:
    with running(tmp_path_factory.mktemp("compatibility") / "dss") as process:
        yield process


@pytest.fixture
def latitude() -> float:
    """A place where no other test has been."""
    return -60.0 + next(places) * 0.5


@pytest.fixture
def token(service: DssProcess) -> str:
    return service.token(COORDINATION, MONITORING, MANAGEMENT, PROCESSING, *RID, *OLD_RID)


@pytest.fixture
def other(service: DssProcess) -> str:
    return service.token(COORDINATION, MONITORING, MANAGEMENT, PROCESSING, *RID, *OLD_RID, subject="uss2")


def constraint(*volumes: dict[str, Any]) -> dict[str, Any]:
    return {"extents": [*volumes], "uss_base_url": URL}


def subscription(where: dict[str, Any], **more: object) -> dict[str, Any]:
    return {"extents": where, "uss_base_url": URL, "notify_for_operational_intents": True} | more


def area(where: dict[str, Any]) -> dict[str, Any]:
    return {"extents": where, "uss_base_url": URL}


def timed(where: dict[str, Any], start_s: float | None, end_s: float | None) -> dict[str, Any]:
    """A volume with other times, in seconds from now; without those that are None."""
    changed = {key: value for key, value in where.items() if not key.startswith("time_")}
    for name, seconds in (("time_start", start_s), ("time_end", end_s)):
        if seconds is not None:
            changed[name] = {"value": moment(seconds), "format": "RFC3339"}
    return changed


def made(answer: tuple[int, Any]) -> dict[str, Any]:
    """The entity that a write has made."""
    status, document = answer
    assert status in (200, 201), document
    entity: dict[str, Any] = next(iter(document.values()))
    return entity


def polygon(where: dict[str, Any], *corners: tuple[float, float]) -> dict[str, Any]:
    volume = {key: value for key, value in where["volume"].items() if key != "outline_circle"}
    vertices = [{"lat": lat, "lng": lng} for lat, lng in corners]
    return where | {"volume": volume | {"outline_polygon": {"vertices": vertices}}}


def test_ids_in_every_usual_spelling(service: DssProcess, latitude: float, token: str) -> None:
    name = uuid4()
    assert made(service.ask("PUT", f"{INTENTS}/{name.hex}", intent(extents(latitude)), token))["id"] == str(name)
    for spelling in (str(name), str(name).upper(), name.hex.upper(), f"%7B{name}%7D", name.urn, name.urn.upper()):
        status, answer = service.ask("GET", f"{INTENTS}/{spelling}", None, token)
        assert (status, answer["operational_intent_reference"]["id"]) == (200, str(name)), spelling
    other_variant = UUID(int=name.int & ~(0xC << 60) | (0xC << 60))
    for spelling in (uuid1(), other_variant, f"{{{name.hex}}}", f"urn:uuid:{name.hex}", f"{name}0", name.hex[:-1], "x"):
        assert service.ask("GET", f"{INTENTS}/{spelling}", None, token)[0] == 400, spelling


def test_success_codes_and_unknown_entities(service: DssProcess, latitude: float, token: str) -> None:
    here = extents(latitude)
    # Collection, body, and the answers to a create, to an update of nothing.
    rows: list[tuple[str, dict[str, Any], int, int]] = [
        (INTENTS, intent(here), 201, 400),
        (CONSTRAINTS, constraint(here), 201, 409),
        (SUBSCRIPTIONS, subscription(here), 200, 400),
        (AREAS, area(here), 200, 400),
        (RID_SUBSCRIPTIONS, area(here), 200, 400),
    ]
    for collection, body, created, unknown in rows:
        path = f"{collection}/{uuid4()}"
        version = "0" * 16
        assert service.ask("GET", path, None, token)[0] == 404
        assert service.ask("DELETE", f"{path}/{'0' * 13 if 'rid' in path else version}", None, token)[0] == 404
        assert service.ask("PUT", f"{path}/{'0' * 13 if 'rid' in path else version}", body, token)[0] == unknown
        status, answer = service.ask("PUT", path, body, token)
        assert status == created, answer
        first = next(iter(answer.values()))
        assert service.ask("PUT", path, body, token)[0] == 409
        status, answer = service.ask("PUT", f"{path}/{first.get('ovn') or first['version']}", body, token)
        assert status == 200, answer
        second = next(iter(answer.values()))
        assert service.ask("PUT", f"{path}/{first.get('ovn') or first['version']}", body, token)[0] == 409
        assert service.ask("DELETE", f"{path}/{first.get('ovn') or first['version']}", None, token)[0] == 409
        assert service.ask("DELETE", f"{path}/{second.get('ovn') or second['version']}", None, token)[0] == 200
    report = {
        "exchange": {
            "url": URL,
            "method": "GET",
            "recorder_role": "Client",
            "request_time": {"value": moment(0.0), "format": "RFC3339"},
        }
    }
    status, answer = service.ask("POST", "/dss/v1/reports", report, token)
    assert (status, UUID(answer["report_id"]).version) == (201, 4)


def test_every_write_can_be_tried_again(service: DssProcess, latitude: float, token: str) -> None:
    here = extents(latitude)
    made(service.ask("PUT", f"{SUBSCRIPTIONS}/{uuid4()}", subscription(here, notify_for_constraints=True), token))
    made(service.ask("PUT", f"{RID_SUBSCRIPTIONS}/{uuid4()}", area(here), token))

    def twice(method: str, path: str, body: object, by: str) -> dict[str, Any]:
        key = {"Idempotency-Key": str(uuid4())}
        first = service.ask(method, path, body, by, key)
        assert first[0] in (200, 201), first
        assert service.ask(method, path, body, by, key) == first
        status, outcome = service.ask("GET", f"/detente/v1/outcomes/{key['Idempotency-Key']}", None, by)
        assert (status, outcome["status"]) == (200, first[0])
        document: dict[str, Any] = first[1]
        return document

    for collection, body, is_told in (
        (INTENTS, intent(here), True),
        (CONSTRAINTS, constraint(here), True),
        (SUBSCRIPTIONS, subscription(here), False),
        (AREAS, area(here), True),
        (RID_SUBSCRIPTIONS, area(here), False),
    ):
        path = f"{collection}/{uuid4()}"
        answer = twice("PUT", path, body, token)
        assert bool(answer.get("subscribers")) == is_told
        entity = next(iter(answer.values()))
        answer = twice("DELETE", f"{path}/{entity.get('ovn') or entity['version']}", None, token)
        assert bool(answer.get("subscribers")) == is_told
    status = {"old_version": "", "availability": "Normal"}
    twice("PUT", "/dss/v1/uss_availability/tried-again", status, service.token("utm.availability_arbitration"))


def test_error_bodies_are_a_message(service: DssProcess, token: str) -> None:
    for method, path, body in (
        ("PUT", intent_path(), b"{"),
        ("PUT", intent_path(), {"extents": []}),
        ("GET", intent_path(), None),
        ("GET", "/nowhere", None),
        ("PATCH", intent_path(), None),
    ):
        status, answer, headers = service.exchange(method, path, body, token)
        assert 400 <= status < 500
        assert answer.keys() == {"message"}
        assert headers["content-type"] == "application/json"


def test_the_version_of_a_system_and_of_the_service(service: DssProcess) -> None:
    shown = service.ask("GET", "/aux/v1/version")[1]["version"]
    reader = service.token("interuss.versioning.read_system_versions")
    status, answer = service.ask("GET", "/versions/gov.eu.uspace.v1", None, reader)
    assert (status, answer) == (200, {"system_identity": "gov.eu.uspace.v1", "system_version": shown})


def test_the_auxiliary_interface(service: DssProcess, token: str) -> None:
    reader = service.token("interuss.pool_status.read", "interuss.pool_status.heartbeat.write")

    def ask(path: str, method: str = "GET") -> tuple[int, Any]:
        return service.ask(method, f"/aux/v1/{path}", None, reader)

    assert service.ask("GET", "/healthy") == (200, b"ok")
    assert service.ask("GET", "/aux/v1/validate_oauth?owner=uss1", None, token) == (200, {})
    assert service.ask("GET", "/aux/v1/validate_oauth?owner=uss2", None, token)[0] == 403
    assert ask("pool") == (200, {"dar_id": ""})
    endpoint = {"id": "detente", "public_endpoint": f"http://127.0.0.1:{service.port}"}
    assert ask("pool/dss_instances") == (200, {"dss_instances": [endpoint]})
    late, early = moment(60.0), moment(-60.0)
    for wrong in ("", "?source=", "?source=t&timestamp=never", f"?source=t&next_heartbeat_expected_before={early}"):
        assert ask(f"pool/dss_instances/heartbeat{wrong}", "PUT")[0] == 400, wrong
    for index, query in ((1, ""), (2, f"&timestamp={early}&next_heartbeat_expected_before={late}")):
        status, beaten = ask(f"pool/dss_instances/heartbeat?source=Startup{query}", "PUT")
        (instance,) = beaten["dss_instances"]
        beat = instance.pop("most_recent_heartbeat")
        assert (status, instance, beat["index"], beat["reporter"]) == (201, endpoint, index, "uss1")
        assert beat["source"] == "Startup"
    assert (beat["timestamp"], beat["next_heartbeat_expected_before"]) == (early, late)
    assert ask("pool/dss_instances") == (200, {"dss_instances": [instance | {"most_recent_heartbeat": beat}]})
    for certificates in ("accepted_ca_certs", "ca_certs"):
        assert service.ask("GET", f"/aux/v1/configuration/{certificates}") == (200, {"CAs": []})
    options = {"scd_global_lock": False, "scd_hash_lock": False, "time_based_notification_index": False}
    assert ask("configuration/global_options") == (200, options)


def test_what_is_too_large(service: DssProcess, latitude: float, token: str) -> None:
    wide = polygon(extents(), (0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, 0.0))
    round_one = extents()
    round_one["volume"]["outline_circle"]["radius"]["value"] = 28_300.0
    for large in (wide, round_one):
        for method, path, body, expected in (
            ("PUT", intent_path(), intent(extents(latitude), large), 413),
            ("POST", f"{INTENTS}/query", {"area_of_interest": large}, 413),
            ("PUT", f"{CONSTRAINTS}/{uuid4()}", constraint(large), 413),
            ("POST", f"{CONSTRAINTS}/query", {"area_of_interest": large}, 413),
            ("POST", f"{SUBSCRIPTIONS}/query", {"area_of_interest": large}, 413),
            # The texts list no 413 for subscriptions; for areas the suites ask for 400.
            ("PUT", f"{SUBSCRIPTIONS}/{uuid4()}", subscription(large), 400),
            ("PUT", f"{AREAS}/{uuid4()}", area(large), 400),
            ("PUT", f"{RID_SUBSCRIPTIONS}/{uuid4()}", area(large), 400),
        ):
            status, answer = service.ask(method, path, body, token)
            assert (status, "too large" in answer["message"]) == (expected, True), (method, path, answer)
    corners = "0,0,0,1,1,1,1,0"
    for collection in (AREAS, RID_SUBSCRIPTIONS, "/v1/dss/identification_service_areas", "/v1/dss/subscriptions"):
        assert service.ask("GET", f"{collection}?area={corners}", None, token)[0] == 413
    round_one["volume"]["outline_circle"]["radius"]["value"] = 28_200.0
    assert service.ask("POST", f"{INTENTS}/query", {"area_of_interest": round_one}, token)[0] == 200


def test_eleven_subscriptions_of_one_owner_in_a_cell(
    service: DssProcess, latitude: float, token: str, other: str
) -> None:
    where = extents(latitude)
    for _ in range(10):
        made(service.ask("PUT", f"{RID_SUBSCRIPTIONS}/{uuid4()}", area(where), token))
    status, _, headers = service.exchange("PUT", f"{RID_SUBSCRIPTIONS}/{uuid4()}", area(where), token)
    assert (status, headers["retry-after"]) == (429, "1")
    assert service.ask("PUT", f"{RID_SUBSCRIPTIONS}/{uuid4()}", area(where), other)[0] == 200
    # F3548-21 sets no such bound.
    for _ in range(11):
        made(service.ask("PUT", f"{SUBSCRIPTIONS}/{uuid4()}", subscription(where), token))


def test_geometry_is_checked(service: DssProcess, latitude: float, token: str) -> None:
    here, north = extents(latitude), latitude + 0.01
    square = [(latitude, 8.0), (latitude, 8.01), (north, 8.01), (north, 8.0)]
    both = polygon(here, *square)
    both["volume"]["outline_circle"] = here["volume"]["outline_circle"]
    neither = polygon(here, *square)
    del neither["volume"]["outline_polygon"]
    for wrong in (
        polygon(here, *square[:2]),
        polygon(here, square[0], square[2], square[1], square[3]),
        polygon(here, *square, square[0]),
        polygon(here, (91.0, 8.0), *square),
        polygon(here, (latitude, 180.1), *square),
        both,
        neither,
    ):
        assert service.ask("PUT", intent_path(), intent(wrong), token)[0] == 400, wrong
    for right in (
        polygon(here, *square),
        polygon(here, *reversed(square)),
        polygon(here, *square[:2], (latitude, 8.005)),
    ):
        entity = made(service.ask("PUT", intent_path(), intent(right), token))
        assert service.ask("DELETE", f"{intent_path(entity['id'])}/{entity['ovn']}", None, token)[0] == 200


def test_altitudes_are_metres_over_the_ellipsoid(service: DssProcess, latitude: float, token: str) -> None:
    here = extents(latitude)
    for change in ({"reference": "SFC"}, {"units": "FT"}, {"value": 200.0}, {"value": -9000.0}, {"value": "50"}):
        volume = {**here["volume"], "altitude_lower": {**here["volume"]["altitude_lower"], **change}}
        assert service.ask("PUT", intent_path(), intent(here | {"volume": volume}), token)[0] == 400, change
    bare = {key: value for key, value in here["volume"].items() if not key.startswith("altitude")}
    unbounded = here | {"volume": bare}
    assert service.ask("PUT", intent_path(), intent(unbounded), token)[0] == 400
    made(service.ask("PUT", f"{CONSTRAINTS}/{uuid4()}", constraint(unbounded), token))
    made(service.ask("PUT", f"{SUBSCRIPTIONS}/{uuid4()}", subscription(unbounded), token))


def test_times_of_intents_and_constraints(service: DssProcess, latitude: float, token: str) -> None:
    here = extents(latitude)
    for times in ((None, 60.0), (5.0, None), (-120.0, -60.0), (120.0, 60.0)):
        wrong = timed(here, *times)
        assert service.ask("PUT", intent_path(), intent(wrong), token)[0] == 400, times
        # The end of the whole counts; what is wrong in itself is wrong beside others too.
        status, answer = service.ask("PUT", intent_path(), intent(here, wrong), token)
        assert status == (201 if times == (-120.0, -60.0) else 400), times
        if status == 201:
            ended = made((status, answer))
            assert service.ask("DELETE", f"{intent_path(ended['id'])}/{ended['ovn']}", None, token)[0] == 200
        assert service.ask("PUT", f"{CONSTRAINTS}/{uuid4()}", constraint(wrong), token)[0] == 400, times
    zoneless = here | {"time_end": {"value": moment(60.0).removesuffix("Z"), "format": "RFC3339"}}
    assert service.ask("PUT", intent_path(), intent(zoneless), token)[0] == 400
    begun = timed(here, -7200.0, 60.0)
    fine = begun | {"time_end": {"value": moment(60.0)[:-1] + "123+00:00", "format": "RFC3339"}}
    entity = made(service.ask("PUT", intent_path(), intent(fine), token))
    assert entity["time_start"] == begun["time_start"]
    distant = timed(extents(latitude), 40 * 86400.0, 40 * 86400.0 + 60.0)
    made(service.ask("PUT", intent_path(), intent(distant), token))


def test_windows_of_subscriptions_and_areas(service: DssProcess, latitude: float, token: str) -> None:
    here, day = extents(latitude), 86400.0
    for collection, body in ((SUBSCRIPTIONS, subscription), (RID_SUBSCRIPTIONS, area)):
        for times in ((-400.0, 60.0), (0.0, day + 60.0), (-120.0, -60.0), (120.0, 60.0)):
            assert service.ask("PUT", f"{collection}/{uuid4()}", body(timed(here, *times)), token)[0] == 400, times
        path = f"{collection}/{uuid4()}"
        first = made(service.ask("PUT", path, body(timed(here, -240.0, day - 300.0)), token))
        assert service.ask("DELETE", f"{path}/{first['version']}", None, token)[0] == 200
        whole = made(service.ask("PUT", path, body(timed(here, None, None)), token))
        start, end = (parsed(whole[name]["value"]) for name in ("time_start", "time_end"))
        assert end - start == day
        assert service.ask("DELETE", f"{path}/{whole['version']}", None, token)[0] == 200
    silent = subscription(here, notify_for_operational_intents=False)
    assert service.ask("PUT", f"{SUBSCRIPTIONS}/{uuid4()}", silent, token)[0] == 400
    assert service.ask("PUT", f"{AREAS}/{uuid4()}", area(timed(here, 5.0, None)), token)[0] == 400
    assert service.ask("PUT", f"{AREAS}/{uuid4()}", area(timed(here, -400.0, 60.0)), token)[0] == 400
    long = made(service.ask("PUT", f"{AREAS}/{uuid4()}", area(timed(here, None, 9 * day)), token))
    assert re.fullmatch(r"[a-v0-9]{10,13}", long["version"])
    corners = f"{latitude},8,{latitude},8.01,{latitude + 0.01},8.01"
    for query, found in (
        (f"earliest_time={moment(-9 * day)}", [long["id"]]),
        (f"latest_time={moment(-60.0)}", []),
        (f"earliest_time={moment(10 * day)}", []),
    ):
        answer = service.ask("GET", f"{AREAS}?area={corners}&{query}", None, token)[1]
        assert [one["id"] for one in answer["service_areas"]] == found, query


def parsed(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_a_notification_makes_no_new_version(service: DssProcess, latitude: float, token: str, other: str) -> None:
    here = extents(latitude)
    rows = [
        (SUBSCRIPTIONS, subscription(here), intent_path(), intent(here)),
        (RID_SUBSCRIPTIONS, area(here), f"{AREAS}/{uuid4()}", area(here)),
    ]
    for collection, body, changed, change in rows:
        path = f"{collection}/{uuid4()}"
        before = made(service.ask("PUT", path, body, token))
        (told,) = service.ask("PUT", changed, change, other)[1]["subscribers"]
        assert told["subscriptions"] == [{"subscription_id": before["id"], "notification_index": 1}]
        after = service.ask("GET", path, None, token)[1]["subscription"]
        assert after == before | {"notification_index": 1}
        assert service.ask("DELETE", f"{path}/{before['version']}", None, token)[0] == 200


def test_an_implicit_subscription_lives_as_long_as_its_intents(
    service: DssProcess, latitude: float, token: str
) -> None:
    here, further = extents(latitude), extents(latitude + 0.03)
    new = {"new_subscription": {"uss_base_url": URL}}
    first = made(service.ask("PUT", intent_path(), intent(here, **new), token))
    path = f"{SUBSCRIPTIONS}/{first['subscription_id']}"
    held = service.ask("GET", path, None, token)[1]["subscription"]
    assert (held["implicit_subscription"], held["dependent_operational_intents"]) == (True, [first["id"]])
    assert (held["time_start"], held["time_end"]) == (first["time_start"], first["time_end"])
    both = intent(here, **new, subscription_id=first["subscription_id"])
    assert service.ask("PUT", intent_path(), both, token)[0] == 400
    # Another intent leans on it, beyond where and when it was: it grows.
    leaning = intent(timed(further, 5.0, 3000.0), subscription_id=first["subscription_id"], key=[first["ovn"]])
    second = made(service.ask("PUT", intent_path(), leaning, token))
    grown = service.ask("GET", path, None, token)[1]["subscription"]
    assert grown["time_end"] == second["time_end"]
    assert sorted(grown["dependent_operational_intents"]) == sorted([first["id"], second["id"]])
    assert service.ask("DELETE", f"{path}/{grown['version']}", None, token)[0] == 400
    assert service.ask("DELETE", f"{intent_path(first['id'])}/{first['ovn']}", None, token)[0] == 200
    assert service.ask("GET", path, None, token)[0] == 200
    # Replaced by another, the last one lets it go.
    update = intent(further, **new)
    third = made(service.ask("PUT", f"{intent_path(second['id'])}/{second['ovn']}", update, token))
    assert third["subscription_id"] != first["subscription_id"]
    assert service.ask("GET", path, None, token)[0] == 404


def test_a_subscription_must_go_on_to_cover_what_leans_on_it(service: DssProcess, latitude: float, token: str) -> None:
    here, elsewhere, path = extents(latitude), extents(latitude + 0.1), f"{SUBSCRIPTIONS}/{uuid4()}"
    bare = {key: value for key, value in here["volume"].items() if not key.startswith("altitude")}
    held = made(service.ask("PUT", path, subscription(timed(here, 0.0, 3600.0)), token))
    made(service.ask("PUT", intent_path(), intent(here, subscription_id=held["id"]), token))
    outside = intent(elsewhere, subscription_id=held["id"])
    assert service.ask("PUT", intent_path(), outside, token)[0] == 400
    for wrong in (timed(elsewhere, 0.0, 3600.0), timed(here, 0.0, 60.0), timed(here, 320.0, 3600.0)):
        assert service.ask("PUT", f"{path}/{held['version']}", subscription(wrong), token)[0] == 400
    without_heights = subscription(timed(here | {"volume": bare}, 280.0, 3600.0))
    assert service.ask("PUT", f"{path}/{held['version']}", without_heights, token)[0] == 200


def test_an_intent_without_subscription_and_its_states(service: DssProcess, latitude: float, token: str) -> None:
    here, new = extents(latitude), {"new_subscription": {"uss_base_url": URL}}
    for state in ("Activated", "Nonconforming", "Contingent", "Ended", "accepted"):
        assert service.ask("PUT", intent_path(), intent(here, **new, state=state), token)[0] == 400
    entity = made(service.ask("PUT", intent_path(), intent(here), token))
    assert entity["subscription_id"] == NO_SUBSCRIPTION
    path = intent_path(entity["id"])
    assert service.ask("PUT", f"{path}/{entity['ovn']}", intent(here, state="Activated"), token)[0] == 400
    planner = service.token(COORDINATION)
    off_nominal = intent(here, **new, state="Nonconforming")
    assert service.ask("PUT", f"{path}/{entity['ovn']}", off_nominal, planner)[0] == 403
    watcher = service.token(MONITORING)
    assert service.ask("PUT", f"{path}/{entity['ovn']}", intent(here, **new, state="Activated"), watcher)[0] == 403
    # Off-nominal states pass by the key check: what is in the way is in the way.
    in_the_way = service.token(COORDINATION, subject="uss2")
    made(service.ask("PUT", intent_path(), intent(here, key=[entity["ovn"]]), in_the_way))
    assert service.ask("PUT", f"{path}/{entity['ovn']}", intent(here, **new, state="Activated"), planner)[0] == 409
    assert service.ask("PUT", f"{path}/{entity['ovn']}", off_nominal, watcher)[0] == 200


def test_constraints_are_in_the_key_of_those_who_subscribe_to_them(
    service: DssProcess, latitude: float, token: str, other: str
) -> None:
    here, above = extents(latitude), extents(latitude, heights=(100.5, 200.0))
    held = made(service.ask("PUT", f"{CONSTRAINTS}/{uuid4()}", constraint(here), other))
    listening = {"new_subscription": {"uss_base_url": URL, "notify_for_constraints": True}}
    status, answer = service.ask("PUT", intent_path(), intent(here, **listening), token)
    assert status == 409
    (missing,) = answer["missing_constraints"]
    assert (missing["id"], missing["ovn"]) == (held["id"], "Available from USS")
    assert answer.get("missing_operational_intents", []) == []
    made(service.ask("PUT", intent_path(), intent(above, **listening), token))
    deaf = {"new_subscription": {"uss_base_url": URL}}
    entity = made(service.ask("PUT", intent_path(), intent(here, **deaf), token))
    knowing = intent(here, **listening, key=[held["ovn"], entity["ovn"]])
    made(service.ask("PUT", intent_path(), knowing, token))


def test_what_a_uss_that_is_down_had_accepted_is_in_no_key(service: DssProcess, latitude: float, token: str) -> None:
    here, arbiter = extents(latitude), service.token("utm.availability_arbitration")
    gone = service.token(subject="gone")
    accepted = made(service.ask("PUT", intent_path(), intent(here), gone))
    assert service.ask("PUT", intent_path(), intent(here), token)[0] == 409
    availability = "/dss/v1/uss_availability/gone"
    assert service.ask("PUT", availability, {"old_version": "stale", "availability": "Down"}, arbiter)[0] == 409
    assert service.ask("PUT", availability, {"old_version": "", "availability": "dOwN"}, arbiter)[0] == 200
    entity = made(service.ask("PUT", intent_path(), intent(here), token))
    shown = service.ask("GET", intent_path(accepted["id"]), None, token)[1]["operational_intent_reference"]
    assert (shown["uss_availability"], shown["ovn"]) == ("Down", "Available from USS")
    assert entity["uss_availability"] == "Unknown"


def test_urls_must_be_https(service: DssProcess, latitude: float, token: str) -> None:
    here = extents(latitude)
    for url in ("http://uss.example.com", "uss.example.com", "https://", "ftp://uss.example.com", "https://a b"):
        assert service.ask("PUT", intent_path(), intent(here) | {"uss_base_url": url}, token)[0] == 400, url
        assert service.ask("PUT", f"{AREAS}/{uuid4()}", area(here) | {"uss_base_url": url}, token)[0] == 400, url


def test_an_ovn_that_the_client_asked_for(service: DssProcess, latitude: float, token: str) -> None:
    here, name, now_s = extents(latitude), str(uuid4()), parsed(moment(0.0))

    def suffix(age_s: float) -> str:
        stamp, rest = int((now_s - age_s) * 1000), uuid4().int
        return str(UUID(int=stamp << 80 | 7 << 76 | (rest >> 4 & 0xFFF) << 64 | 2 << 62 | rest & (1 << 62) - 1))

    def asked(text: str) -> dict[str, Any]:
        return intent(here, requested_ovn_suffix=text)

    path, first = intent_path(name), suffix(0.0)
    for wrong in (str(uuid4()), suffix(400.0), suffix(-400.0), "", f"{{{first}}}", first.replace("-", "")):
        assert service.ask("PUT", path, asked(wrong), token)[0] == 400, wrong
    entity = made(service.ask("PUT", path, asked(first), token))
    assert entity["ovn"] == f"{name}_{first}"
    # An OVN names one version: the same suffix cannot name the next one too.
    assert service.ask("PUT", f"{path}/{entity['ovn']}", asked(first), token)[0] == 400
    second = suffix(0.0)
    assert made(service.ask("PUT", f"{path}/{entity['ovn']}", asked(second), token))["ovn"] == f"{name}_{second}"
    status, answer = service.ask("PUT", intent_path(), intent(here, key=[entity["ovn"]]), service.token(subject="uss2"))
    assert (status, [one["id"] for one in answer["missing_operational_intents"]]) == (409, [name])


def test_nothing_is_cut_at_ten_thousand() -> None:
    state, now_us, count = DssState(), 1_750_000_000_000_000, 10_050
    hour = Extents((77,), 0.0, 100.0, now_us, now_us + 3_600_000_000, ())
    for number in range(count):
        name = str(UUID(int=number, version=4))
        evolve_dss(state, IntentWritten(name, "uss1", 1, f"ovn {number}", "Accepted", URL, "", hour), now_us)
    assert len(state.intent_index.find_names((77,), 0.0, 100.0, now_us, now_us)) == count

    def put(key: frozenset[str]) -> PutIntent:
        return PutIntent(
            now_us,
            "uss2",
            str(uuid4()),
            None,
            "Accepted",
            URL,
            hour,
            key,
            None,
            None,
            None,
            may_coordinate=True,
            may_monitor=False,
        )

    known = [f"ovn {number}" for number in range(count)]
    with pytest.raises(Refused) as refused:
        decide_dss(state, put(frozenset(known[:-30])), exact=False)
    assert len(refused.value.missing_intents) == 30
    assert decide_dss(state, put(frozenset(known)), exact=False)


def test_the_table_of_the_reference_names_tests_that_there_are() -> None:
    root = Path(__file__).parents[2]
    page = (root / "docs" / "reference" / "dss.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", page))
    there = {
        name
        for file in Path(__file__).parent.glob("test_*.py")
        for name in re.findall(r"^def (test_\w+)\(", file.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert len(named) >= 25
    assert named <= there, named - there
