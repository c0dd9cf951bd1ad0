"""Small files of airspace in the real shape of each format, made by hand: none of them is real."""

import json

ED269 = {
    "title": "Sample", "formatVersion": "1.0.0", "createdAt": "2025-05-30T12:00:00Z",
    "UASZoneList": [
        {
            "identifier": "LSX001", "country": "CHE", "name": "Lake", "type": "COMMON", "restriction": "PROHIBITED",
            "restrictionConditions": "R1", "region": 12, "reason": ["NATURE"], "message": "No flights",
            "zoneAuthority": [{"name": "Office", "service": "Desk", "email": "a@example.org", "phone": "1"}],
            "applicability": [
                {
                    "permanent": "NO", "startDateTime": "2025-06-01T00:00:00Z", "endDateTime": "2025-06-08T00:00:00Z",
                    "schedule": [{"day": ["MON", "TUE"], "startTime": "08:00:00+02:00", "endTime": "18:00:00+02:00"}],
                }
            ],
            "geometry": [
                {
                    "uomDimensions": "FT", "lowerLimit": 0, "lowerVerticalReference": "AGL", "upperLimit": 3000,
                    "upperVerticalReference": "AMSL",
                    "horizontalProjection": {"type": "Circle", "center": [7.5, 46.5], "radius": 6561.68},
                },
                {
                    "uomDimensions": "M", "lowerLimit": 500, "lowerVerticalReference": "AMSL", "upperLimit": None,
                    "upperVerticalReference": "AMSL",
                    "horizontalProjection": {
                        "type": "Polygon",
                        "coordinates": [[[7.5, 46.5], [7.6, 46.5], [7.6, 46.6], [7.5, 46.5]]],
                    },
                },
            ],
        }
    ],
}  # fmt: skip

ED318 = {
    "type": "FeatureCollection", "title": "Sample", "metadata": {"validFrom": "2025-01-01T00:00:00Z"},
    "features": [
        {
            "type": "Feature",
            "geometry": {
                "type": "GeometryCollection",
                "geometries": [
                    {
                        "type": "Polygon", "coordinates": [[[7.5, 46.5], [7.6, 46.5], [7.6, 46.6], [7.5, 46.5]]],
                        "layer": {"upper": 400, "upperReference": "WGS84", "lower": 0, "lowerReference": "AGL"},
                    },
                    {
                        "type": "Point", "coordinates": [7.5, 46.5], "extent": {"subType": "Circle", "radius": 2000},
                        "layer": {"upper": 3000, "upperReference": "AMSL", "lower": 1000, "lowerReference": "AMSL",
                                  "uom": "ft"},
                    },
                ],
            },
            "properties": {
                "identifier": "LSX0002", "country": "CHE", "name": [{"text": "Lake", "lang": "en-GB"}],
                "type": "CONDITIONAL", "variant": "COMMON", "restrictionConditions": "x",
                "zoneAuthority": [{"purpose": "INFORMATION"}],
                "limitedApplicability": [
                    {
                        "startDateTime": "2025-06-01T00:00:00Z", "endDateTime": "2025-06-03T00:00:00Z",
                        "schedule": [{"day": ["ANY"], "startEvent": "SR", "endEvent": "SS"}],
                    }
                ],
            },
        }
    ],
}  # fmt: skip

OPENAIR = """* made by hand
AC R
AY TMO
AN ED-R1 Lake  * a comment
AL 2500ft AMSL
AH FL95
AA 2025-06-01T06:00Z/2025-06-01T18:00Z
SP 0,1,0,0,255
DP 46:30:00 N 007:30:00 E
V D=-
V X=46:30:00 N 007:40:00 E
DB 46:30:00 N 007:32:00 E, 46:30:00 N 007:48:00 E
DP 46:40.5 N 007:45:00 E

AC CTR
AN Field
AL GND
AH 1200m AMSL
AA 2025-06-01T06:00Z/2025-06-01T18:00Z
V X=46:50:60 N 007:00:00 E
DC 5.5
"""

CONTROL_ORDER = """UNCLAS
EXER/SAMPLE//
MSGID/ACO/OFFICE/001/JUN//
ACOID/AREA1/SERIAL 1//
GEODATUM/WGE//
PERIOD/010000ZJUN2025/022359ZJUN2025//
ACSTAT/ADD//
ACMID/ACM:ROZ/NAME:LAKE ONE/POLYGON/USE:TRNG//
POLYGON/LATS:463000N0073000E/LATS:463060N0074000E/
LATM:4640N00740E/LATS:463000N0073000E//
EFFLEVEL/RAFL:025AMSL-FL095//
APERIOD/DISCRETE/010600ZJUN/011800ZJUN//
NARR/FREE TEXT ABOUT IT//
ACMID/ACM:ROZ/NAME:DISC/CIRCLE/USE:TRNG//
CIRCLE/LATS:465000N0070000E/10NM//
EFFLEVEL/FLFL:FL100-FL200//
APERIOD/INTERVAL/010600ZJUN/010800ZJUN/DAILY/UFN//
ACMID/ACM:AIRCOR/DESIG:LANE/CORRIDOR/USE:TRNG//
CORRIDOR/4NM/ALPHA/LATM:4600N00800E/LATM:4630N00800E//
CNTRLPT/EP/ALPHA/LATM:4600N00700E/FLFL:FL100-FL200//
EFFLEVEL/FLFL:FL100-FL120//
ACMID/ACM:AAR/NAME:RACE/ORBIT/USE:TRNG//
AORBIT/LATS:460000N0070000E/LATS:460000N0080000E/20NM/L//
EFFLEVEL/FLFL:FL200-FL240//
ACMID/ACM:ROZ/NAME:FAN/RADARC/USE:TRNG//
RADARC/4700N00700E/300T/060T/5NM/20NM//
EFFLEVEL/BRFL:MSL-FL050//
ACMID/ACM:ATC/NAME:HORN/POLYARC/USE:TRNG//
POLYARC/LATM:4700N00900E/330T/10NM/160T/LATS:463000N0090000E/LATS:464000N0084000E//
EFFLEVEL/FLFL:FL210-FL250//
ACMID/ACM:REFPT/NAME:POINT/POINT/USE:TRNG//
APOINT/4600N00700E//
EFFLEVEL/BRFL:MSL-FL230//
ACSTAT/DELETE//
ACMID/ACM:ROZ/NAME:GONE/CIRCLE/USE:TRNG//
"""

AIXM = """<?xml version="1.0" encoding="UTF-8"?>
<message:AIXMBasicMessage xmlns:message="http://www.aixm.aero/schema/5.1.1/message"
  xmlns:gml="http://www.opengis.net/gml/3.2" xmlns:aixm="http://www.aixm.aero/schema/5.1.1"
  xmlns:event="http://www.aixm.aero/schema/5.1/event" xmlns:xlink="http://www.w3.org/1999/xlink"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" gml:id="M1">
<message:hasMember><aixm:Airspace gml:id="A1">
  <gml:identifier codeSpace="urn:uuid:">11111111-2222-4333-8444-555555555555</gml:identifier>
  <aixm:timeSlice><aixm:AirspaceTimeSlice gml:id="S1">
    <gml:validTime><gml:TimePeriod gml:id="T1"><gml:beginPosition>2025-06-01T00:00:00Z</gml:beginPosition>
      <gml:endPosition>2025-06-08T00:00:00Z</gml:endPosition></gml:TimePeriod></gml:validTime>
    <aixm:interpretation>BASELINE</aixm:interpretation>
    <aixm:sequenceNumber>1</aixm:sequenceNumber><aixm:correctionNumber>0</aixm:correctionNumber>
    <aixm:type>D</aixm:type><aixm:designator>LSD1</aixm:designator><aixm:localType xsi:nil="true"/>
    <aixm:geometryComponent><aixm:AirspaceGeometryComponent gml:id="G1">
      <aixm:operation>BASE</aixm:operation>
      <aixm:theAirspaceVolume><aixm:AirspaceVolume gml:id="V1">
        <aixm:upperLimit uom="FL">95</aixm:upperLimit><aixm:upperLimitReference>STD</aixm:upperLimitReference>
        <aixm:lowerLimit>GND</aixm:lowerLimit><aixm:lowerLimitReference xsi:nil="true"/>
        <aixm:horizontalProjection><aixm:Surface srsName="urn:ogc:def:crs:EPSG::4326" gml:id="P1"><gml:patches>
          <gml:PolygonPatch><gml:exterior><gml:Ring><gml:curveMember><aixm:Curve gml:id="C1"><gml:segments>
            <gml:GeodesicString><gml:posList>46.5 7.5 46.499926 7.630272</gml:posList></gml:GeodesicString>
            <gml:ArcByCenterPoint numArc="1"><gml:pos>46.5 7.5</gml:pos><gml:radius uom="km">10</gml:radius>
              <gml:startAngle uom="deg">90</gml:startAngle><gml:endAngle uom="deg">180</gml:endAngle>
            </gml:ArcByCenterPoint>
            <gml:GeodesicString><gml:posList>46.410040 7.5 46.5 7.5</gml:posList></gml:GeodesicString>
          </gml:segments></aixm:Curve></gml:curveMember></gml:Ring></gml:exterior></gml:PolygonPatch>
          <gml:PolygonPatch><gml:exterior><gml:Ring><gml:curveMember><aixm:Curve gml:id="C2"><gml:segments>
            <gml:CircleByCenterPoint numArc="1"><gml:pos>47.0 8.0</gml:pos><gml:radius uom="[nmi_i]">5</gml:radius>
            </gml:CircleByCenterPoint>
          </gml:segments></aixm:Curve></gml:curveMember></gml:Ring></gml:exterior></gml:PolygonPatch>
        </gml:patches></aixm:Surface></aixm:horizontalProjection>
      </aixm:AirspaceVolume></aixm:theAirspaceVolume>
    </aixm:AirspaceGeometryComponent></aixm:geometryComponent>
    <aixm:activation><aixm:AirspaceActivation gml:id="X1">
      <aixm:timeInterval><aixm:Timesheet gml:id="H1"><aixm:timeReference>UTC</aixm:timeReference>
        <aixm:day>MON</aixm:day><aixm:startTime>07:00</aixm:startTime><aixm:endTime>17:00</aixm:endTime>
        <aixm:daylightSavingAdjust>NO</aixm:daylightSavingAdjust><aixm:excluded>NO</aixm:excluded>
      </aixm:Timesheet></aixm:timeInterval>
      <aixm:status>ACTIVE</aixm:status>
    </aixm:AirspaceActivation></aixm:activation>
  </aixm:AirspaceTimeSlice></aixm:timeSlice>
</aixm:Airspace></message:hasMember>
<message:hasMember><aixm:Airspace gml:id="A2">
  <gml:identifier codeSpace="urn:uuid:">11111111-2222-4333-8444-666666666666</gml:identifier>
  <aixm:timeSlice><aixm:AirspaceTimeSlice gml:id="S2">
    <gml:validTime><gml:TimePeriod gml:id="T2"><gml:beginPosition>2025-06-03T05:00:00Z</gml:beginPosition>
      <gml:endPosition>2025-06-03T15:00:00Z</gml:endPosition></gml:TimePeriod></gml:validTime>
    <aixm:interpretation>TEMPDELTA</aixm:interpretation><aixm:sequenceNumber>1</aixm:sequenceNumber>
    <aixm:activation><aixm:AirspaceActivation gml:id="X2"><aixm:activity>TRAINING</aixm:activity>
      <aixm:status>ACTIVE</aixm:status></aixm:AirspaceActivation></aixm:activation>
    <aixm:extension><event:AirspaceExtension gml:id="E2"><event:theEvent xlink:href="#EV1"/>
    </event:AirspaceExtension></aixm:extension>
  </aixm:AirspaceTimeSlice></aixm:timeSlice>
</aixm:Airspace></message:hasMember>
<message:hasMember><event:Event gml:id="EV1"><event:timeSlice><event:EventTimeSlice gml:id="ES1">
  <event:textNOTAM><event:NOTAM gml:id="N1"><event:coordinates>4147N03501W</event:coordinates>
    <event:radius>11</event:radius><event:minimumFL>250</event:minimumFL><event:maximumFL>350</event:maximumFL>
    <event:lowerLimit>FL250</event:lowerLimit><event:upperLimit>FL350</event:upperLimit>
  </event:NOTAM></event:textNOTAM></event:EventTimeSlice></event:timeSlice></event:Event></message:hasMember>
<message:hasMember><aixm:DesignatedPoint gml:id="DP1"/></message:hasMember>
</message:AIXMBasicMessage>
"""

USE_PLAN = [
    {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [[[7.5, 46.5], [7.6, 46.5], [7.6, 46.6], [7.5, 46.5]]]},
        "properties": {
            "designator": "EPTS9", "airspaceElementType": "TSA", "activeH24": False, "fbz": True, "fuaStatus": "ALL",
            "section": "BRAVO", "centroid": [{"x": 7.55, "y": 46.55}], "popupHtml": "<div/>",
            "airspaceReservations": [
                {"startDate": "2025-06-01T10:00:00Z", "endDate": "2025-06-01T20:00:00Z", "lowerAltitude": "F095",
                 "upperAltitude": "F315", "altitudeUnit": "FL", "unit": "EPDE", "remarks": "M346/W",
                 "reservationStatus": "ACTIVATED"},
                {"startDate": "2025-06-01T08:00:00Z", "endDate": "2025-06-01T16:00:00Z", "lowerAltitude": "GND",
                 "upperAltitude": "A061", "altitudeUnit": "FL", "unit": "EPDE", "remarks": None,
                 "reservationStatus": "PLANNED"},
            ],
        },
    },
    {
        "type": "Feature",
        "geometry": {"type": "MultiPolygon", "coordinates": [[[[8.5, 46.5], [8.6, 46.5], [8.6, 46.6], [8.5, 46.5]]]]},
        "properties": {"designator": "EPEA07", "airspaceElementType": "ADHOC", "airspaceReservations": []},
    },
]  # fmt: skip
"""As the map of PANSA has it, in its members and their spelling."""

AIRSPACE_CONTENTS = {
    "zones_ed269.json": json.dumps(ED269).encode(),
    "zones_ed318.json": json.dumps(ED318).encode(),
    "airspace.txt": OPENAIR.encode(),
    "order.aco": CONTROL_ORDER.encode(),
    "airspace.xml": AIXM.encode(),
    "uup.json": json.dumps(USE_PLAN).encode(),
}
"""Every sample, under a name as people have it."""
