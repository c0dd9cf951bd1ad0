"""MAVLink as drones and ground stations speak it: our own positions, what their receivers hear, broadcast Remote ID.

Read are GLOBAL_POSITION_INT (with SYSTEM_TIME for its time), ADSB_VEHICLE, and OPEN_DRONE_ID_LOCATION with
OPEN_DRONE_ID_BASIC_ID; every other message is counted. Each message has a checksum of 16 bits: of random bytes that
look like a message one in 65,536 passes.

Sources: MAVLink, common.xml; ASTM F3411-22a, 5.4 (accuracies).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from pymavlink.dialects.v20 import common

from detente.airspace.geoid import geoid_height_m
from detente.airspace.refusal import Refusal
from detente.feeds.live.decoding import Remembered, Tally, check_figure, check_sighting, plain_name, velocity_of
from detente.watch.sighting import Sighting, SightingSource

UNKNOWN_HEADING = 65_535
HOUR_S = 3_600.0
UNKNOWN_HEIGHT_M = -1_000.0

_HORIZONTAL_M = {1: 18_520.0, 2: 7_408.0, 3: 3_704.0, 4: 1_852.0, 5: 926.0, 6: 555.6, 7: 185.2, 8: 92.6, 9: 30.0,
                 10: 10.0, 11: 3.0, 12: 1.0}  # fmt: skip
_VERTICAL_M = {1: 150.0, 2: 45.0, 3: 25.0, 4: 10.0, 5: 3.0, 6: 1.0}
_SPEED_MPS = {1: 10.0, 2: 3.0, 3: 1.0, 4: 0.3}
_AIRBORNE, _ON_GROUND = 2, 1
_VALID_COORDINATES, _VALID_ALTITUDE, _VALID_HEADING, _VALID_VELOCITY, _VALID_CALLSIGN = 1, 2, 4, 8, 16
_SIMULATED = 64
_CATEGORIES = {1: "A1", 2: "A2", 3: "A3", 4: "A4", 5: "A5", 6: "A6", 7: "A7", 9: "B1", 10: "B2", 11: "B3", 12: "B4",
               14: "B6", 15: "B7", 17: "C1", 18: "C2"}  # fmt: skip


class MavlinkMessages:
    """Decodes a stream of messages of any number of systems, or datagrams."""

    def __init__(self, feed: str) -> None:
        self.tally = Tally()
        self._feed = feed
        self._parser = self._new_parser()
        self._boot_s: Remembered[int, float] = Remembered()
        self._names: Remembered[tuple[int, bytes], str] = Remembered()
        self._readers: dict[str, Callable[[Any, float], Sighting | None]] = {
            "SYSTEM_TIME": self._time,
            "GLOBAL_POSITION_INT": self._own_position,
            "ADSB_VEHICLE": self._heard_vehicle,
            "OPEN_DRONE_ID_BASIC_ID": self._name,
            "OPEN_DRONE_ID_LOCATION": self._remote_id,
        }

    @staticmethod
    def _new_parser() -> Any:  # noqa: ANN401 - a class made from the dialect
        parser = common.MAVLink(None)
        parser.robust_parsing = True
        return parser

    def take(self, data: bytes, received_s: float) -> list[Sighting]:
        """Take in the next bytes; a message that is not whole waits for the rest."""
        parser = self._parser
        messages = parser.parse_buffer(data) or []
        # The parser keeps what it has read as long as anything follows.
        parser.buf, parser.buf_index = parser.buf[parser.buf_index :], 0
        found: list[Sighting] = []
        for message in messages:
            kind = message.get_type()
            if kind == "BAD_DATA":
                self.tally.wrong(Refusal("feeds_live.message_of_kind", "message", str(message.reason)[:80]))
                continue
            reader = self._readers.get(kind)
            try:
                sighting = None if reader is None else reader(message, received_s)
                if sighting is not None:
                    found.append(check_sighting(sighting))
                else:
                    self.tally.unused += 1
                self.tally.messages += 1
            except Refusal as error:
                self.tally.wrong(error)
        return found

    def finish(self, received_s: float) -> list[Sighting]:  # noqa: ARG002 - as every decoder
        """Count a message that was cut off."""
        if self._parser.buf:
            self.tally.wrong(Refusal("feeds_live.message_of_kind", "message", bytes(self._parser.buf[:8]).hex()))
            self._parser = self._new_parser()
        return []

    def _time(self, said: Any, received_s: float) -> None:  # noqa: ANN401, ARG002
        """Note when a system was started, by what it says of the time."""
        if said.time_unix_usec:
            boot_s = said.time_unix_usec / 1e6 - said.time_boot_ms / 1e3
            check_figure("at_s", boot_s)
            self._boot_s.keep(said.get_srcSystem(), boot_s)

    def _own_position(self, said: Any, received_s: float) -> Sighting | None:  # noqa: ANN401
        if not (said.lat or said.lon):
            return None  # an autopilot without a fix
        system = said.get_srcSystem()
        boot_s = self._boot_s.get(system)
        latitude_deg, longitude_deg = _place(said.lat, said.lon)
        speed_mps, track_deg = velocity_of(said.vy / 100.0, said.vx / 100.0)
        above_m = float(geoid_height_m(latitude_deg, longitude_deg))
        return Sighting(
            feed=self._feed,
            source=SightingSource.OWN_REPORT,
            at_s=received_s if boot_s is None else boot_s + said.time_boot_ms / 1e3,
            received_s=received_s,
            latitude_deg=latitude_deg,
            longitude_deg=longitude_deg,
            identity=f"mavlink-{system}",
            geometric_altitude_m=said.alt / 1000.0 + above_m,
            ground_speed_mps=speed_mps,
            track_deg=track_deg,
            vertical_speed_mps=-said.vz / 100.0,
        )

    def _heard_vehicle(self, said: Any, received_s: float) -> Sighting | None:  # noqa: ANN401
        if not said.flags & _VALID_COORDINATES or said.flags & _SIMULATED:
            return None
        latitude_deg, longitude_deg = _place(said.lat, said.lon)
        height_m = said.altitude / 1000.0 if said.flags & _VALID_ALTITUDE else None
        moves = bool(said.flags & _VALID_VELOCITY)
        heading = bool(said.flags & _VALID_HEADING) and said.heading != UNKNOWN_HEADING
        return Sighting(
            feed=self._feed,
            source=SightingSource.ADSB,
            at_s=received_s - said.tslc,
            received_s=received_s,
            latitude_deg=latitude_deg,
            longitude_deg=longitude_deg,
            address=f"{said.ICAO_address & 0xFFFFFF:06x}" if said.ICAO_address else "",
            callsign=plain_name(_letters(said.callsign)) if said.flags & _VALID_CALLSIGN else "",
            pressure_altitude_m=height_m if said.altitude_type == 0 else None,
            geometric_altitude_m=height_m if said.altitude_type == 1 else None,
            ground_speed_mps=said.hor_velocity / 100.0 if moves else None,
            track_deg=said.heading / 100.0 % 360.0 if heading else None,
            vertical_speed_mps=said.ver_velocity / 100.0 if moves else None,
            category=_CATEGORIES.get(said.emitter_type, ""),
        )

    def _name(self, said: Any, received_s: float) -> None:  # noqa: ANN401, ARG002
        """Note what a drone calls itself, by the address of its transmitter."""
        name = bytes(said.uas_id).split(b"\0")[0].decode("ascii", "replace")
        if name:
            self._names.keep(_transmitter(said), plain_name(name))

    def _remote_id(self, said: Any, received_s: float) -> Sighting | None:  # noqa: ANN401
        transmitter = _transmitter(said)
        name = self._names.get(transmitter, "")
        if not (said.latitude or said.longitude) or not (name or any(transmitter[1])):
            return None
        latitude_deg, longitude_deg = _place(said.latitude, said.longitude)
        pressure_m, geometric_m = float(said.altitude_barometric), float(said.altitude_geodetic)
        return Sighting(
            feed=self._feed,
            source=SightingSource.REMOTE_ID,
            at_s=_of_hour_s(float(said.timestamp), received_s),
            received_s=received_s,
            latitude_deg=latitude_deg,
            longitude_deg=longitude_deg,
            identity=name or transmitter[1].hex(),
            pressure_altitude_m=pressure_m if pressure_m > UNKNOWN_HEIGHT_M else None,
            geometric_altitude_m=geometric_m if geometric_m > UNKNOWN_HEIGHT_M else None,
            ground_speed_mps=said.speed_horizontal / 100.0 if said.speed_horizontal < 25_500 else None,
            track_deg=said.direction / 100.0 if said.direction <= 36_000 else None,
            vertical_speed_mps=said.speed_vertical / 100.0 if said.speed_vertical < 6_300 else None,
            horizontal_error_m=_HORIZONTAL_M.get(said.horizontal_accuracy),
            vertical_error_m=_VERTICAL_M.get(said.vertical_accuracy),
            velocity_error_mps=_SPEED_MPS.get(said.speed_accuracy),
            on_ground=said.status == _ON_GROUND,
            category="B6",
        )


def _transmitter(said: Any) -> tuple[int, bytes]:  # noqa: ANN401
    return said.get_srcSystem(), bytes(said.id_or_mac)


def _place(latitude: int, longitude: int) -> tuple[float, float]:
    """Return degrees of what MAVLink tells in ten-millionths; raises Refusal for what is on no map."""
    latitude_deg, longitude_deg = latitude / 1e7, longitude / 1e7
    if not (abs(latitude_deg) <= 90.0 and abs(longitude_deg) <= 180.0):
        raise Refusal("feeds.latitude_of_report", "lat", latitude_deg)
    return latitude_deg, longitude_deg


def _letters(raw: Any) -> str:  # noqa: ANN401 - bytes or text, by the version of the library
    return raw.decode("ascii", "replace") if isinstance(raw, bytes) else str(raw)


def _of_hour_s(after_hour_s: float, received_s: float) -> float:
    """Return the time that is so long after a full hour and nearest to the arrival."""
    if not (math.isfinite(after_hour_s) and 0.0 <= after_hour_s <= HOUR_S):
        return received_s
    return received_s + (after_hour_s - received_s + HOUR_S / 2.0) % HOUR_S - HOUR_S / 2.0
