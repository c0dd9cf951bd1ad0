"""`aircraft.json` as readsb, tar1090, dump1090 and skyaware978 keep it: the whole picture, read again and again.

Each position is given once, when it is new. What was rebroadcast (ADS-R), seen by a ground radar (TIS-B) or reckoned
from times of arrival (MLAT) is told apart by the member `type`, or by the lists of members of that origin. UAT is in
the same form. SightingSource: README-json.md of readsb.
"""

from __future__ import annotations

import msgspec

from detente.airspace.altitude import FOOT_M
from detente.airspace.refusal import Refusal
from detente.feeds.live.accuracy import HORIZONTAL_ERROR_M, VELOCITY_ERROR_MPS, VERTICAL_ERROR_M
from detente.feeds.live.decoding import Remembered, Tally, check_sighting, plain_name, shape_refusal
from detente.feeds.live.sbs_lines import KNOT_MPS
from detente.feeds.readsb import MILLISECONDS_FROM
from detente.feeds.report_values import GROUND
from detente.feeds.reports import address
from detente.watch.sighting import Sighting, SightingSource

LARGEST_DOCUMENT = 64 * 2**20
MOST_AIRCRAFT = 100_000

_SOURCES = {
    "adsb": SightingSource.ADSB,
    "adsr": SightingSource.ADSR,
    "tisb": SightingSource.TISB,
    "mlat": SightingSource.MLAT,
}


class _Aircraft(msgspec.Struct, frozen=True):
    hex: str
    type: str = ""
    flight: str = ""
    alt_baro: float | str | None = None
    altitude: float | str | None = None
    alt_geom: float | None = None
    gs: float | None = None
    track: float | None = None
    baro_rate: float | None = None
    geom_rate: float | None = None
    category: str = ""
    lat: float | None = None
    lon: float | None = None
    seen_pos: float | None = None
    rc: float | None = None
    nac_p: int | None = None
    nac_v: int | None = None
    gva: int | None = None
    sil: int | None = None
    mlat: list[str] = []
    tisb: list[str] = []


class _Document(msgspec.Struct, frozen=True):
    now: float
    aircraft: list[msgspec.Raw] | None = None
    ac: list[msgspec.Raw] | None = None


class AircraftDocuments:
    """Decodes whole documents, one at a time."""

    def __init__(self, feed: str) -> None:
        self.tally = Tally()
        self._feed = feed
        self._document = msgspec.json.Decoder(_Document)
        self._aircraft = msgspec.json.Decoder(_Aircraft)
        self._last_s: Remembered[str, float] = Remembered()

    def take(self, data: bytes, received_s: float) -> list[Sighting]:
        """Return the positions of a document that are newer than those known; broken aircraft are counted."""
        found: list[Sighting] = []
        try:
            document = self._document.decode(data)
        except msgspec.MsgspecError as error:
            self.tally.wrong(shape_refusal(error, "aircraft.json"))
            return found
        except (UnicodeDecodeError, RecursionError):
            self.tally.wrong(Refusal("feeds_live.message_of_kind", "aircraft.json", "not UTF-8, or nested too deeply"))
            return found
        listed = document.aircraft if document.aircraft is not None else document.ac
        if listed is None or len(listed) > MOST_AIRCRAFT:
            count = None if listed is None else len(listed)
            self.tally.wrong(Refusal("feeds.one_list_of_aircraft", "aircraft", count))
            return found
        now_s = document.now / 1000.0 if document.now > MILLISECONDS_FROM else document.now
        for raw in listed:
            self._one(raw, now_s, received_s, found)
        return found

    def finish(self, received_s: float) -> list[Sighting]:  # noqa: ARG002 - as every decoder
        """Return nothing: a document is whole or an error."""
        return []

    def _one(self, raw: msgspec.Raw, now_s: float, received_s: float, found: list[Sighting]) -> None:
        try:
            aircraft = self._aircraft.decode(raw)
            sighting = self._sighting(aircraft, now_s, received_s)
        except msgspec.MsgspecError as error:
            self.tally.wrong(shape_refusal(error, "aircraft"))
            return
        except (UnicodeDecodeError, RecursionError):
            self.tally.wrong(Refusal("feeds_live.message_of_kind", "aircraft", "not UTF-8, or nested too deeply"))
            return
        except Refusal as error:
            self.tally.wrong(error)
            return
        self.tally.messages += 1
        if sighting is None:
            return
        if sighting.at_s <= self._last_s.get(sighting.address, 0.0) + 0.001:  # rounding of ages
            return
        self._last_s.keep(sighting.address, sighting.at_s)
        found.append(sighting)

    def _sighting(self, said: _Aircraft, now_s: float, received_s: float) -> Sighting | None:
        icao24 = address(said.hex, "hex")
        if said.lat is None or said.lon is None:
            return None
        if said.seen_pos is None or not 0.0 <= said.seen_pos <= 86_400.0:
            raise Refusal("feeds.number", "seen_pos", said.seen_pos)
        barometric = said.altitude if said.alt_baro is None else said.alt_baro
        on_ground = barometric == GROUND
        if isinstance(barometric, str) and not on_ground:
            raise Refusal("feeds.number", "alt_baro", plain_name(barometric))
        height_ft = None if isinstance(barometric, str) else barometric
        rate_ft_min = said.geom_rate if said.baro_rate is None else said.baro_rate
        return check_sighting(
            Sighting(
                feed=self._feed,
                source=_source(said),
                at_s=now_s - said.seen_pos,
                received_s=received_s,
                latitude_deg=said.lat,
                longitude_deg=said.lon,
                address=icao24,
                callsign=plain_name(said.flight),
                pressure_altitude_m=_times(height_ft, FOOT_M),
                geometric_altitude_m=_times(said.alt_geom, FOOT_M),
                ground_speed_mps=_times(said.gs, KNOT_MPS),
                track_deg=said.track,
                vertical_speed_mps=_times(rate_ft_min, FOOT_M / 60.0),
                horizontal_error_m=HORIZONTAL_ERROR_M.get(said.nac_p or 0),
                vertical_error_m=VERTICAL_ERROR_M.get(said.gva or 0),
                velocity_error_mps=VELOCITY_ERROR_MPS.get(said.nac_v or 0),
                integrity_m=said.rc or None,
                integrity_level=said.sil,
                on_ground=on_ground,
                category=plain_name(said.category),
            )
        )


def _source(said: _Aircraft) -> SightingSource:
    if "lat" in said.mlat:
        return SightingSource.MLAT
    if "lat" in said.tisb:
        return SightingSource.TISB
    if not said.type:  # programs that are too old to say so decode nothing else
        return SightingSource.ADSB
    return _SOURCES.get(said.type.partition("_")[0], SightingSource.OTHER)


def _times(value: float | None, unit: float) -> float | None:
    return None if value is None else value * unit
