"""Plans into any format that Détente writes; what is written, its own reader gives back as the same plans."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from detente.airspace.plan import Plan
from detente.feeds.cot_drawing import write_events
from detente.feeds.geojson import write_geojson
from detente.feeds.geoparquet import write_geoparquet
from detente.feeds.kml_drawing import write_kml
from detente.feeds.plan_csv import write_plan_csv
from detente.feeds.recognition import PlanFormat

WRITERS: dict[PlanFormat, Callable[[Sequence[Plan]], bytes]] = {
    PlanFormat.GEOJSON: write_geojson,
    PlanFormat.KML: write_kml,
    PlanFormat.COT: write_events,
    PlanFormat.PLAN_CSV: write_plan_csv,
    PlanFormat.GEOPARQUET: write_geoparquet,
}
