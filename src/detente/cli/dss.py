"""`detente dss`: run the Discovery and Synchronization Service; `detente dss why`: replay one entity's decisions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    group = typer.Typer(help="Run a Discovery and Synchronization Service (F3548-21, F3411), or ask what it decided.")
    app.add_typer(group, name="dss")

    @group.callback(invoke_without_command=True)
    def dss(
        context: typer.Context,
        directory: Annotated[
            Path, typer.Option("--dir", help="Where the journal, keys and snapshots are kept.")
        ] = Path("dss"),
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
            str, typer.Option(help="What a key must hold: what shares a `cell`, or only what shares a point (`exact`).")
        ] = "cell",
        instance: Annotated[str, typer.Option(help="Name of this instance in its pool.")] = "detente",
        pool: Annotated[str, typer.Option(help="Name of the airspace representation (DAR id).")] = "",
        snapshot_every: Annotated[
            int, typer.Option(min=1, help="Take a snapshot after so many journal entries.")
        ] = 100_000,
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
        _serve(
            directory,
            host,
            port,
            audience or ["localhost", "127.0.0.1"],
            public_key or [],
            jwks or [],
            refresh_keys_s,
            relevance,
            (allow_http_base_urls, instance, pool, public_endpoint),
            snapshot_every,
            requests_a_second,
        )

    @group.command()
    def why(
        context: typer.Context,
        entity: Annotated[str, typer.Argument(help="The id of an entity.")],
        at: Annotated[
            str, typer.Option(help="What was decided up to this time (RFC 3339); the newest by default.")
        ] = "",
    ) -> None:
        """Replay what was decided about an entity: each request, its outcome, and what a refused one lacked."""
        from detente.utm.service.why import explain

        for line in explain(context.obj, entity, at):
            typer.echo(line)


def _serve(
    directory: Path,
    host: str,
    port: int,
    audience: list[str],
    key_files: list[Path],
    jwks: list[str],
    refresh_keys_s: float,
    relevance: str,
    names: tuple[bool, str, str, str],
    snapshot_every: int,
    requests_a_second: float,
) -> None:
    import uvloop

    import detente
    from detente.airspace.refusal import Refusal
    from detente.record.journal import JournalStoppedError
    from detente.utm.access.development import development_key
    from detente.utm.representation import Policy
    from detente.utm.service.endpoint import Settings
    from detente.utm.service.gate import Limits
    from detente.utm.service.process import Options, serve

    if relevance not in ("cell", "exact"):
        raise Refusal("--relevance", relevance, "cell or exact")
    if not key_files and not jwks:
        key_files = [development_key(directory)]
        typer.echo(f"Tokens for trying it out: detente token --dir {directory} --help", err=True)
    allow_http, instance, pool, endpoint = names
    options = Options(
        directory,
        host,
        port,
        frozenset(audience),
        tuple(key_files),
        tuple(jwks),
        refresh_keys_s,
        Settings(allow_http, instance, pool, endpoint or f"http://{host}:{port}", f"detente {detente.__version__}"),
        Policy(exact=relevance == "exact"),
        Limits(requests_a_second=requests_a_second),
        snapshot_every,
    )
    try:
        uvloop.run(serve(options))
    except JournalStoppedError as error:
        typer.echo(f"detente: the journal cannot be written, the service stopped: {error}", err=True)
        raise typer.Exit(1) from None
