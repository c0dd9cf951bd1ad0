"""Which elements of KML are read where, and which may stay unread because they say nothing of airspace.

Whatever stands in neither list is refused by its name: an element that a reader does not know may be a plan.
"""

from __future__ import annotations

from detente.feeds.xml_tree import SEPARATOR, Element, check_children

NAMESPACES = frozenset(
    {"http://www.opengis.net/kml/2.2", "http://www.opengis.net/kml/2.3", "http://www.google.com/kml/ext/2.2"}
    | {f"http://earth.google.com/kml/2.{minor}" for minor in range(3)}
)
CONTAINERS = frozenset({"kml", "Document", "Folder"})
OVERLAYS = frozenset({"GroundOverlay", "ScreenOverlay", "PhotoOverlay", "Tour"})
GEOMETRIES = frozenset(
    {"Point", "Model", "LineString", "LinearRing", "Polygon", "Track", "MultiTrack", "MultiGeometry"}
)
COMMON = frozenset(
    {"name", "visibility", "balloonVisibility", "open", "address", "phoneNumber", "Snippet", "snippet",
     "description", "Camera", "LookAt", "styleUrl", "Style", "StyleMap", "CascadingStyle", "Carousel",
     "Region", "Metadata",
     f"http://www.w3.org/2005/Atom{SEPARATOR}author", f"http://www.w3.org/2005/Atom{SEPARATOR}link",
     f"urn:oasis:names:tc:ciq:xsdschema:xAL:2.0{SEPARATOR}AddressDetails"}
)  # fmt: skip
"""How a feature looks, who made it, and from where it is looked at: left alone with all that is in them."""

TIMES = frozenset({"TimeSpan", "TimeStamp"})
DRAWN = frozenset({"tessellate", "drawOrder"})
SHAPE = frozenset({"extrude", "altitudeMode", *DRAWN})

READ = {
    "container": CONTAINERS | OVERLAYS | TIMES | {"Placemark", "NetworkLink", "NetworkLinkControl", "ExtendedData"},
    "Placemark": GEOMETRIES | TIMES | {"ExtendedData"},
    "ExtendedData": frozenset({"Data", "SchemaData"}),
    "TimeSpan": frozenset({"begin", "end"}),
    "TimeStamp": frozenset({"when"}),
    "Polygon": SHAPE | {"outerBoundaryIs", "innerBoundaryIs"},
    "outerBoundaryIs": frozenset({"LinearRing"}),
    "LinearRing": SHAPE | {"coordinates"},
    "LineString": SHAPE | {"coordinates"},
    "Track": SHAPE | {"when", "coord"},
    "MultiTrack": frozenset({"Track", "altitudeMode", "interpolate"}),
    "MultiGeometry": GEOMETRIES,
}
"""The elements in which others are looked for, and those others."""

LEFT_ALONE = {
    "container": COMMON | {"Schema"},
    "Placemark": COMMON,
    "Track": frozenset({"angles", "Model", "ExtendedData"}),
}
REPEATED = frozenset(
    {"Placemark", "Data", "SchemaData", "when", "coord", "angles", "innerBoundaryIs", "NetworkLink", "Schema",
     "Style", "StyleMap"}
) | GEOMETRIES | OVERLAYS | CONTAINERS  # fmt: skip
"""What may stand in an element more than once, but for a boundary: a second one of anything else would go unread."""


def check_elements(element: Element, kind: str = "") -> None:
    """Raise Refusal for a child of `element` that nobody reads: unknown there, or one more of what is read once.

    `kind` is the row of `READ` under which the element goes; its own name unless said.
    """
    kind = kind or element.name
    alone = LEFT_ALONE.get(kind, frozenset())
    repeated = frozenset() if kind == "outerBoundaryIs" else REPEATED | COMMON
    check_children(element, READ[kind] | alone, repeated)
