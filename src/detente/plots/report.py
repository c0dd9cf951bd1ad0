"""The report: one HTML file in English and French with map, plots, plain sentences and proof, and nothing to load."""

from __future__ import annotations

from functools import cache, partial
from importlib import resources
from pathlib import Path

import jinja2
import msgspec
from markupsafe import Markup

from detente.airspace.separation import Minima
from detente.language import Language
from detente.language.figures import (
    distance,
    distance_km,
    distance_nm,
    duration,
    height,
    number,
    position,
    utc_clock,
    utc_time,
)
from detente.plots.afterwards import Afterwards, afterwards
from detente.plots.bilingual import Worded, counted_phrase, html, phrase, worded
from detente.plots.contents import ConflictOutcome, ReportConflict, ReportContents, ranked
from detente.plots.flown_map import flown_map
from detente.plots.flown_words import alert_row
from detente.plots.learnt import LearntMaps, learnt_maps
from detente.plots.map import conflict_map
from detente.plots.narrative import changes_words, reason_words, sentences
from detente.plots.overhead import conflict_overhead
from detente.plots.profile import conflict_profile
from detente.plots.sampling import presence
from detente.plots.scene import Scene, Spot, map_scene

SHOWN_IN_FULL = 12
MAP_WIDTH = 1080.0
TERMS = (
    "accord", "plan", "conflict", "match", "minima", "containment", "closest", "measure", "level", "utc", "journal",
    "transcript", "fingerprint",
)  # fmt: skip


class Ranked(msgspec.Struct, frozen=True):
    """A conflict with its number, 1 the worst."""

    number: int
    severity: float
    conflict: ReportConflict


class ConflictSection(msgspec.Struct, frozen=True):
    """A conflict ready to be shown in full."""

    number: int
    conflict: ReportConflict
    sentences: list[Worded]
    distances: list[tuple[Worded, Worded, Worded]]
    changed: bool
    profile: Markup
    profile_words: Worded
    overhead: Markup
    overhead_words: Worded


def write_report(path: Path, contents: ReportContents, language: Language) -> None:
    """Write the report to `path`, opened in `language` with the other one a touch away; needs `detente[plots]`."""
    path.write_text(report_page(contents, language), encoding="utf-8")


def report_page(contents: ReportContents, language: Language) -> str:
    """The report as one HTML document that needs no other file, no network and no script."""
    conflicts = [
        Ranked(place, how_bad, conflict)
        for place, (how_bad, conflict) in enumerate(ranked(contents.conflicts), start=1)
    ]
    left = [entry for entry in conflicts if entry.conflict.outcome.left]
    full = in_full(conflicts)
    scene = _scene(contents, conflicts)
    learnt = learnt_maps(contents)
    flown = contents.flown
    return (
        _environment()
        .get_template("report.html")
        .render(
            contents=contents,
            language=language,
            languages=list(Language),
            style=_markup(resources.files("detente.plots").joinpath("page/report.css").read_text(encoding="utf-8")),
            verdict=verdict_text(contents),
            proved=is_proved(contents),
            headline=_headline(contents, len(left)),
            minima=minima_words(contents.minima.default),
            conflicts=conflicts,
            left=left,
            shown=[_shown(entry, contents) for entry in full],
            shown_numbers={entry.number for entry in full},
            learnt=learnt,
            private=private_words(learnt),
            map=_markup(conflict_map(scene, partial(spot_title, language))) if scene else None,
            map_words=_map_words(contents, scene) if scene else None,
            flown_map=_markup(flown_map(flown, MAP_WIDTH)) if flown and flown.paths else None,
            flown_rows=[alert_row(alert) for alert in flown.alerts] if flown else [],
            terms=TERMS,
            **_figures(language),
        )
    )


def in_full(conflicts: list[Ranked]) -> list[Ranked]:
    """Return the conflicts that are left and the worst others, at most SHOWN_IN_FULL, in the order of their numbers."""
    chosen = [entry for entry in conflicts if entry.conflict.outcome.left]
    chosen += [entry for entry in conflicts if not entry.conflict.outcome.left]
    return sorted(chosen[:SHOWN_IN_FULL], key=lambda entry: entry.number)


def is_proved(contents: ReportContents) -> bool:
    """Whether both journals and the common transcript were found sound."""
    return all(party.journal.sound for party in contents.parties) and contents.transcript.equal


def verdict_text(contents: ReportContents) -> Worded:
    """The result in one sentence."""
    count = len(contents.conflicts)
    left = sum(conflict.outcome.left for conflict in contents.conflicts)
    if not count:
        return phrase("report.verdict.none")
    if not left:
        return counted_phrase("report.verdict.all_settled", count)
    return counted_phrase("report.verdict.some_left", count, left=_count(left))


def private_words(learnt: list[LearntMaps]) -> Worded | None:
    """The sentence on what a private match kept at home; None where there was none."""
    if not learnt:
        return None
    return phrase(
        "report.verdict.private",
        told=_count(sum(maps.known_as_is for maps in learnt)), parts=_count(sum(maps.known_in_part for maps in learnt)),
        unknown=_count(sum(maps.unknown for maps in learnt)),
    )  # fmt: skip


def minima_words(minima: Minima) -> Worded:
    """Separation minima in both units."""
    horizontal = worded(lambda language: distance(language, minima.horizontal_m))
    vertical = worded(lambda language: height(language, minima.vertical_m))
    if minima.time_s == 0.0:
        return phrase("report.minima_value_instant", horizontal=horizontal, vertical=vertical)
    time = worded(lambda language: duration(language, minima.time_s))
    return phrase("report.minima_value", horizontal=horizontal, vertical=vertical, time=time)


def _headline(contents: ReportContents, left: int) -> list[tuple[str, Worded, str]]:
    """Rows of name, figure and class for the strip of figures on top."""
    plans = sum(len(party.plans) for party in contents.parties)
    return [
        ("plans", _count(plans), ""),
        ("pairs" if contents.learnt is None else "pairs_unseen", _count(contents.pairs_examined), ""),
        ("found", _count(len(contents.conflicts)), ""),
        ("measures", _count(contents.measures_agreed), ""),
        ("left", _count(left), "alarm" if left else "calm"),
        ("time", worded(lambda language: duration(language, contents.run_time_s)), ""),
    ]


def _scene(contents: ReportContents, conflicts: list[Ranked]) -> Scene | None:
    ours, theirs = (party.plans for party in contents.parties)
    if not ours and not theirs:
        return None
    spots = [Spot(entry.number, entry.conflict.encounter, entry.conflict.outcome.left) for entry in conflicts]
    return map_scene(ours, theirs, spots, MAP_WIDTH)


def spot_title(language: Language, spot: Spot) -> str:
    """One line for a conflict on the map."""
    e = spot.encounter
    return (
        f"{spot.number}: {e.first_plan_id} – {e.second_plan_id}, {utc_time(e.closest_first_time)}, "
        f"{distance(language, e.horizontal_m, down=True)}, {height(language, e.vertical_m, down=True)}"
    )


def _map_words(contents: ReportContents, scene: Scene) -> Worded:
    corners = scene.window.unproject(scene.window.corners)
    southwest, northeast = (position(float(corner[1]), float(corner[0])) for corner in corners)
    return phrase(
        "report.map.description",
        plans=counted_phrase("report.plan_count", sum(len(party.plans) for party in contents.parties)),
        southwest=southwest, northeast=northeast,
        conflicts=counted_phrase("report.map.marked", len(contents.conflicts)),
    )  # fmt: skip


def _shown(entry: Ranked, contents: ReportContents) -> ConflictSection:
    conflict = entry.conflict
    encounter = conflict.encounter
    frame = encounter.altitude_frame
    after = afterwards(presence(conflict.first_after, frame), presence(conflict.second_after, frame), encounter)
    names = (contents.parties[0].name, contents.parties[1].name)
    minima = contents.minima.between(conflict.first.aircraft_class, conflict.second.aircraft_class)
    closest = encounter.closest_first_position
    place = position(closest.latitude_deg, closest.longitude_deg)
    return ConflictSection(
        number=entry.number,
        conflict=conflict,
        sentences=sentences(conflict, names, after),
        distances=_distances(conflict, after),
        changed=(conflict.first, conflict.second) != (conflict.first_after, conflict.second_after),
        profile=_markup(conflict_profile(conflict, minima)),
        profile_words=phrase(
            "report.conflict.profile_description",
            start=utc_time(encounter.start), end=utc_time(encounter.end), time=utc_clock(encounter.closest_first_time),
            horizontal=worded(lambda language: distance(language, encounter.horizontal_m, down=True)),
        ),
        overhead=_markup(conflict_overhead(conflict)),
        overhead_words=phrase(
            "report.conflict.overhead_description", position=place, first=encounter.first_plan_id,
            required_horizontal=worded(lambda language: distance(language, encounter.required_horizontal_m)),
        ),
    )  # fmt: skip


def _distances(conflict: ReportConflict, after: Afterwards) -> list[tuple[Worded, Worded, Worded]]:
    """Rows horizontal and vertical: needed, as planned, and afterwards (in words where there is no distance)."""
    e = conflict.encounter

    def far(metres: float, *, down: bool = True) -> Worded:
        return worded(lambda language: distance(language, metres, down=down))

    def high(metres: float, *, down: bool = True) -> Worded:
        return worded(lambda language: height(language, metres, down=down))

    close_m, vertical_m = after.horizontal_close_m, after.vertical_close_m
    horizontal = phrase("report.after.height_kept") if close_m is None else far(close_m)
    vertical = phrase("report.after.distance_kept") if vertical_m is None else high(vertical_m)
    if after.horizontal_m is None:
        horizontal = vertical = phrase("report.after.apart_in_time")
    return [
        (far(e.required_horizontal_m, down=False), far(e.horizontal_m), horizontal),
        (high(e.required_vertical_m, down=False), high(e.vertical_m), vertical),
    ]


def _markup(drawing: str) -> Markup:
    """Our own style sheet, or a drawing whose elements were written and escaped by the XML library, as it is."""
    return Markup(drawing)  # noqa: S704


def _count(value: int) -> Worded:
    return worded(lambda language: number(language, value))


def _figures(language: Language) -> dict[str, object]:
    """What the template may call."""

    def say(key: str, **values: str | Worded) -> Markup:
        return html(phrase(key, **values))

    def count_say(key: str, count: int, **values: str | Worded) -> Markup:
        return html(counted_phrase(key, count, **values))

    def show(words: str | Worded) -> Markup:
        return html(words)

    return {
        "say": say,
        "count_say": count_say,
        "show": show,
        "plain": lambda words: words if isinstance(words, str) else words[language],
        "phrase": phrase,
        "markup": _markup,
        "size": lambda count: worded(lambda tongue: f"{number(tongue, count / 1e6, 1)} MB"),
        "distance": lambda metres: worded(lambda tongue: distance(tongue, metres)),
        "height": lambda metres: worded(lambda tongue: height(tongue, metres)),
        "count": _count,
        "utc_time": utc_time,
        "utc_clock": utc_clock,
        "distance_nm": lambda metres: worded(lambda tongue: distance_nm(tongue, metres, down=True)),
        "distance_km": lambda metres: worded(lambda tongue: distance_km(tongue, metres, down=True)),
        "height_of": lambda metres: worded(lambda tongue: height(tongue, metres, down=True)),
        "duration_of": lambda seconds: worded(lambda tongue: duration(tongue, seconds)),
        "share": lambda value: worded(lambda tongue: f"{number(tongue, 100.0 * value)} %"),
        "position_of": lambda place: position(place.latitude_deg, place.longitude_deg),
        "changes_words": changes_words,
        "reason_words": reason_words,
        "Outcome": ConflictOutcome,
    }


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("detente.plots", "page"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
