"""`detente dss`: run the Discovery and Synchronization Service; `detente dss why`: replay one entity's decisions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from detente.airspace.refusal import Refusal
from detente.cli.exit_codes import ExitCode
from detente.cli.grammar import CommandGroup
from detente.cli.options import lowered
from detente.cli.wording import echo


def dss(
    context: typer.Context,
    directory: Annotated[Path, typer.Option("--dir", help="Where the journal, keys and snapshots are kept.")] = Path(
        "dss"
    ),
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on.")] = 8082,
    audience: Annotated[
        list[str] | None, typer.Option(help="Host name that tokens must be for; again for more.")
    ] = None,
    public_key: Annotated[
        list[Path] | None, typer.Option(help="PEM or JWKS file of a key that signs tokens; again for more.")
    ] = None,
    jwks: Annotated[list[str] | None, typer.Option(help="URL of a JWKS document; again for more.")] = None,
    refresh_keys_s: Annotated[float, typer.Option(help="How often keys are read again, in seconds.")] = 60.0,
    allow_http_base_urls: Annotated[  # noqa: FBT002 - a flag of the command line
        bool, typer.Option("--allow-http-base-urls", help="Take base URLs without TLS (for tests).")
    ] = False,
    relevance: Annotated[
        str,
        typer.Option(
            callback=lowered,
            help="What a key must hold: what shares a `cell`, or only what shares a point (`exact`).",
        ),
    ] = "cell",
    instance: Annotated[str, typer.Option(help="Name of this instance in its pool.")] = "detente",
    pool: Annotated[str, typer.Option(help="Name of the airspace representation (DAR id).")] = "",
    snapshot_every: Annotated[
        int, typer.Option(min=1, help="Take a snapshot after so many journal entries.")
    ] = 100_000,
    request_log_mb: Annotated[
        int, typer.Option("--request-log-mb", min=0, help="Most megabytes of the log of requests; 0 keeps none.")
    ] = 64,
    public_endpoint: Annotated[str, typer.Option(help="URL under which clients reach this instance.")] = "",
    requests_a_second: Annotated[
        float, typer.Option(min=0.0, help="Most requests of one client, over which it gets 429; 0 sets no bound.")
    ] = 0.0,
) -> None:
    """Serve F3548-21, F3411-22a, F3411-19 and the auxiliary interface out of one directory.

    Without --public-key and --jwks only tokens of `detente token` are taken: good for trying it out.
    """
    context.obj = directory
    if context.invoked_subcommand is not None:
        return
    import uvloop

    import detente
    from detente.record.journal import JournalStoppedError
    from detente.utm.access.development import development_key
    from detente.utm.representation import Policy
    from detente.utm.service.endpoint import Settings
    from detente.utm.service.gate import Limits
    from detente.utm.service.process import Options, serve

    if relevance not in ("cell", "exact"):
        raise Refusal("cli.cell_or_exact", "--relevance", relevance)
    if not public_key and not jwks:
        public_key = [development_key(directory)]
        echo(f"Tokens for trying it out: detente token --dir {directory} --help", err=True)
    endpoint, version = public_endpoint or f"http://{host}:{port}", f"detente {detente.__version__}"
    options = Options(
        directory, host, port, frozenset(audience or ("localhost", "127.0.0.1")), tuple(public_key or ()),
        tuple(jwks or ()), refresh_keys_s, Settings(allow_http_base_urls, instance, pool, endpoint, version),
        Policy(exact=relevance == "exact"), Limits(requests_a_second=requests_a_second), snapshot_every,
        request_log_mb,
    )  # fmt: skip
    try:
        uvloop.run(serve(options))
    except JournalStoppedError as error:
        echo(f"detente: the journal cannot be written, the service stopped: {error}", err=True)
        raise typer.Exit(ExitCode.NODE_STOPPED) from None


def why(
    context: typer.Context,
    entity: Annotated[str, typer.Argument(help="The id of an entity.")],
    time: Annotated[
        str, typer.Option("--time", help="What was decided up to this time (RFC 3339); the newest by default.")
    ] = "",
) -> None:
    """Replay what was decided about an entity: each request, its outcome, and what a refused one lacked."""
    from detente.utm.service.why import explain

    for line in explain(context.obj, entity, time):
        echo(line)


DSS = CommandGroup(help="Run a Discovery and Synchronization Service (F3548-21, F3411), or ask what it decided.")
DSS.callback(invoke_without_command=True)(dss)
DSS.add("why", why)
COMMANDS = {"dss": DSS}
