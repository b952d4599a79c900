"""Passphrases, from a terminal or a given file descriptor; never from argv or environment (I8)."""

import getpass
import os
import sys

from keyturn.officerkeys.errors import PassphraseError

MINIMUM = 10
MAXIMUM = 1024


def read_passphrase(prompt: str, *, fd: int | None, confirm: bool = False) -> bytearray:
    """One passphrase as UTF-8; the caller wipes it.

    From `fd`: everything up to its end or to a line break, at most 1,024 bytes. From the
    terminal: asked for, twice with `confirm` (a new one, of at least 10 characters).
    Raises PassphraseError when there is none, or it is unfit. What the terminal library and
    `str` leave behind in memory cannot be wiped.
    """
    passphrase = _from_fd(fd) if fd is not None else _from_terminal(prompt, confirm=confirm)
    if not passphrase:
        raise PassphraseError("the passphrase is empty")
    if confirm and len(passphrase) < MINIMUM:
        passphrase[:] = bytes(len(passphrase))
        raise PassphraseError("the passphrase is too short", expected=f"at least {MINIMUM} bytes")
    return passphrase


def _from_fd(fd: int) -> bytearray:
    found = bytearray()
    try:
        while len(found) <= MAXIMUM and b"\n" not in found:
            chunk = os.read(fd, MAXIMUM + 2 - len(found))
            if not chunk:
                break
            found += chunk
    except OSError as error:
        raise PassphraseError(f"cannot read file descriptor {fd}: {error.strerror}") from error
    line, _, _ = found.partition(b"\n")
    found[:] = bytes(len(found))
    line = line.removesuffix(b"\r")
    if len(line) > MAXIMUM:
        raise PassphraseError("the passphrase is too long", expected=f"at most {MAXIMUM} bytes")
    return bytearray(line)


def _from_terminal(prompt: str, *, confirm: bool) -> bytearray:
    if not sys.stdin.isatty():
        raise PassphraseError(
            "no terminal to ask for the passphrase",
            hint="Give it on a file descriptor: --passphrase-fd N.",
        )
    first = getpass.getpass(f"{prompt}: ")
    if confirm and getpass.getpass("Again: ") != first:
        raise PassphraseError("the two passphrases differ")
    return bytearray(first.encode())
