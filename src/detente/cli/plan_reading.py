"""What a user says of a plan file that the file does not say itself: its format, zone, ground, start, speed."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from detente.airspace.refusal import Refusal
from detente.cli.option_group import with_group
from detente.cli.options import (
    AreaHeights,
    Climb,
    GroundElevationOption,
    InsistedFormat,
    PathContainment,
    PointsFile,
    RouteHeight,
    RouteSpeed,
    RouteStart,
    UtcOffset,
    WindowOption,
)
from detente.cli.quantities import CLIMB_UNITS_M_S, SPEED_UNITS_M_S, quantity

if TYPE_CHECKING:
    from detente.airspace.plan import TimeWindow
    from detente.feeds.load import LoadOptions
    from detente.feeds.recognition import PlanFormat
    from detente.feeds.routes import RouteOptions

_OFFSET = re.compile(r"([+-])(\d{2}):([0-5]\d)\Z", re.ASCII)
_OPTIONS = {
    "insisted": InsistedFormat, "offset": UtcOffset, "ground_elevation": GroundElevationOption,
    "containment": PathContainment, "start": RouteStart, "speed": RouteSpeed, "climb": Climb, "height": RouteHeight,
    "heights": AreaHeights, "points": PointsFile, "window": WindowOption,
}  # fmt: skip


class PlanReading(NamedTuple):
    """The options as they were typed, None where one was not."""

    insisted: str | None = None
    offset: str | None = None
    ground_elevation: str | None = None
    containment: str | None = None
    start: str | None = None
    speed: str | None = None
    climb: str | None = None
    height: str | None = None
    heights: str | None = None
    points: Path | None = None
    window: str | None = None

    def options(self) -> LoadOptions:
        """Return the settings for one file; raises Refusal for an option that cannot be read."""
        return self.options_of_each(1)[0]

    def options_of_each(self, files: int) -> list[LoadOptions]:
        """Return the settings for each of so many files; raises Refusal for an option that cannot be read."""
        import msgspec

        from detente.airspace.plan import Containment
        from detente.cli import quantities
        from detente.feeds.kml import KmlOptions
        from detente.feeds.load import LoadOptions
        from detente.feeds.tracks import TrackOptions

        given = quantities.containment(self.containment) if self.containment is not None else Containment(0.0, 0.0, 0.0)
        ground = self.ground_elevation
        options = LoadOptions(
            utc_offset=utc_offset(self.offset),
            window=time_asked_about(self.window),
            kml=KmlOptions(
                ground_elevation_m=quantities.elevation_m(ground) if ground is not None else None, containment=given
            ),
            tracks=TrackOptions(containment=given),
        )
        formats = insisted_formats(self.insisted, files)
        return [
            msgspec.structs.replace(options, plan_format=one, routes=routes)
            for one, routes in zip(formats, self._routes(files), strict=True)
        ]

    def _routes(self, files: int) -> list[RouteOptions]:
        from detente.feeds.routes import RouteOptions

        if not any((self.start, self.speed, self.climb, self.height, self.heights, self.points)):
            return [RouteOptions()] * files
        from detente.feeds.named_points import read_points
        from detente.feeds.source import Within, printable_line, read_bytes
        from detente.line.parameters import Block, Height, Moment

        points = None
        if self.points is not None:
            with Within(printable_line(str(self.points), 120)):
                points = read_points(read_bytes(self.points))
        columns = (
            _of_each(self.start, files, "--start"), _of_each(self.speed, files, "--speed"),
            _of_each(self.climb, files, "--climb"), _of_each(self.height, files, "--height"),
            _of_each(self.heights, files, "--heights"),
        )  # fmt: skip
        found = []
        for start, speed, climb, height, heights in zip(*columns, strict=True):
            moment = _typed("--start", "moment", start)
            level = _typed("--height", "height", height)
            block = _typed("--heights", "block", heights)
            found.append(
                RouteOptions(
                    start=moment.time if isinstance(moment, Moment) else None,
                    speed_m_s=_above_zero(speed, SPEED_UNITS_M_S, "--speed"),
                    climb_m_s=_above_zero(climb, CLIMB_UNITS_M_S, "--climb"),
                    altitude=level.altitude if isinstance(level, Height) else None,
                    heights=block.band if isinstance(block, Block) else None,
                    points=points,
                )
            )
        return found


def with_reading(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say how plan files are read, in place of its parameter `reading`."""
    return with_group(command, "reading", _OPTIONS, PlanReading)


def insisted_formats(text: str | None, files: int) -> tuple[PlanFormat | None, ...]:
    """Return for each of so many files the format that was insisted on, None where it is to be found out.

    One word holds for all files. Raises Refusal for a word that is no format.
    """
    from detente.feeds.recognition import PlanFormat

    words = [word.strip().lower() for word in text.split(",")] if text is not None else [""]
    words = words * files if len(words) == 1 else words
    known = {one.value: one for one in PlanFormat}
    wrong = next((word for word in words if word and word not in known), None)
    if wrong is not None or len(words) != files:
        raise Refusal("cli.format_of_each_file", "--as", text, formats=", ".join(known))
    return tuple(known.get(word) for word in words)


def time_asked_about(text: str | None) -> TimeWindow | None:
    """Return a window written as "2025-06-01T14:30Z/2025-06-01T15:00Z"; None where none was said."""
    if text is None:
        return None
    import msgspec

    from detente.airspace.plan import TimeWindow
    from detente.cli.claims_values import times

    return msgspec.convert(times(text), TimeWindow)


def utc_offset(text: str | None) -> timedelta | None:
    """Return an offset from UTC written as "+02:00"; None where none was said."""
    if text is None:
        return None
    match = _OFFSET.match(text.strip())
    if match is None or int(match[2]) > 14:
        raise Refusal("cli.offset_such", "--utc-offset", text)
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return -offset if match[1] == "-" else offset


def _of_each(text: str | None, files: int, option: str) -> list[str]:
    """What was typed for each file: one word holds for all, words with a comma between them one by one."""
    words = [word.strip() for word in text.split(",")] if text is not None else [""]
    words = words * files if len(words) == 1 else words
    if len(words) != files:
        raise Refusal("cli.one_for_each_file", option, text, files=files)
    return words


def _typed(option: str, kind: str, text: str) -> object:
    """A value of the kinds that messages of the line have; None where nothing was typed."""
    if not text:
        return None
    from detente.cli.line_values import value
    from detente.feeds.source import Within

    with Within(option):
        return value("", kind, text)


def _above_zero(text: str, units: dict[str, float], option: str) -> float | None:
    if not text:
        return None
    found = quantity(text, units, option)
    if found <= 0.0:
        raise Refusal("cli.above_zero", option, text)
    return found
