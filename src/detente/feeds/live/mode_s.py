"""Mode S messages as sightings: extended squitters with a right checksum, decoded by rs1090.

Only what says where an aircraft is, how it moves, who it is and how accurate that is goes to the decoder; all other
messages are counted. A message with a wrong checksum is an error: one bit or burst of up to 24 bits that changed is
always found out, and of random bytes one in 16.8 million passes.

Sources: RTCA DO-260B (messages, 2.2.3.2; integrity, table 2-69 and 2-70; TIS-B and ADS-R, 2.2.17 and 2.2.18).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import rs1090
from numpy.typing import NDArray

from detente.airspace.altitude import FOOT_M
from detente.airspace.refusal import Refusal
from detente.feeds.live.accuracy import HORIZONTAL_ERROR_M, VELOCITY_ERROR_MPS, VERTICAL_ERROR_M, integrity_m
from detente.feeds.live.compact_position import FASTEST_MPS, STEPS, Half, Strands
from detente.feeds.live.decoding import Remembered, Tally, check_figure, check_sighting, plain_name
from detente.feeds.live.sbs_lines import KNOT_MPS, VELOCITY_HOLDS_S
from detente.watch.sighting import Sighting, SightingSource

LONG_BYTES = 14
SQUITTERS = (17, 18)
CATEGORY_SETS = "DCBA"
"""By the type of a message of identification, from 1 on."""

_IDENTITY = frozenset(range(1, 5))
_SURFACE = frozenset(range(5, 9))
_POSITION = frozenset({*range(5, 19), 20, 21, 22})
_VELOCITY, _STATUS = 19, 31
_READ = np.zeros(32, dtype=np.bool_)
_READ[[*_IDENTITY, *_POSITION, _VELOCITY, _STATUS]] = True

_OTHER_ADDRESS = frozenset({1, 5})
_MARKED = frozenset({2, 6})
"""Formats of DF 18 that mark in each message whether the address is that of ICAO; 3 and 4 are of no use here."""

_SOURCES = {
    0: SightingSource.ADSB,
    1: SightingSource.ADSB,
    2: SightingSource.TISB,
    5: SightingSource.TISB,
    6: SightingSource.ADSR,
}


def _checksums() -> NDArray[np.uint32]:
    """Return for each of 14 places what each byte there adds to the checksum, shape (14, 256)."""
    table = np.zeros((LONG_BYTES, 256), dtype=np.uint32)
    for byte in range(256):
        remainder = byte
        for place in reversed(range(LONG_BYTES)):
            table[place, byte] = remainder
            for _ in range(8):
                remainder <<= 1
                if remainder & 0x1000000:
                    remainder ^= 0x1FFF409
    return table


_CHECKSUMS = _checksums()


class _Aircraft:
    """What is known of one address besides its positions."""

    __slots__ = ("address", "callsign", "category", "climb_mps", "geometric_above_m", "gva", "nac_p", "nac_v",
                 "nic_a", "sil", "speed_mps", "strands", "track_deg", "velocity_s", "version")  # fmt: skip

    def __init__(self, address: str, strands: Strands) -> None:
        self.address = address
        self.strands = strands
        self.callsign = self.category = ""
        self.speed_mps: float | None = None
        self.track_deg: float | None = None
        self.climb_mps: float | None = None
        self.geometric_above_m: float | None = None
        self.velocity_s = float("-inf")
        self.version: int | None = None
        self.nac_p = self.nac_v = self.gva = self.nic_a = 0
        self.sil: int | None = None


class ModeSMessages:
    """Decodes the messages of one connection.

    Args:
        feed: the feed's name.
        tally: where errors are counted.
        reference_deg: latitude and longitude of the receiver, where they are known.
    """

    def __init__(self, feed: str, tally: Tally, reference_deg: tuple[float, float] | None = None) -> None:
        self._feed = feed
        self._tally = tally
        self._reference_deg = reference_deg
        self._aircraft: Remembered[str, _Aircraft] = Remembered()

    def take(
        self,
        messages: Sequence[bytes],
        times_s: Sequence[float],
        received_s: float,
        origins: Sequence[SightingSource | None],
    ) -> list[Sighting]:
        """Return the sightings of long messages.

        Args:
            messages: 14 bytes each, counted already.
            times_s: when each was received, seconds since 1970.
            received_s: now.
            origins: how each position was found, where that is known from elsewhere than the message.
        """
        if not messages:
            return []
        octets = np.frombuffer(b"".join(messages), dtype=np.uint8).reshape(-1, LONG_BYTES)
        squitters = np.isin(octets[:, 0] >> 3, SQUITTERS)
        chosen = np.flatnonzero(squitters)
        self._tally.unused += len(messages) - chosen.size
        right = np.bitwise_xor.reduce(_CHECKSUMS[np.arange(LONG_BYTES), octets[chosen]], axis=1) == 0
        wrong = int(chosen.size - right.sum())
        if wrong:
            self._tally.messages -= wrong
            self._tally.wrong(Refusal("feeds_live.checksum", "message", messages[chosen[~right][-1]].hex()), wrong)
        chosen = chosen[right]
        read = _READ[octets[chosen, 4] >> 3]
        self._tally.unused += int(chosen.size - read.sum())
        chosen = chosen[read]
        if not chosen.size:
            return []
        decoded: list[Any] = rs1090.decode([messages[place].hex() for place in chosen])
        found: list[Sighting] = []
        for place, said in zip(chosen.tolist(), decoded, strict=True):
            if said is None:
                self._tally.messages -= 1
                self._tally.wrong(Refusal("feeds_live.message_of_kind", "message", messages[place].hex()))
                continue
            self._one(messages[place], said, times_s[place], received_s, origins[place], found)
        return found

    def _one(
        self, message: bytes, said: dict[str, Any], at_s: float, received_s: float, origin: SightingSource | None,
        found: list[Sighting],
    ) -> None:  # fmt: skip
        code = message[4] >> 3
        form = message[0] & 7 if message[0] >> 3 == 18 else 0
        source = _SOURCES.get(form)
        if source is None:
            self._tally.unused += 1
            return
        aircraft = self._known(message, code, form)
        if code in _POSITION:
            sighting = self._position(aircraft, message, said, code, at_s, received_s, origin or source)
            if sighting is not None:
                found.append(sighting)
        elif code == _VELOCITY:
            try:
                _note_velocity(aircraft, said, at_s)
            except Refusal as error:
                self._tally.messages -= 1
                self._tally.wrong(error)
        elif code in _IDENTITY:
            aircraft.callsign = plain_name(str(said.get("callsign") or "").replace("#", ""))
            aircraft.category = f"{CATEGORY_SETS[code - 1]}{message[4] & 7}" if message[4] & 7 else ""
        else:
            _note_status(aircraft, said)

    def _known(self, message: bytes, code: int, form: int) -> _Aircraft:
        other = form in _OTHER_ADDRESS
        if form in _MARKED:
            other = bool(message[5] & 0x80 if code == _VELOCITY else code in _POSITION and message[4] & 1)
        address = f"{'~' if other else ''}{message[1:4].hex()}"
        aircraft = self._aircraft.get(address)
        if aircraft is None:
            aircraft = _Aircraft(address, Strands(self._reference_deg))
        self._aircraft.keep(address, aircraft)
        return aircraft

    def _position(
        self, aircraft: _Aircraft, message: bytes, said: dict[str, Any], code: int, at_s: float, received_s: float,
        source: SightingSource,
    ) -> Sighting | None:  # fmt: skip
        on_ground = code in _SURFACE
        height_m = None if said.get("altitude") is None else said["altitude"] * FOOT_M
        half = Half(
            said["parity"] == "odd", said["lat_cpr"] / STEPS, said["lon_cpr"] / STEPS, on_ground, at_s, height_m
        )
        fresh = at_s - aircraft.velocity_s <= VELOCITY_HOLDS_S
        known_mps = aircraft.speed_mps if fresh else None
        place = aircraft.strands.position(half, FASTEST_MPS if known_mps is None else 1.5 * known_mps + 50.0)
        if place is None:
            return None
        geometric = said.get("source") == "GNSS"
        pressure_m = None if geometric else height_m
        geometric_m = height_m if geometric else None
        if fresh and geometric_m is None and pressure_m is not None and aircraft.geometric_above_m is not None:
            geometric_m = pressure_m + aircraft.geometric_above_m
        speed_mps, track_deg = (aircraft.speed_mps, aircraft.track_deg) if fresh else (None, None)
        if on_ground:
            speed_mps = None if said.get("groundspeed") is None else said["groundspeed"] * KNOT_MPS
            track_deg = said.get("track")
        is_adsb = source in {SightingSource.ADSB, SightingSource.ADSR}
        nic_b = message[4] & 1 if source is SightingSource.ADSB else 0
        try:
            return check_sighting(
                Sighting(
                    self._feed, source, at_s, received_s, place[0], place[1], aircraft.address,
                    callsign=aircraft.callsign,
                    pressure_altitude_m=pressure_m,
                    geometric_altitude_m=geometric_m,
                    ground_speed_mps=speed_mps,
                    track_deg=None if track_deg is None else track_deg % 360.0,
                    vertical_speed_mps=aircraft.climb_mps if fresh and not on_ground else None,
                    horizontal_error_m=HORIZONTAL_ERROR_M.get(aircraft.nac_p) if is_adsb else None,
                    vertical_error_m=VERTICAL_ERROR_M.get(aircraft.gva) if is_adsb else None,
                    velocity_error_mps=VELOCITY_ERROR_MPS.get(aircraft.nac_v) if fresh else None,
                    integrity_m=integrity_m(code, aircraft.nic_a, nic_b, aircraft.version),
                    integrity_level=aircraft.sil if is_adsb else None,
                    on_ground=on_ground,
                    category=aircraft.category,
                )
            )  # fmt: skip
        except Refusal as error:
            self._tally.messages -= 1
            self._tally.wrong(error)
            return None


def _note_velocity(aircraft: _Aircraft, said: dict[str, Any], at_s: float) -> None:
    speed_kt, track_deg = said.get("groundspeed"), said.get("track")
    climb_ft_min, above_ft = said.get("vertical_rate"), said.get("geo_minus_baro")
    speed_mps = None if speed_kt is None else speed_kt * KNOT_MPS
    climb_mps = None if climb_ft_min is None else climb_ft_min * FOOT_M / 60.0
    # Checked here: what is remembered would spoil the positions that follow.
    check_figure("ground_speed_mps", speed_mps)
    check_figure("vertical_speed_mps", climb_mps)
    aircraft.speed_mps, aircraft.track_deg, aircraft.climb_mps = speed_mps, track_deg, climb_mps
    aircraft.geometric_above_m = None if above_ft is None else above_ft * FOOT_M
    aircraft.nac_v = said.get("NACv") or 0
    aircraft.velocity_s = at_s


def _note_status(aircraft: _Aircraft, said: dict[str, Any]) -> None:
    if not isinstance(said.get("version"), int):
        return
    aircraft.version = said["version"]
    aircraft.nac_p = said.get("NACp") or 0
    aircraft.gva = said.get("GVA") or 0
    aircraft.nic_a = said.get("NICa") or said.get("NICs") or 0
    aircraft.sil = said.get("SIL")
