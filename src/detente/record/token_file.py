"""A token for one narrow use, kept in a file of its own that its owner hands to a program, such as Prometheus."""

from __future__ import annotations

import hmac
import os
import secrets
from pathlib import Path

from detente.airspace.refusal import Refusal

METRICS_TOKEN_FILE = "metrics-token"  # noqa: S105 - the name of a file
_TOKEN_BYTES = 32


class TokenFile:
    """The token in a file; it is made when there is none, for its owner alone to read. Raises Refusal."""

    def __init__(self, path: Path) -> None:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            self._token = path.read_bytes().strip()
        except OSError as error:
            raise Refusal(
                "record.directory_writable", "--dir", str(path), strerror=error.strerror or str(error)
            ) from None
        else:
            self._token = secrets.token_urlsafe(_TOKEN_BYTES).encode()
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(self._token + b"\n")

    def is_in(self, authorization: bytes) -> bool:
        """Whether a header `Authorization: Bearer TOKEN` has the token; where the file is empty, none has.

        The time that this takes does not depend on how nearly it is the token.
        """
        scheme, _, token = authorization.partition(b" ")
        return scheme.lower() == b"bearer" and bool(self._token) and hmac.compare_digest(token.strip(), self._token)
