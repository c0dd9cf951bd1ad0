"""detente metrics-token: tokens with which programs read the metrics and nothing else."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from detente.cli.claims_output import shown_time
from detente.cli.claims_values import node
from detente.cli.options import Directory, OutputOption
from detente.cli.output import answered, done, show_table
from detente.cli.wording import echo, say

TokenName = Annotated[str, typer.Argument(help="The name of the token: of the program that holds it.")]


def create(name: TokenName, directory: Directory, output: OutputOption = None) -> None:
    """Make a token that opens /metrics and nothing else, until it is revoked. It is shown this once."""
    made = node(directory).post("metrics-tokens", body=json.dumps({"name": name}).encode())
    if not answered(output, made, [made["token"]]):
        echo(made["token"])
        say("metrics_token.made", err=True)


def list_tokens(directory: Directory, output: OutputOption = None) -> None:
    """List the tokens for metrics, without the tokens themselves."""
    tokens = node(directory).get("metrics-tokens")
    if not answered(output, tokens, (one["name"] for one in tokens)):
        show_table(("token", "created"), [(one["name"], shown_time(one["created_at"])) for one in tokens])


def revoke(name: TokenName, directory: Directory, output: OutputOption = None) -> None:
    """Let a token read nothing more."""
    done(node(directory).post("metrics-tokens", name, "revoke"), output, name)


COMMANDS = {"metrics-token": {"create": create, "list": list_tokens, "revoke": revoke}}
