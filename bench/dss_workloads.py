"""The workloads of the field as streams of requests: FlightsInSub (W1) and the sizing page's mix.

FlightsInSub is `monitoring/loadtest/locust_files/FlightsInSub.py`: operational intents that start in a circle, of 1 to
n rectangles of 100 m by 10 m, one metre high at a random height, now for `duration_s`, each with an implicit
subscription and with every OVN ever obtained in its key.
"""

from __future__ import annotations

import math
import random
import re
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from dss_load import Request

URL = "https://uss.example.com/bench"
OVN = re.compile(rb'"ovn":"([^"]+)"')
METRES_PER_DEGREE = 111_320.0


def moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def clock(at: datetime) -> str:
    return f'{{"value":"{moment(at)}","format":"RFC3339"}}'


def altitude(metres: float | str) -> str:
    return f'{{"value":{metres},"reference":"W84","units":"M"}}'


LOWER, UPPER, START, END = b"@lower", b"@upper", b"@start", b"@end"
MARKED = (
    f'"altitude_lower":{altitude("@lower")},"altitude_upper":{altitude("@upper")}}},'
    f'"time_start":{{"value":"@start","format":"RFC3339"}},"time_end":{{"value":"@end","format":"RFC3339"}}}}'
)


class Sender:
    """Makes the heads of requests with a token, and random ids."""

    def __init__(self, tokens: dict[str, str], seed: int) -> None:
        self._tokens = tokens
        self.random = random.Random(seed)

    def head(self, method: str, path: str, scope: str) -> bytes:
        return (
            f"{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {self._tokens[scope]}\r\n"
            f"content-type: application/json\r\n"
        ).encode()

    def uuid(self) -> str:
        return str(UUID(int=self.random.getrandbits(128), version=4))


class FlightsInSub:
    """W1. With `explicit` every intent leans on its cluster's own subscription instead of one of its own."""

    def __init__(
        self,
        sender: Sender,
        clusters: int = 1,
        radius_m: float = 550.0,
        most_distance_m: float = 100.0,
        duration_s: float = 60.0,
        *,
        explicit: bool = False,
        whole_key: bool = True,
        shapes: int = 0,
    ) -> None:
        """With `shapes` so many flights are drawn in each cluster beforehand, and taken by lot: drawing is slow."""
        self._sender = sender
        self._radius_m, self._most_m, self._duration_s = radius_m, most_distance_m, duration_s
        self._explicit, self._whole_key = explicit, whole_key
        self.centres = [(-34.928683 + k * 2.0 * radius_m / 111_111.0, 138.593795) for k in range(clusters)]
        self.subscriptions = [sender.uuid() for _ in self.centres]
        self._key = bytearray()
        self._at_height: defaultdict[tuple[int, int], deque[tuple[float, str]]] = defaultdict(deque)
        self._shapes = [[self._shape(cluster) for _ in range(shapes)] for cluster in range(clusters)]
        self.scope = "utm.strategic_coordination"

    def subscribe(self) -> Iterator[Request]:
        """The explicit subscription of each cluster. It reaches as far as flights that start inside it do."""
        now = datetime.now(UTC)
        for name, (lat, lng) in zip(self.subscriptions, self.centres, strict=True):
            radius = self._radius_m + 2.0 * self._most_m + 100.0
            extents = (
                f'{{"volume":{{"outline_circle":{{"center":{{"lat":{lat},"lng":{lng}}},'
                f'"radius":{{"value":{radius},"units":"M"}}}},"altitude_lower":{altitude(0)},'
                f'"altitude_upper":{altitude(10_010)}}},"time_start":{clock(now)},'
                f'"time_end":{clock(now + timedelta(minutes=120))}}}'
            )
            body = (
                f'{{"extents":{extents},"uss_base_url":"{URL}","notify_for_operational_intents":true,'
                f'"notify_for_constraints":false}}'
            )
            yield self._sender.head("PUT", f"/dss/v1/subscriptions/{name}", self.scope), body.encode(), None

    def know(self, count: int) -> None:
        """Fill the key with OVNs of no intent."""
        self._key += b",".join(b'"%044d"' % number for number in range(count))

    def creates(self) -> Iterator[Request]:
        while True:
            yield self.create()

    def create(self) -> Request:
        chance = self._sender.random
        cluster = chance.randrange(len(self.centres))
        height = chance.randint(0, 10_000)
        now = datetime.now(UTC)
        shape = chance.choice(self._shapes[cluster]) if self._shapes[cluster] else self._shape(cluster)
        extents = (
            shape.replace(LOWER, b"%d" % height)
            .replace(UPPER, b"%d" % (height + 1))
            .replace(START, moment(now).encode())
            .replace(END, moment(now + timedelta(seconds=self._duration_s)).encode())
        )
        subscription = (
            f'"subscription_id":"{self.subscriptions[cluster]}"'
            if self._explicit
            else f'"new_subscription":{{"uss_base_url":"{URL}"}}'
        )
        key = bytes(self._key) if self._whole_key else self._relevant(cluster, height)
        body = b'{"state":"Accepted","uss_base_url":"%b",%b,"extents":[%b],"key":[%b]}' % (
            URL.encode(), subscription.encode(), extents, key,
        )  # fmt: skip
        name = UUID(int=chance.getrandbits(128), version=4).hex
        head = self._sender.head("PUT", f"/dss/v1/operational_intent_references/{name}", self.scope)
        return head, body, self._learner(cluster, height)

    def _shape(self, cluster: int) -> bytes:
        """The extents of a flight, with marks where its heights and times go."""
        chance = self._sender.random
        lat, lng = self.centres[cluster]
        reach, bearing = self._radius_m * math.sqrt(chance.random()), chance.uniform(0.0, 2.0 * math.pi)
        lat += reach * math.cos(bearing) / METRES_PER_DEGREE
        lng += reach * math.sin(bearing) / METRES_PER_DEGREE
        bearing = chance.uniform(0.0, 2.0 * math.pi)
        north, east = math.cos(bearing), math.sin(bearing)
        volumes = []
        for k in range(1 + int(chance.random() * self._most_m / 100.0)):
            corners = []
            for along, across in (
                (100.0 * k, -5.0),
                (100.0 * k + 100.0, -5.0),
                (100.0 * k + 100.0, 5.0),
                (100.0 * k, 5.0),
            ):
                up = (along * north - across * east) / METRES_PER_DEGREE
                right = (along * east + across * north) / METRES_PER_DEGREE
                corners.append(f'{{"lat":{lat + up:.7f},"lng":{lng + right:.7f}}}')
            volumes.append(f'{{"volume":{{"outline_polygon":{{"vertices":[{",".join(corners)}]}},{MARKED}')
        return ",".join(volumes).encode()

    def _relevant(self, cluster: int, height: int) -> bytes:
        now = time.time()
        known: list[str] = []
        for near in (height - 1, height, height + 1):
            held = self._at_height[cluster, near]
            while held and held[0][0] < now:
                held.popleft()
            known.extend(ovn for _, ovn in held)
        return ",".join(f'"{ovn}"' for ovn in known).encode()

    def _learner(self, cluster: int, height: int) -> Callable[[int, bytes], None]:
        def learn(status: int, beginning: bytes) -> None:
            found = OVN.search(beginning) if status in (200, 201) else None
            if found is None:
                return
            if self._whole_key:
                self._key += (b',"' if self._key else b'"') + found[1] + b'"'
            else:
                self._at_height[cluster, height].append((time.time() + self._duration_s + 5.0, found[1].decode()))

        return learn


class Mixed:
    """The sizing page's mix over eleven clusters: per flight 3.4 SCD, 2 ISA and 9.6 RID subscription requests.

    SCD: create, update and delete of an intent, and a query now and then. ISA: create and delete. RID subscriptions:
    searches, as a display provider that moves its view makes them, with a create and a delete each third flight.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._flights = FlightsInSub(sender, 11, 15_182.0, 100.0, 60.0, whole_key=False)
        self._ready: deque[Request] = deque()

    def requests(self) -> Iterator[Request]:
        while True:
            yield self._ready.popleft() if self._ready else self._next()

    def _next(self) -> Request:
        dice = self._sender.random.random() * 15.0
        if dice < 1.7:
            return self._intent()
        if dice < 2.7:
            return self._area()
        if dice < 3.0:
            return self._subscription()
        return self._search()

    def _intent(self) -> Request:
        head, body, _ = self._flights.create()
        path = head.split(b" ", 2)[1].decode()

        def deleting(status: int, beginning: bytes) -> None:
            found = OVN.search(beginning) if status == 201 else None
            if found is not None:
                gone = f"{path}/{found[1].decode()}"
                self._ready.append((self._sender.head("DELETE", gone, self._flights.scope), b"", None))

        return head, body, deleting

    def _area(self) -> Request:
        path = f"/rid/v2/dss/identification_service_areas/{self._sender.uuid()}"
        head = self._sender.head("PUT", path, "rid.service_provider")
        body = f'{{"uss_base_url":"{URL}","extents":{self._box()}}}'
        return head, body.encode(), self._deleter(path, "rid.service_provider")

    def _subscription(self) -> Request:
        path = f"/rid/v2/dss/subscriptions/{self._sender.uuid()}"
        head = self._sender.head("PUT", path, "rid.display_provider")
        body = f'{{"uss_base_url":"{URL}","extents":{self._box()}}}'
        return head, body.encode(), self._deleter(path, "rid.display_provider")

    def _search(self) -> Request:
        corners = ",".join(f"{lat:.6f},{lng:.6f}" for lat, lng in self._corners())
        return self._sender.head("GET", f"/rid/v2/dss/subscriptions?area={corners}", "rid.display_provider"), b"", None

    def _deleter(self, path: str, scope: str) -> Callable[[int, bytes], None]:
        def deleting(status: int, beginning: bytes) -> None:
            found = re.search(rb'"version":"([^"]+)"', beginning) if status == 200 else None
            if found is not None:
                self._ready.append((self._sender.head("DELETE", f"{path}/{found[1].decode()}", scope), b"", None))

        return deleting

    def _corners(self) -> list[tuple[float, float]]:
        chance = self._sender.random
        lat, lng = chance.choice(self._flights.centres)
        lat += chance.uniform(-0.1, 0.1)
        lng += chance.uniform(-0.1, 0.1)
        return [(lat, lng), (lat + 0.01, lng), (lat + 0.01, lng + 0.01), (lat, lng + 0.01)]

    def _box(self) -> str:
        now = datetime.now(UTC)
        times = f'"time_start":{clock(now)},"time_end":{clock(now + timedelta(minutes=5))}'
        vertices = ",".join(f'{{"lat":{lat:.6f},"lng":{lng:.6f}}}' for lat, lng in self._corners())
        return (
            f'{{"volume":{{"outline_polygon":{{"vertices":[{vertices}]}},"altitude_lower":{altitude(20)},'
            f'"altitude_upper":{altitude(400)}}},{times}}}'
        )
