"""detente key: rotate a node's private key, encrypt it with a passphrase, and take the encryption off again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detente.cli.backup import NeededPassphraseOption
from detente.cli.options import Directory, OutputOption
from detente.cli.output import answered
from detente.cli.wording import say

if TYPE_CHECKING:
    from detente.link.directory import NodeDirectory


def encrypt(directory: Directory, passphrase_file: NeededPassphraseOption, output: OutputOption = None) -> None:
    """Encrypt the node's private key with a passphrase, or with another one. Its public key and card stay."""
    from detente.link.directory import NodeDirectory
    from detente.record.passphrase import read_passphrase

    files, passphrase = NodeDirectory(directory), read_passphrase(passphrase_file)
    path = files.key_path
    _write_again(files, passphrase)
    if not answered(output, {"path": str(path), "encrypted": True}, [path]):
        say("key.encrypted", path=path, source=passphrase_file)


def decrypt(directory: Directory, output: OutputOption = None) -> None:
    """Write the node's private key without encryption, readable by its owner alone."""
    from detente.link.directory import NodeDirectory

    files = NodeDirectory(directory)
    path = files.key_path
    _write_again(files, None)
    if not answered(output, {"path": str(path), "encrypted": False}, [path]):
        say("key.decrypted", path=path)


def rotate(directory: Directory, output: OutputOption = None) -> None:
    """Let a new key sign in the place of the node's, which signs it. The running node tells every peer at once."""
    from detente.api.client import NodeClient

    known = NodeClient(directory).post("card", "key")
    if not answered(output, known, [known["fingerprint"]]):
        say("key.rotated", before=known["before"], fingerprint=known["fingerprint"], directory=directory)


def _write_again(files: NodeDirectory, passphrase: bytes | None) -> None:
    """Write the key, and what opens that which was sealed for the one before, encrypted for a passphrase or not."""
    from detente.record.keys import NodeKey, rewrite_former

    key = NodeKey.load(files.key_path)
    if files.former_key_path.exists():
        rewrite_former(files.former_key_path, passphrase)
    key.replace(files.key_path, passphrase)


COMMANDS = {"key": {"encrypt": encrypt, "decrypt": decrypt, "rotate": rotate}}
