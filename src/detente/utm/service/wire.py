"""Request bodies as clients write them, read strictly where it matters. Fields that no interface knows are ignored."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal, TypeVar

import msgspec

from detente.utm.dss.records import ACCEPTED, ACTIVATED, CONTINGENT, NONCONFORMING
from detente.utm.moments import wire_microseconds
from detente.utm.refused import Refused
from detente.utm.space import Volume

T = TypeVar("T")
LOWEST_M, HIGHEST_M = -8000.0, 100_000.0
LONGEST_URL = 2048
TOO_LARGE = 413
TOO_LARGE_WITHOUT_413 = 400
"""For subscriptions the published texts list no 413. For service areas they do, but the suites ask for 400."""
LONGEST_REPORT = 1_000_000
WireMoment = Annotated[datetime, msgspec.Meta(tz=True)]


class Time(msgspec.Struct, frozen=True, gc=False):
    """A time as it was written, read by `volumes_of`, with the name of its format."""

    value: str
    format: Literal["RFC3339"]


class WireAltitude(msgspec.Struct, frozen=True, gc=False):
    """Metres above the WGS84 ellipsoid; nothing else is taken."""

    value: float
    reference: Literal["W84"]
    units: Literal["M"]


class WireRadius(msgspec.Struct, frozen=True, gc=False):
    """Metres."""

    value: float
    units: Literal["M"]


class Point(msgspec.Struct, frozen=True, gc=False):
    """Degrees."""

    lat: float
    lng: float


class WirePolygon(msgspec.Struct, frozen=True, gc=False):
    """A ring without its closing vertex."""

    vertices: list[Point]


class WireCircle(msgspec.Struct, frozen=True, gc=False):
    """A centre and a radius."""

    center: Point
    radius: WireRadius


class WireVolume3D(msgspec.Struct, frozen=True, gc=False):
    """One outline and heights."""

    outline_circle: WireCircle | None = None
    outline_polygon: WirePolygon | None = None
    altitude_lower: WireAltitude | None = None
    altitude_upper: WireAltitude | None = None


class WireVolume4D(msgspec.Struct, frozen=True, gc=False):
    """A volume in a time (F3548-21 and F3411-22a)."""

    volume: WireVolume3D
    time_start: Time | None = None
    time_end: Time | None = None


class V19Volume3D(msgspec.Struct, frozen=True, gc=False):
    """A footprint and heights (F3411-19)."""

    footprint: WirePolygon
    altitude_lo: float | None = None
    altitude_hi: float | None = None


class V19Volume4D(msgspec.Struct, frozen=True, gc=False):
    """A volume in a time (F3411-19)."""

    spatial_volume: V19Volume3D
    time_start: WireMoment | None = None
    time_end: WireMoment | None = None


class ImplicitSubscription(msgspec.Struct, frozen=True, gc=False):
    """What an implicit subscription needs."""

    uss_base_url: str
    notify_for_constraints: bool | None = None


class PutIntentBody(msgspec.Struct, frozen=True, gc=False):
    """PutOperationalIntentReferenceParameters."""

    extents: Annotated[list[WireVolume4D], msgspec.Meta(min_length=1, max_length=10_000)]
    state: str
    uss_base_url: str
    key: frozenset[str] | None = None
    subscription_id: str | None = None
    new_subscription: ImplicitSubscription | None = None
    requested_ovn_suffix: str | None = None


class PutConstraintBody(msgspec.Struct, frozen=True, gc=False):
    """PutConstraintReferenceParameters."""

    extents: Annotated[list[WireVolume4D], msgspec.Meta(min_length=1, max_length=10_000)]
    uss_base_url: str


class PutSubscriptionBody(msgspec.Struct, frozen=True, gc=False):
    """PutSubscriptionParameters."""

    extents: WireVolume4D
    uss_base_url: str
    notify_for_operational_intents: bool | None = None
    notify_for_constraints: bool | None = None


class QueryBody(msgspec.Struct, frozen=True, gc=False):
    """An area to ask about."""

    area_of_interest: WireVolume4D | None = None


class AvailabilityBody(msgspec.Struct, frozen=True, gc=False):
    """SetUssAvailabilityStatusParameters."""

    availability: str
    old_version: str | None = None


class V22aPutBody(msgspec.Struct, frozen=True, gc=False):
    """Parameters of an area or a subscription (F3411-22a)."""

    extents: WireVolume4D
    uss_base_url: str


class V19PutAreaBody(msgspec.Struct, frozen=True, gc=False):
    """Parameters of an area (F3411-19)."""

    extents: V19Volume4D
    flights_url: str


class V19Callbacks(msgspec.Struct, frozen=True, gc=False):
    """Where notifications go (F3411-19)."""

    identification_service_area_url: str


class V19PutSubscriptionBody(msgspec.Struct, frozen=True, gc=False):
    """Parameters of a subscription (F3411-19)."""

    extents: V19Volume4D
    callbacks: V19Callbacks


class AnyTime(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A time that is only kept, as it was written."""

    value: str
    format: Literal["RFC3339"]

    def __post_init__(self) -> None:
        msgspec.convert(self.value, WireMoment)


class ExchangeRecord(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """An exchange with a peer, as a USS logged it.

    The published text requires `request_source` without describing it: it is kept when given, and shown empty when not.
    """

    url: str
    method: str
    recorder_role: Literal["Client", "Server"]
    request_time: AnyTime
    headers: list[str] | None = None
    request_body: str | None = None
    response_time: AnyTime | None = None
    response_body: str | None = None
    response_code: int | None = None
    problem: str | None = None
    request_source: str | None = None


class ReportBody(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """ErrorReport."""

    exchange: ExchangeRecord


STATES = frozenset((ACCEPTED, ACTIVATED, NONCONFORMING, CONTINGENT))


def read_body(decoder: msgspec.json.Decoder[T], body: bytes | bytearray) -> T:
    """A request body as its type. Raises Refused (400) that says where it is wrong."""
    try:
        return decoder.decode(body)
    except msgspec.DecodeError as error:
        raise Refused(400, f"the body is not as the interface has it: {error}") from error
    except (ValueError, RecursionError) as error:
        raise Refused(400, "the body is not JSON in UTF-8") from error


def volumes_of(wires: Iterable[WireVolume4D]) -> list[Volume]:
    """The volumes of F3548-21 or F3411-22a. Raises Refused (400)."""
    moments: dict[str, int] = {}
    volumes = []
    for wire in wires:
        space = wire.volume
        circle, polygon = space.outline_circle, space.outline_polygon
        if polygon is not None and circle is None:
            ring = tuple([(vertex.lat, vertex.lng) for vertex in polygon.vertices])
            radius_m = None
        elif circle is not None and polygon is None:
            ring = ((circle.center.lat, circle.center.lng),)
            radius_m = circle.radius.value
        else:
            raise Refused(400, "a volume has either outline_circle or outline_polygon")
        volumes.append(
            _volume(
                ring,
                radius_m,
                space.altitude_lower.value if space.altitude_lower else None,
                space.altitude_upper.value if space.altitude_upper else None,
                _microseconds(wire.time_start, moments),
                _microseconds(wire.time_end, moments),
            )
        )
    return volumes


def volume_of_v19(wire: V19Volume4D) -> Volume:
    """A volume of F3411-19. Raises Refused (400)."""
    space = wire.spatial_volume
    ring = tuple([(vertex.lat, vertex.lng) for vertex in space.footprint.vertices])
    start_us = wire_microseconds(wire.time_start) if wire.time_start is not None else None
    end_us = wire_microseconds(wire.time_end) if wire.time_end is not None else None
    return _volume(ring, None, space.altitude_lo, space.altitude_hi, start_us, end_us)


def ring_of_area(text: str) -> tuple[tuple[float, float], ...]:
    """The ring of a GeoPolygonString: `lat,lng,lat,lng,...`. Raises Refused (400)."""
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise Refused(400, "area is a list of numbers: lat1,lng1,lat2,lng2,...") from error
    if len(values) % 2 or len(values) < 6:
        raise Refused(400, "area has at least three pairs of latitude and longitude")
    return tuple(zip(values[::2], values[1::2], strict=True))


def check_url(url: str, *, allow_http: bool) -> str:
    """A base URL. Raises Refused (400) when peers could not call it."""
    scheme, separator, rest = url.partition("://")
    schemes = ("https", "http") if allow_http else ("https",)
    if not separator or scheme.lower() not in schemes or not rest.strip("/") or len(url) > LONGEST_URL:
        raise Refused(400, f"the URL must be one that peers can call, with {' or '.join(schemes)}")
    if not url.isprintable() or " " in url:
        raise Refused(400, "the URL has characters that no URL has")
    return url


def _microseconds(time: Time | None, seen: dict[str, int]) -> int | None:
    if time is None:
        return None
    # The volumes of one body mostly name the same few moments.
    at_us = seen.get(time.value)
    if at_us is None:
        try:
            at_us = wire_microseconds(msgspec.convert(time.value, WireMoment))
        except msgspec.ValidationError as error:
            raise Refused(400, f"{time.value[:40]!r} is no RFC 3339 time: {error}") from error
        seen[time.value] = at_us
    return at_us


def _volume(
    ring: tuple[tuple[float, float], ...],
    radius_m: float | None,
    lower_m: float | None,
    upper_m: float | None,
    start_us: int | None,
    end_us: int | None,
) -> Volume:
    if (lower_m is not None and not LOWEST_M <= lower_m <= HIGHEST_M) or (
        upper_m is not None and not LOWEST_M <= upper_m <= HIGHEST_M
    ):
        raise Refused(400, f"an altitude must be {LOWEST_M:.0f} to {HIGHEST_M:.0f} m")
    if lower_m is not None and upper_m is not None and lower_m > upper_m:
        raise Refused(400, "altitude_lower must not be above altitude_upper")
    if start_us is not None and end_us is not None and end_us < start_us:
        raise Refused(400, "time_end must not be before time_start")
    return Volume(ring, radius_m, lower_m, upper_m, start_us, end_us)
