#!/usr/bin/env python3
"""What the pages ask of curl, for machines that have none: a stock Debian does not. Options as in curl's manual."""

import sys
import time
import urllib.error
import urllib.request

method, headers, body, retries, url = None, {}, None, 0, ""
arguments = iter(sys.argv[1:])
for argument in arguments:
    if argument == "-X":
        method = next(arguments)
    elif argument == "-H":
        header = next(arguments)
        if header.startswith("@"):
            with open(header[1:]) as stream:  # noqa: PTH123 - a script for the shell
                header = stream.read().strip()
        name, _, value = header.partition(": ")
        headers[name] = value
    elif argument == "-d":
        text = next(arguments)
        with open(text[1:], "rb") as stream:  # noqa: PTH123 - a script for the shell
            body = stream.read()
    elif argument in ("--retry", "--retry-delay"):
        retries = max(retries, int(next(arguments)))
    elif not argument.startswith("--"):
        url = argument
fail = "--fail" in sys.argv
request = urllib.request.Request(url, data=body, headers=headers, method=method)
for left in range(retries, -1, -1):
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            sys.stdout.buffer.write(answer.read())
        sys.exit(0)
    except urllib.error.HTTPError as error:
        sys.stdout.buffer.write(b"" if fail else error.read())
        sys.exit(22 if fail else 0)
    except OSError as error:
        if not left:
            sys.exit(f"curl: {error}")
        time.sleep(1)
