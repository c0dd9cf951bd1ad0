"""detente demo: two parties deconflict a day of recorded traffic, each with a node of its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detente.language.wording import Language, language_from_environment

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from detente.plots.contents import ReportContents
    from detente.rehearsal.california import DemoProgress


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)


def demo(
    out: Annotated[Path, typer.Option(help="Where to keep both parties' directories and report.html.")] = Path(
        "demo-out"
    ),
    language: Annotated[Language | None, typer.Option(help="en or fr; the environment's when not given.")] = None,
) -> None:
    """Let two parties, each a real node, deconflict one day of recorded traffic over California; write a report.

    Exit code 0 when every journal and the transcript hold, 1 when one does not.
    """
    from rich.console import Console

    from detente.plots.report import is_proved, write_report

    tongue = language or language_from_environment(os.environ)
    console = Console()
    contents, left_out = _run(out, tongue, console)
    report = out / "report.html"
    write_report(report, contents, tongue)
    console.print(_table(contents, left_out, tongue))
    console.print(_say(tongue, "demo.report", path=report), soft_wrap=True)
    if not is_proved(contents):
        raise typer.Exit(1)


def _run(out: Path, language: Language, console: Console) -> tuple[ReportContents, int]:
    from datetime import UTC, datetime

    from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    from detente.rehearsal.california import fly_the_day
    from detente.rehearsal.outcome import report_contents

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=console, transient=True) as bars:
        task = bars.add_task("", total=None)
        shown = ""

        def show(progress: DemoProgress) -> None:
            nonlocal shown
            bars.update(
                task,
                description=_say(language, f"demo.stage.{progress.stage}"),
                completed=progress.done,
                total=progress.total or None,
            )
            if progress.stage != shown and not console.is_terminal:
                console.print(_say(language, f"demo.stage.{progress.stage}"))
            shown = progress.stage

        day = fly_the_day(out, show)
        bars.update(task, description=_say(language, "demo.stage.proof"), completed=0, total=None)
        return report_contents(day, datetime.now(UTC)), day.reports_left_out


def _table(contents: ReportContents, left_out: int, language: Language) -> Table:
    from collections import Counter

    from rich.table import Table

    from detente.language.figures import number
    from detente.plots.contents import ConflictOutcome

    table = Table(title=_say(language, "demo.title"), show_header=False, title_justify="left")
    table.add_column()
    table.add_column(justify="right")

    def row(key: str, value: str, **values: object) -> None:
        table.add_row(_say(language, f"demo.row.{key}", **values), value)

    for party in contents.parties:
        row("plans", number(language, len(party.plans)), party=party.name)
    row("left_out", number(language, left_out))
    row("pairs" if contents.learnt is None else "pairs_unseen", number(language, contents.pairs_examined))
    for party, known in zip(contents.parties, contents.learnt or (), strict=False):
        row("told", number(language, len(known.told)), party=party.name)
        row("parts", number(language, known.in_part), party=party.name)
    row("found", number(language, len(contents.conflicts)))
    row("measures", number(language, contents.measures_agreed))
    outcomes = Counter(conflict.outcome for conflict in contents.conflicts)
    spare = contents.measures_agreed - outcomes[ConflictOutcome.SETTLED]
    if spare > 0:
        table.add_row(f"  {_say(language, 'demo.row.spare')}", number(language, spare))
    for outcome in ConflictOutcome:
        if outcomes[outcome] or outcome is ConflictOutcome.SETTLED:
            table.add_row(f"  {_say(language, f'outcome.{outcome}')}", number(language, outcomes[outcome]))
    row("left", number(language, sum(count for outcome, count in outcomes.items() if outcome.left)))
    for party in contents.parties:
        verdict = "sound" if party.journal.sound else "broken"
        row(f"journal_{verdict}", number(language, party.journal.entries), party=party.name)
    verdict = "equal" if contents.transcript.equal else "different"
    row(f"transcript_{verdict}", number(language, contents.transcript.messages))
    row("time", f"{number(language, contents.run_time_s, 1)} s")
    return table


def _say(language: Language, key: str, **values: object) -> str:
    from detente.language.wording import text

    return text(language, key, **values)
