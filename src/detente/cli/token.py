"""`detente token`: an access token for trying out a service, without an OAuth server."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from detente.cli.wording import echo


def token(
    directory: Annotated[Path, typer.Option("--dir", help="The directory of the service.")] = Path("dss"),
    subject: Annotated[str, typer.Option("--sub", help="Who asks.")] = "uss1",
    scope: Annotated[
        list[str] | None, typer.Option(help="What it may do; again for more. By default, strategic coordination.")
    ] = None,
    audience: Annotated[str, typer.Option("--aud", help="The host name of the service.")] = "localhost",
    life_s: Annotated[int, typer.Option(help="How long it holds, in seconds, an hour at most.")] = 3600,
) -> None:
    """Print an access token signed with the development key of a service's directory.

    A service takes it only while it has no other keys (--public-key, --jwks).
    """
    from detente.utm.access.development import development_token

    scopes = scope or ["utm.strategic_coordination"]
    echo(development_token(directory, subject, scopes, audience, time.time(), life_s))


COMMANDS = {"token": token}
