"""Airspace of a file gathered as plans: one for each airspace, of a volume for each area and window."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from detente.airspace.altitude import AltitudeBand
from detente.airspace.plan import Circle, Plan, Polygon, TimeWindow, Volume4D
from detente.airspace.refusal import Refusal
from detente.feeds.dropped import Dropped, DropReason, dropped_in_order
from detente.feeds.source import Within, identifier_of
from detente.feeds.vertical_limits import GroundElevation

MOST_AIRSPACES = 50_000
MOST_VOLUMES = 200_000


class AirspaceOptions(NamedTuple):
    """Settings for what files of airspace do not say.

    Attributes:
        ground: what heights above ground are measured from; None refuses them.
        window: the time that is asked about: airspace without an end holds until its end, one without times all
            through it, and what lies outside it is left out. None refuses airspace without an end.
    """

    ground: GroundElevation | None = None
    window: TimeWindow | None = None


class Airspaces(NamedTuple):
    """The plans of a file and what was left out."""

    plans: tuple[Plan, ...]
    dropped: tuple[Dropped, ...]


class AirspaceGatherer:
    """The airspaces met so far."""

    def __init__(self, options: AirspaceOptions) -> None:
        self.options = options
        self.plans: list[Plan] = []
        self.dropped: Counter[DropReason] = Counter()
        self._taken: set[str] = set()
        self._volumes = 0

    def asked_about(self, start: datetime | None, end: datetime | None, field: str) -> tuple[TimeWindow, ...]:
        """Return the part of a time that is asked about, none where it lies outside.

        None is a time without a start or an end. Raises Refusal naming `field` where nobody says either.
        """
        asked = self.options.window
        if start is not None and end is not None:
            with Within(field):
                TimeWindow(start, end)
        if asked is None:
            if start is None or end is None:
                raise Refusal("feeds_airspace.window_of_airspace", field, "no end" if end is None else "no start")
            return (TimeWindow(start, end),)
        first = asked.start if start is None else max(start, asked.start)
        last = asked.end if end is None else min(end, asked.end)
        return (TimeWindow(first, last),) if first <= last else ()

    def add(
        self, name: str, parts: Sequence[tuple[Circle | Polygon, AltitudeBand]], windows: Sequence[TimeWindow]
    ) -> None:
        """Add an airspace; it is counted as left out where none of its windows is asked about."""
        if len(self.plans) >= MOST_AIRSPACES:
            raise Refusal("feeds_airspace.at_most_airspaces", "", f"over {MOST_AIRSPACES:,}", most=MOST_AIRSPACES)
        if not windows:
            self.dropped[DropReason.OUTSIDE_WINDOW] += 1
            return
        self._volumes += len(parts) * len(windows)
        if len(parts) * len(windows) > 10_000 or self._volumes > MOST_VOLUMES:
            raise Refusal(
                "feeds_airspace.at_most_volumes", "", f"{len(parts)} areas at {len(windows)} times", most=MOST_VOLUMES
            )
        volumes = tuple(Volume4D(area, band, window) for area, band in parts for window in windows)
        self.plans.append(Plan(self._identifier(name), volumes))

    def gathered(self) -> Airspaces:
        """Return all of them."""
        return Airspaces(tuple(self.plans), dropped_in_order(self.dropped))

    def _identifier(self, name: str) -> str:
        wanted = identifier_of(name) or f"airspace-{len(self.plans) + 1}"
        plan_id, serial = wanted, 1
        while plan_id in self._taken:
            serial += 1
            plan_id = f"{wanted}~{serial}"
        self._taken.add(plan_id)
        return plan_id
