"""Small routes and missions in the real shape of each format, made by hand: nobody flies them."""

import json
from datetime import UTC, datetime, timedelta

from detente.airspace.altitude import Altitude, AltitudeBand, AltitudeUnit, MeanSeaLevel
from detente.feeds.kml import KmlOptions
from detente.feeds.load import LoadOptions
from detente.feeds.named_points import read_points
from detente.feeds.recognition import PlanFormat
from detente.feeds.routes import RouteOptions

POINTS = b"""name,latitude,longitude,variation,airway
EGLL,51.4775,-0.4614,,
LFPG,49.0097,2.5478,,
DVR,51.1627,1.3591,1.5,
ABB,50.1351,1.8547,,UL9
LIMRI,50.0,2.0,,UL9
MOPAR,49.5,2.2,,UL9
"""

START = datetime(2025, 6, 1, 14, 30, tzinfo=UTC)
MSL = MeanSeaLevel()
OPTIONS = LoadOptions(
    utc_offset=timedelta(hours=-4),
    kml=KmlOptions(ground_elevation_m=480.0, ground_elevation_error_m=10.0),
    routes=RouteOptions(
        start=START,
        speed_m_s=50.0,
        climb_m_s=2.5,
        altitude=Altitude(3000.0, AltitudeUnit.FOOT, MSL),
        heights=AltitudeBand(Altitude(0.0, AltitudeUnit.METRE, MSL), Altitude(500.0, AltitudeUnit.METRE, MSL)),
        points=read_points(POINTS),
    ),
)


def item(command, *params, frame=3, **members):
    values = [*params, *([0] * (7 - len(params)))]
    return {
        "autoContinue": True, "command": command, "doJumpId": 1, "frame": frame, "params": values,
        "type": "SimpleItem", **members,
    }  # fmt: skip


def survey(*items):
    return {
        "TransectStyleComplexItem": {"CameraCalc": {"version": 1}, "Items": list(items), "FollowTerrain": False,
                                     "TurnAroundDistance": 10, "VisualTransectPoints": [], "version": 1},
        "angle": 0, "complexItemType": "survey", "entryLocation": 0, "flyAlternateTransects": False,
        "polygon": [[47.4, 8.54], [47.41, 8.54], [47.41, 8.55]], "type": "ComplexItem", "version": 5,
    }  # fmt: skip


def plan(*items, **members):
    return {
        "fileType": "Plan",
        "geoFence": {"circles": [{"circle": {"center": [47.4, 8.55], "radius": 900}, "inclusion": True, "version": 1}],
                     "polygons": [], "version": 2},
        "groundStation": "QGroundControl",
        "mission": {
            "cruiseSpeed": 15, "firmwareType": 12, "globalPlanAltitudeMode": 1, "hoverSpeed": 5, "items": list(items),
            "plannedHomePosition": [47.3977419, 8.545594, 487.989], "vehicleType": 2, "version": 2, **members,
        },
        "rallyPoints": {"points": [[47.4, 8.55, 50]], "version": 2},
        "version": 1,
    }  # fmt: skip


TAKEOFF = item(22, 15, 0, 0, None, 47.3977419, 8.545594, 50, Altitude=50, AltitudeMode=1, AMSLAltAboveTerrain=None)
PLAN = plan(
    TAKEOFF,
    item(16, 30, 0, 0, None, 47.4, 8.545594, 50),
    item(178, 1, 10, -1, 0, frame=2),
    survey(
        item(16, 0, 0, 0, None, 47.4, 8.55, 50), item(206, 25, 0, 1, frame=2), item(16, 0, 0, 0, None, 47.4, 8.56, 90)
    ),
    item(20, frame=2),
)  # fmt: skip

WPL = """QGC WPL 110
0\t1\t0\t16\t0\t0\t0\t0\t47.3977419\t8.545594\t487.989\t1
1\t0\t3\t22\t0.000000\t0.0\t0.0\t0.0\t0\t0\t50.000000\t1
2\t0\t3\t16\t30.0\t0.0\t0.0\t0.0\t47.4\t8.545594\t50.000000\t1
3\t0\t10\t16\t0.0\t0.0\t0.0\t0.0\t47.4\t8.55\t60.000000\t1
4\t0\t0\t21\t0.0\t0.0\t0.0\t0.0\t47.4\t8.55\t480.0\t1
"""

GARMIN = """<?xml version="1.0" encoding="utf-8"?>
<flight-plan xmlns="http://www8.garmin.com/xmlschemas/FlightPlan/v1">
  <created>20250530T20:50:26Z</created>
  <waypoint-table>
    <waypoint><identifier>LSZB</identifier><type>AIRPORT</type><country-code>LS</country-code>
      <lat>46.9141</lat><lon>7.4971</lon><comment/><elevation>510.0</elevation></waypoint>
    <waypoint><identifier>FRI</identifier><type>VOR</type><country-code>LS</country-code>
      <lat>46.7775</lat><lon>7.2236</lon><comment/></waypoint>
    <waypoint><identifier>LSGG</identifier><type>AIRPORT</type><country-code>LS</country-code>
      <lat>46.2381</lat><lon>6.1090</lon><comment/></waypoint>
    <waypoint><identifier>SPARE</identifier><type>USER WAYPOINT</type><country-code/>
      <lat>46.0</lat><lon>6.0</lon><comment/></waypoint>
  </waypoint-table>
  <route>
    <route-name>LSZB LSGG</route-name>
    <flight-plan-index>1</flight-plan-index>
    <route-point><waypoint-identifier>LSZB</waypoint-identifier><waypoint-type>AIRPORT</waypoint-type>
      <waypoint-country-code>LS</waypoint-country-code></route-point>
    <route-point><waypoint-identifier>FRI</waypoint-identifier><waypoint-type>VOR</waypoint-type>
      <waypoint-country-code>LS</waypoint-country-code></route-point>
    <route-point><waypoint-identifier>LSGG</waypoint-identifier><waypoint-type>AIRPORT</waypoint-type>
      <waypoint-country-code>LS</waypoint-country-code></route-point>
  </route>
</flight-plan>
"""

FOREFLIGHT = """<?xml version="1.0" encoding="utf-8"?>
<flight-plan xmlns="http://www8.garmin.com/xmlschemas/FlightPlan/v1">
<created>20251201T03:12:50Z</created>
<aircraft><aircraft-tailnumber>N12345</aircraft-tailnumber></aircraft>
<flight-data><etd-zulu>20250601T15:00:00Z</etd-zulu><altitude-ft>3000</altitude-ft></flight-data>
<waypoint-table>
  <waypoint><identifier>ALB</identifier><type>VOR</type><lat>42.747281</lat><lon>-73.803183</lon><altitude-ft></altitude-ft></waypoint>
  <waypoint><identifier>IGN</identifier><type>VOR</type><lat>41.665545</lat><lon>-73.822211</lon><altitude-ft></altitude-ft></waypoint>
</waypoint-table>
<route><route-name>ALB TO IGN</route-name><flight-plan-index>1</flight-plan-index>
  <route-point><waypoint-identifier>ALB</waypoint-identifier><waypoint-type>VOR</waypoint-type></route-point>
  <route-point><waypoint-identifier>IGN</waypoint-identifier><waypoint-type>VOR</waypoint-type></route-point>
</route>
</flight-plan>
"""

FPL = """(FPL-ABC123-IS
-A320/M-SDE2E3FGHIJ1RWXYZ/LB1
-EGLL1430
-N0400F300 DVR DCT ABB/N0420F320 UL9 MOPAR DCT 4930N00230E
-LFPG0058 EGKK LFPO
-PBN/A1B1C1 STS/HOSP DOF/250601 REG/GABCD EET/LFFF0020
RMK/TCAS EQUIPPED - AND MORE)

(FPL-FLY7-VG
-C172/L-S/C
-ZZZZ0600
-K0180A045 4620N00705E/K0200A045 DCT DVR090020
-ZZZZ0700
-DEP/4655N00730E DEST/4600N00600E DOF/250602)
"""

COT = """<?xml version="1.0" encoding="UTF-8"?>
<events>
<event version="2.0" uid="44444444-4444-4444-8444-444444444444" type="b-m-r" time="2025-06-01T12:00:00.000Z"
  start="2025-06-01T12:00:00.000Z" stale="2025-06-08T12:00:00Z" how="h-e">
  <point lat="0.0" lon="0.0" hae="9999999.0" ce="9999999.0" le="9999999.0"/>
  <detail>
    <link uid="w0" callsign="SP" type="b-m-p-w" point="46.5,7.5,1200.5" remarks="" relation="c"/>
    <link uid="w1" callsign="" type="b-m-p-c" point="46.6,7.5,1300" remarks="" relation="c"/>
    <link uid="w2" callsign="VDO" type="b-m-p-w" point="46.6,7.6,1300" remarks="" relation="c"/>
    <link_attr planningmethod="Infil" color="-1" method="Flying" prefix="CP" type="Vehicle" stroke="3"/>
    <__routeinfo><__navcues/></__routeinfo>
    <contact callsign="Route 1"/><remarks>by hand</remarks><archive/><strokeColor value="-1"/>
  </detail>
</event>
<event version="2.0" uid="33333333-3333-4333-8333-333333333333" type="u-d-c-c" time="2025-06-01T12:00:00Z"
  start="2025-06-01T14:00:00Z" stale="2025-06-01T18:00:00Z" how="h-e">
  <point lat="46.55" lon="7.55" hae="600" ce="10.5" le="9999999.0"/>
  <detail><contact callsign="Circle"/><shape><ellipse major="2000" minor="2000" angle="360"/>
    <link uid="x.Style" type="b-x-KmlStyle" relation="p-c"><Style/></link></shape></detail>
</event>
<event version="2.0" uid="22222222-2222-4222-8222-222222222222" type="u-d-f" time="2025-06-01T12:00:00Z"
  start="2025-06-01T14:00:00Z" stale="2025-06-01T18:00:00Z" how="h-e">
  <point lat="46.5" lon="7.5" hae="9999999.0" ce="9999999.0" le="9999999.0"/>
  <detail><contact callsign="Area"/><link point="46.5,7.5"/><link point="46.6,7.5"/><link point="46.6,7.6"/>
    <link point="46.5,7.5"/><height value="0.00"/></detail>
</event>
<event version="2.0" uid="u" type="u-rb-a" time="2025-06-01T12:00:00Z" start="2025-06-01T14:00:00Z"
  stale="2025-06-01T18:00:00Z" how="h-e"><point lat="46.5" lon="7.5" hae="0" ce="9999999" le="9999999"/>
  <detail><range value="100"/><bearing value="90"/></detail></event>
<event version="2.0" uid="p" type="b-m-p-s-m" time="2025-06-01T12:00:00Z" start="2025-06-01T14:00:00Z"
  stale="2025-06-01T18:00:00Z" how="h-e"><point lat="46.5" lon="7.5" hae="0" ce="9999999" le="9999999"/></event>
</events>
"""

FLIGHTAWARE = """Time (EDT),Latitude,Longitude,Course,kts,mph,feet,Rate,Reporting Facility
Sat 11:59:40 PM,,,,,,,,Departure (KBOS) @ Saturday 11:59:40 PM EDT
Sat 11:59:56 PM,42.36,-71.01,↗ 40°,160,184,"1,500",2000,FlightAware ADS-B (KBOS)
Sun 12:00:12 AM,42.37,-71.00,↗ 40°,170,196,"2,000",2000,FlightAware ADS-B (KBOS)
Sun 12:00:28 AM,42.38,-70.99,↗ 40°,180,207,"2,500",,FlightAware ADS-B (KBOS)
Sun 12:00:44 AM,42.39,-70.98,↗ 40°,180,207,"3,000",,Estimated
"""

AEROAPI = """ident,timestamp,latitude,longitude,altitude,altitude_change,groundspeed,heading,update_type
SWR12,2025-06-01T14:00:00Z,46.5,7.5,200,C,400,90,A
SWR12,2025-06-01T14:00:16Z,46.5,7.54,203,C,400,90,A
SWR12,2025-06-01T14:00:32Z,46.5,7.58,206,C,400,90,P
"""

AEROAPI_JSON = {
    "actual_distance": 12,
    "positions": [
        {"fa_flight_id": "SWR12-1748786400-airline-0123", "altitude": 200, "altitude_change": "C", "groundspeed": 400,
         "heading": 90, "latitude": 46.5, "longitude": 7.5, "timestamp": "2025-06-01T14:00:00Z", "update_type": "A"},
        {"fa_flight_id": "SWR12-1748786400-airline-0123", "altitude": 203, "altitude_change": "C", "groundspeed": 400,
         "heading": None, "latitude": 46.5, "longitude": 7.54, "timestamp": "2025-06-01T14:00:16Z", "update_type": "Z"},
    ],
}  # fmt: skip

SAMPLES = {
    "survey.plan": (json.dumps(PLAN, indent=4).encode(), PlanFormat.QGROUNDCONTROL),
    "mission.waypoints": (WPL.encode(), PlanFormat.MAVLINK_TEXT),
    "garmin.fpl": (GARMIN.encode(), PlanFormat.GARMIN),
    "foreflight.fpl": (FOREFLIGHT.encode(), PlanFormat.GARMIN),
    "filed.txt": (FPL.encode(), PlanFormat.ICAO_PLAN),
    "events.cot": (COT.encode(), PlanFormat.COT),
    "log.csv": (FLIGHTAWARE.encode(), PlanFormat.FLIGHTAWARE),
    "positions.csv": (AEROAPI.encode(), PlanFormat.FLIGHTAWARE),
    "positions.json": (json.dumps(AEROAPI_JSON).encode(), PlanFormat.FLIGHTAWARE),
}
"""Every sample, under a name as people have it, with its format."""
