"""Small files in the real shape of each format that others write, made by hand: nobody flew them."""

import io
import json
import zipfile

from airspace_samples import AIRSPACE_CONTENTS
from feed_samples import KML

AIRCRAFT = {
    "now": 1748786410.0,
    "messages": 99,
    "aircraft": [
        {"hex": "4b1234", "type": "adsb_icao", "flight": "SWR12  ", "alt_baro": 20000, "alt_geom": 20350,
         "gs": 400.1, "track": 91.2, "lat": 46.5, "lon": 7.5, "seen_pos": 2.5, "seen": 0.1, "mlat": [], "rssi": -9.1},
        {"hex": "4b9999", "alt_baro": "ground", "lat": 46.2, "lon": 6.1, "seen_pos": 0.5},
        {"hex": "~2b0001", "alt_geom": 9000, "lat": 46.3, "lon": 6.2, "seen_pos": 0.5},
        {"hex": "4b7777", "alt_baro": 31000, "seen": 4.0},
    ],
}  # fmt: skip

TRACE = {
    "icao": "4b1234",
    "r": "HB-ABC",
    "t": "A320",
    "timestamp": 1748786400.0,
    "trace": [
        [0.0, 46.5, 7.4, "ground", 10.0, 90.0, 0, None, {"flight": "SWR12   ", "alt_geom": 900}],
        [60.0, 46.5, 7.5, 20000, 400.0, 90.0, 2, 64, None, "adsb_icao", 20350, None, None, None],
        [64.0, 46.5, 7.51, 20025, 400.0, 90.0, 0, 64, None, "adsb_icao", 20375, None, None, None],
        [68.0, 46.5, 7.52, 20400, 400.0, 90.0, 8, 64, None, "adsb_icao", None, None, None, None],
    ],
}  # fmt: skip

STATES = {
    "time": 1748786410,
    "states": [
        ["4b1234", "SWR12   ", "Switzerland", 1748786408, 1748786409, 7.5, 46.5, 6096.0, False, 205.0, 91.2, 0.3,
         None, 6200.0, "1000", False, 0],
        ["4b9999", None, "Switzerland", None, 1748786409, 6.1, 46.2, None, True, 0.0, None, None, None, None, None,
         False, 0],
    ],
}  # fmt: skip

OPENSKY = """time,icao24,lat,lon,velocity,heading,vertrate,callsign,onground,alert,spi,squawk,baroaltitude,\
geoaltitude,lastposupdate,lastcontact
1748786400,4b1234,46.5,7.5,205.1,90.5,0.3,SWR12   ,False,False,False,1000,6096.0,6200.5,1748786399.5,1748786399.9
1748786401,4b1234,46.5,7.5,205.1,90.5,0.3,SWR12   ,False,False,False,1000,6096.0,6200.5,1748786399.5,1748786400.9
1748786402,4b1234,46.5,7.503,205.1,90.5,0.3,SWR12   ,False,False,False,1000,6096.0,6200.5,1748786401.5,1748786401.9
1748786402,4b9999,46.2,6.1,0.1,,,,True,False,False,,,,1748786401.5,1748786401.9
"""

SBS = """STA,,5,179,4B1234,10103,2025/06/01,14:00:00.000,2025/06/01,14:00:00.100,RM
MSG,1,5,211,4B1234,10057,2025/06/01,14:00:00.500,2025/06/01,14:00:00.600,SWR12,,,,,,,,,,,
MSG,3,5,211,4B1234,10057,2025/06/01,14:00:01.000,2025/06/01,14:00:01.100,,20000,,,46.5,7.5,,,0,0,0,0
MSG,4,5,211,4B1234,10057,2025/06/01,14:00:01.500,2025/06/01,14:00:01.600,,,408.3,146.4,,,64,,,,,
MSG,3,5,211,4B1234,10057,2025/06/01,14:00:05.000,2025/06/01,14:00:05.100,,20025,,,46.5,7.51,,,0,0,0,0
MSG,2,5,211,4B9999,10058,2025/06/01,14:00:05.000,2025/06/01,14:00:05.100,,,12,90,46.2,6.1,,,,,,-1
"""

FLIGHTRADAR24 = """Timestamp,UTC,Callsign,Position,Altitude,Speed,Direction
1748786400,2025-06-01T14:00:00Z,SWR12,"46.5,7.4",0,12,90
1748786460,2025-06-01T14:01:00Z,SWR12,"46.5,7.5",20000,400,90
1748786464,2025-06-01T14:01:04Z,SWR12,"46.5,7.51",20025,400,90
"""

IGC = """AXXXABC FLIGHT:1\r
HFFXA035\r
HFDTEDATE:310525,01\r
HFPLTPILOTINCHARGE:NOBODY\r
HFGTYGLIDERTYPE:Schleicher ASH-25\r
HFGIDGLIDERID:HB-3456\r
HFDTM100GPSDATUM:WGS-1984\r
I023638FXA3940SIU\r
C310525120000310525000102 Task\r
B2359564630000N00730000EA0150001612\r
B2359584630020N00730030EA0151001622\r
B0000024630040N00730060EV0152001632\r
B0000064630080N00730120EA0153001642\r
E000008PEV\r
LABC a comment\r
GREJNGJERJKNJKRE31895478537H43982FJN\r
"""

GPX = """<?xml version="1.0" encoding="UTF-8"?>
<gpx version="1.1" creator="hand" xmlns="http://www.topografix.com/GPX/1/1" xmlns:x="urn:x">
  <metadata><time>2025-06-01T13:00:00Z</time></metadata>
  <wpt lat="46.2" lon="6.1"><name>Home</name></wpt>
  <trk><name>Survey 1</name>
    <trkseg>
      <trkpt lat="46.5" lon="7.5"><ele>900</ele><time>2025-06-01T14:00:00Z</time><sat>9</sat></trkpt>
      <trkpt lat="46.5" lon="7.501"><ele>910</ele><time>2025-06-01T14:00:10Z</time>
        <extensions><x:speed>9</x:speed></extensions></trkpt>
    </trkseg>
    <trkseg>
      <trkpt lat="46.6" lon="7.5"><ele>900</ele><time>2025-06-01T15:00:00.5Z</time></trkpt>
    </trkseg>
  </trk>
</gpx>
"""


NOTAMS = """(A0101/25 NOTAMN
Q) LSAS/QRTCA/IV/BO/W/000/100/4630N00730E005
A) LSAS B) 2506010600 C) 2506021800
D) DAILY 0600-1100 1300-1800
E) TEMPORARY RESTRICTED AREA ACTIVE (SEE AIP SUP 12/25) WITHIN
463000N 0073000E RADIUS 4NM.
F) SFC G) FL100)

A0102/25 NOTAMR A0099/25
Q) LSAS/QWULW/IV/BO/AW/000/030/4612S00606W003
A) LSGG B) 2506010600 C) 2506011800
E) UNMANNED AIRCRAFT.
F) 1500FT AMSL G) 3000FT AMSL
CREATED: 31 May 2025 10:00:00
SOURCE: LSSAYNYX

(A0103/25 NOTAMN
Q) LSAS/QMRLC/IV/NBO/A/000/999/4614N00606E005
A) LSGG B) 2506010600 C) 2506011800
E) RWY 04/22 CLSD.)
"""


def kmz(*names: str) -> bytes:
    """An archive with the sample of KML under each name, and a picture."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images/pin.png", b"\x89PNG")
        for name in names or ("doc.kml",):
            archive.writestr(name, KML)
    return packed.getvalue()


CONTENTS = {
    "aircraft.json": json.dumps(AIRCRAFT).encode(),
    "trace_full_4b1234.json": json.dumps(TRACE).encode(),
    "states.json": json.dumps(STATES).encode(),
    "opensky.csv": OPENSKY.encode(),
    "fr24.csv": FLIGHTRADAR24.encode(),
    "log.sbs": SBS.encode(),
    "flight.igc": IGC.encode(),
    "track.gpx": GPX.encode(),
    "plans.kmz": kmz(),
    "notams.txt": NOTAMS.encode(),
    **AIRSPACE_CONTENTS,
}
"""Every sample, under a name as people have it."""
