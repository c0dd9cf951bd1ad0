"""What the report says of each alert of a flown stretch, in both languages."""

from __future__ import annotations

from datetime import datetime

import msgspec

from detente.airspace.position import posix_s
from detente.language.figures import distance_nm, duration, height, utc_clock
from detente.plots.bilingual import Worded, counted_phrase, phrase, same, worded
from detente.plots.flown_stretch import FlownAlert
from detente.watch.alert import AlertKind
from detente.watch.live_watch import PAIR_KINDS
from detente.watch.sentences import alert_text


class AlertRow(msgspec.Struct, frozen=True):
    """One alert as a row of the table; `behind` says what was done, `became` what became of it."""

    alert: FlownAlert
    kinds: list[Worded]
    level: Worded
    why: Worded
    warned: Worded
    behind: Worded
    became: list[Worded]


def alert_row(alert: FlownAlert) -> AlertRow:
    """An alert in the words of the report."""
    at_s = posix_s(alert.raised)
    made = "none" if alert.deviation is None else alert.deviation.value
    return AlertRow(
        alert,
        [phrase(f"report.flown.kind.{kind.value}") for kind in alert.kinds],
        phrase(f"watching.level.{alert.level.value}"),
        worded(lambda language: alert_text(language, alert.alert, at_s).why),
        _warned(alert),
        phrase(f"report.flown.did.{made}"),
        _became(alert),
    )  # fmt: skip


def _warned(alert: FlownAlert) -> Worded:
    """How long before the worst it was told, or how long after it began."""
    closest = alert.closest
    if closest is not None:
        lost = closest.lost_at is not None
        worst = closest.lost_at or closest.at
        if worst >= alert.raised:
            return phrase(
                f"report.flown.before_{'loss' if lost else 'closest'}", duration=_lasting(alert.raised, worst)
            )
    if alert.since is None:
        return same("—")
    return phrase("report.flown.after", duration=_lasting(alert.since, alert.raised))


def _became(alert: FlownAlert) -> list[Worded]:
    written: list[Worded] = []
    closest = alert.closest
    if closest is not None:
        written.append(
            phrase(
                "report.flown.lost" if closest.lost_at else "report.flown.kept",
                duration=worded(lambda language: duration(language, closest.lost_s)),
                horizontal=worded(lambda language: distance_nm(language, closest.horizontal_m, down=True)),
                vertical=worded(lambda language: height(language, closest.vertical_m, down=True)),
            )
        )
    if alert.more:
        written.append(counted_phrase("report.flown.more", alert.more))
    if alert.ended is None:
        written.append(phrase("report.flown.stands"))
    elif alert.alert.kind is AlertKind.TRACK_LOST:
        written.append(phrase("report.flown.unheard"))
    elif alert.alert.kind not in PAIR_KINDS:
        written.append(phrase("report.flown.over", time=utc_clock(alert.ended)))
    return written


def _lasting(start: datetime, end: datetime) -> Worded:
    return worded(lambda language: duration(language, (end - start).total_seconds()))
