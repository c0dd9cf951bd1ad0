"""The WGS 84 ellipsoid, on which every distance and direction is computed."""

from __future__ import annotations

from pyproj import Geod

GEOD = Geod(ellps="WGS84")
