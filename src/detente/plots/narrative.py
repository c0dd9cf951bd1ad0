"""A conflict in plain sentences: who, when, where, how close, what was agreed, how close afterwards."""

from __future__ import annotations

from detente.airspace.changes import Delay, LateralOffset, LevelChange, PlanChange
from detente.airspace.separation import AltitudeFrame
from detente.language import Language, figures
from detente.language.figures import altitude, distance, duration, height, position, utc_clock, utc_time
from detente.plots.afterwards import Afterwards
from detente.plots.bilingual import Worded, counted_phrase, phrase, worded
from detente.plots.contents import AgreedMeasure, ConflictOutcome, ReportConflict
from detente.plots.sampling import presence

SEPARATORS = {Language.ENGLISH: "; ", Language.FRENCH: "\N{NO-BREAK SPACE}; "}


def sentences(conflict: ReportConflict, parties: tuple[str, str], after: Afterwards) -> list[Worded]:
    """The conflict told in order, one entry a sentence or two; `parties` are the names of the first and the second."""
    written = [_who(conflict, parties), _how_close(conflict), _altitudes(conflict), *_agreed(conflict)]
    written.append(phrase("report.conflict.still") if conflict.outcome.left else _after(conflict, after))
    return written


def reason_words(outcome: ConflictOutcome) -> Worded:
    """Why a conflict is left."""
    return phrase(f"reason.{outcome.value}")


def changes_words(measures: tuple[AgreedMeasure, ...]) -> Worded:
    """All changes, in their order."""
    return worded(lambda language: SEPARATORS[language].join(_change(language, m.change, m.plan_id) for m in measures))


def _change(language: Language, change: PlanChange, plan_id: str) -> str:
    match change:
        case Delay(delay_s=amount) | LevelChange(change_m=amount) | LateralOffset(offset_m=amount):
            return figures.change(language, str(change.__struct_config__.tag), amount, plan_id)


def _who(conflict: ReportConflict, parties: tuple[str, str]) -> Worded:
    encounter = conflict.encounter
    lasting_s = (encounter.end - encounter.start).total_seconds()
    same_day = encounter.start.date() == encounter.end.date()
    return phrase(
        "report.conflict.who",
        first=encounter.first_plan_id, second=encounter.second_plan_id,
        first_party=parties[0], second_party=parties[1],
        start=utc_time(encounter.start), end=(utc_clock if same_day else utc_time)(encounter.end),
        duration=worded(lambda language: duration(language, lasting_s)),
    )  # fmt: skip


def _how_close(conflict: ReportConflict) -> Worded:
    e = conflict.encounter
    instant = abs((e.closest_first_time - e.closest_second_time).total_seconds()) < 0.5
    return phrase(
        "report.conflict.how_close" if instant else "report.conflict.how_close_times",
        first=e.first_plan_id, second=e.second_plan_id, time=utc_clock(e.closest_first_time),
        first_time=utc_clock(e.closest_first_time), second_time=utc_clock(e.closest_second_time),
        position=position(e.closest_first_position.latitude_deg, e.closest_first_position.longitude_deg),
        horizontal=worded(lambda language: distance(language, e.horizontal_m, down=True)),
        vertical=worded(lambda language: height(language, e.vertical_m, down=True)),
        required_horizontal=worded(lambda language: distance(language, e.required_horizontal_m)),
        required_vertical=worded(lambda language: height(language, e.required_vertical_m)),
    )  # fmt: skip


def _altitudes(conflict: ReportConflict) -> Worded:
    e = conflict.encounter
    standard = _on_standard_pressure(conflict)
    return phrase(
        "report.conflict.altitudes",
        first=e.first_plan_id, second=e.second_plan_id,
        first_altitude=worded(
            lambda language: altitude(language, e.closest_first_altitude_m, standard_pressure=standard)
        ),
        second_altitude=worded(
            lambda language: altitude(language, e.closest_second_altitude_m, standard_pressure=standard)
        ),
    )  # fmt: skip


def _on_standard_pressure(conflict: ReportConflict) -> bool:
    frame = conflict.encounter.altitude_frame
    if frame is AltitudeFrame.AS_PLANNED:
        return presence(conflict.first, frame).reference_name == "standard_pressure"
    return frame is AltitudeFrame.STANDARD_PRESSURE


def _agreed(conflict: ReportConflict) -> list[Worded]:
    changes = changes_words(conflict.measures)
    if conflict.outcome is ConflictOutcome.RELIEVED:
        if conflict.measures:
            return [phrase("report.conflict.relieved", changes=changes)]
        return [phrase("report.conflict.relieved_plain")]
    if conflict.measures:
        return [counted_phrase("report.conflict.measure", len(conflict.measures), changes=changes)]
    return [reason_words(conflict.outcome)] if conflict.outcome.left else []


def _after(conflict: ReportConflict, after: Afterwards) -> Worded:
    required_m = conflict.encounter.required_horizontal_m
    if after.horizontal_m is None:
        return phrase("report.conflict.after_time")
    least_m, vertical_m = after.horizontal_m, after.vertical_close_m
    if vertical_m is None:
        return phrase(
            "report.conflict.after_wide", horizontal=worded(lambda language: distance(language, least_m, down=True))
        )
    return phrase(
        "report.conflict.after_height",
        vertical=worded(lambda language: height(language, vertical_m, down=True)),
        required_horizontal=worded(lambda language: distance(language, required_m)),
    )
