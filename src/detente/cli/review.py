"""detente review: joint statistics that both sides compute to the same bytes, for a week or a year."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from detente.airspace.refusal import Refusal
from detente.cli import claims_values as values
from detente.cli.claims_output import shown_time, side_by_side, word
from detente.cli.exit_codes import ExitCode
from detente.cli.names import peer_named
from detente.cli.options import Directory, OutputOption, ToPeer
from detente.cli.output import answered
from detente.cli.wording import language, say, words, write_output
from detente.language import figures

DAYS = {"week": 7, "year": 365}
POLL_S = 0.2
PLAIN = ("plans_declared", "plans_active_s", "notices_late", "notices_amended", "notices_cancelled",
         "measures_proposed", "measures_accepted", "measures_refused", "no_measure_found", "observations",
         "crossings_claimed", "crossings_confirmed", "statements", "incidents_replied_late", "deviations",
         "deviations_late", "deviation_s", "stops", "stops_acknowledged", "stop_to_human_median_ms",
         "stop_to_human_longest_ms", "messages", "messages_acknowledged", "message_to_human_median_ms", "suspensions",
         "resumptions", "unreadable")  # fmt: skip
COUNTED = ("notices", "requests", "answers", "line_checks")


class Period(StrEnum):
    """A period that ends with the last whole day, UTC."""

    WEEK = "week"
    YEAR = "year"


def review(
    directory: Directory,
    peer: ToPeer,
    window: Annotated[
        str | None, typer.Option("--window", help="From and to, UTC, days or times: 2025-06-01/2025-06-08.")
    ] = None,
    period: Annotated[Period | None, typer.Option(help="The last seven or 365 whole days, instead.")] = None,
    out: Annotated[Path | None, typer.Option(help="A new file for the document, whose SHA-256 both sides say.")] = None,
    wait_s: Annotated[float, typer.Option("--wait-s", help="How long to wait for the other side's.")] = 10.0,
    output: OutputOption = None,
) -> None:
    """Compute the joint statistics of what both journals hold, and compare them with the other side's.

    Exit code 6 when the other side computed something else: the first difference is shown; 3 when it cannot, 4 when
    the wait ended before it had.
    """
    start, before = _period(window, period)
    client, party = values.node(directory), peer_named(directory, peer)
    view = values.tell(client, "reviews", peer=party, start=start.isoformat(), end=before.isoformat())
    until = time.monotonic() + wait_s
    while view["equal"] is None and view["not_taken"] is None and time.monotonic() < until:
        time.sleep(POLL_S)
        reviews = client.get("claims", "reviews", peer=party)
        view = next(v for v in reviews if v["review_id"] == view["review_id"])
    if out is not None:
        write_output([view["document"].encode()], out)
    if not answered(output, view, [view["review_id"]]):
        _show(view)
    if view["equal"] is False:
        raise typer.Exit(ExitCode.DIFFER)
    if view["not_taken"] is not None:
        raise typer.Exit(ExitCode.NOT_PROVEN)
    if view["equal"] is None and wait_s > 0.0:
        raise typer.Exit(ExitCode.NOT_YET)


def _period(window: str | None, period: Period | None) -> tuple[datetime, datetime]:
    if period is not None and window is None:
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return today - timedelta(days=DAYS[period]), today
    begin, slash, end = (window or "").partition("/")
    if period is not None or not slash:
        raise Refusal("cli.two_days_or_times", "--window", window)
    return _instant(begin), _instant(end)


def _instant(text: str) -> datetime:
    whole = f"{text}T00:00Z" if len(text) == len("2025-06-01") else text
    return datetime.fromisoformat(values.moment("--window", whole))


def _show(view: dict[str, Any]) -> None:
    review = view["review"]
    parties = sorted(review["parties"])
    counts = [review["parties"][party] for party in parties]
    rows = [
        [words(f"claims.count.{name}"), *(_figure(of[name]) for of in counts)]
        for name in PLAIN
        if any(of[name] for of in counts)
    ]
    for name in COUNTED:
        for kind in sorted({kind for of in counts for kind in of[name]}):
            label = words(f"claims.count.{name}", kind=_kind(name, kind))
            rows.append([label, *(_figure(of[name].get(kind, 0)) for of in counts)])
    for day in sorted({day for of in counts for day in of["conformance"]}):
        days = [of["conformance"].get(day, {"active_s": 0, "deviation_s": 0}) for of in counts]
        rows.append([words("claims.count.conformance", day=day), *(_conformance(**of) for of in days)])
    for kind in sorted({kind for of in counts for kind in of["incidents"]}):
        for state in sorted({state for of in counts for state in of["incidents"].get(kind, {})}):
            label = words("claims.count.incidents", kind=word("class", kind), state=word("state", state))
            rows.append([label, *(_figure(of["incidents"].get(kind, {}).get(state, 0)) for of in counts)])
    title = words("claims.review", start=shown_time(view["start"]), end=shown_time(view["end"]))
    side_by_side(["", *parties], rows, title)
    say("claims.review_whole", envelopes=figures.number(language(), review["envelopes"]), conflicts=review["conflicts"])
    for party, digest in sorted(view["sha256"].items()):
        say("claims.review_hash", party=party, sha256=digest)
    if view["equal"]:
        say("claims.review_equal")
    elif view["difference"] is not None:
        say("claims.review_differs", **view["difference"])
    elif view["not_taken"] is not None:
        say("claims.review_not_taken", because=word("not_taken", view["not_taken"]))
    else:
        say("claims.review_waits")


def _kind(name: str, kind: str) -> str:
    groups = {"notices": "meaning", "requests": "state", "answers": "answer", "line_checks": "check"}
    if name == "line_checks":
        return words("claims.check_good") if kind == "good" else words(f"line.fault.{kind}")
    return word(groups[name], kind)


def _conformance(active_s: int, deviation_s: int) -> str:
    """Seconds outside of seconds flown, and the share inside."""
    share = f" ({max(0.0, 100.0 * (1.0 - deviation_s / active_s)):.1f} %)" if active_s else ""
    return f"{_figure(deviation_s)} / {_figure(active_s)}{share}"


def _figure(value: int | None) -> str:
    return "-" if value is None else figures.number(language(), value)


COMMANDS = {"review": review}
