"""Making a token: initialise it, set both PINs, make the keys and the canary.

`make_softhsm_token` runs this in a process of its own (`python -m keyturn.hsm.genesis`), so
that the caller's memory never holds a key; PINs go there by file descriptor, never by argv
or environment (I8). An existing token is never initialised again.
"""

import argparse
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from keyturn.base.errors import KeyturnError
from keyturn.base.strictjson import dump, parse_object
from keyturn.hsm.ckstructs import Template
from keyturn.hsm.cryptoki import ObjectClass
from keyturn.hsm.errors import HsmUnreachable, TokenError
from keyturn.hsm.hardening import harden
from keyturn.hsm.kekmaking import generate_kek
from keyturn.hsm.keks import load_record, store_record
from keyturn.hsm.kekwork import KekProfile
from keyturn.hsm.messages import error_document, keys_document, read_error, read_keys
from keyturn.hsm.pins import read_pin
from keyturn.hsm.pkcs11 import Library, Session, wipe
from keyturn.hsm.process import child_command, child_environment
from keyturn.hsm.profiles import PAIRS, Label, key_query, label_query, named
from keyturn.hsm.protocol import PublicKey, Purpose
from keyturn.hsm.softhsm import login_turn
from keyturn.hsm.softwarelog import make_software_log_key, why_no_ed25519
from keyturn.hsm.token import find_token, log_in, open_token

CONFIGURATION = "softhsm2.conf"
_TOKENS = "tokens"
_TIMEOUT = 60.0  # seconds: RSA key generation on a slow machine
_LIMIT = 64 << 10


@dataclass(frozen=True, slots=True)
class MadeToken:
    """A finished token: where its configuration lies, and its public keys."""

    configuration: Path
    label: str
    public_keys: dict[Purpose, PublicKey]


def write_configuration(directory: Path) -> Path:
    """Make `directory` (0700), its token folder and softhsm2.conf (0600). Returns the file.

    Raises TokenError when there is a token already.
    """
    tokens = directory / _TOKENS
    path = directory / CONFIGURATION
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    try:
        tokens.mkdir(mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise TokenError("there is a token already", found=error.filename) from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(
            f"directories.tokendir = {tokens.resolve()}\n"
            "objectstore.backend = file\n"
            "log.level = ERROR\n"
            "slots.removable = false\n"
        )
    return path


def initialise(library: Library, label: str, so_pin: bytearray, pin: bytearray) -> None:
    """Initialise the first free slot as a token with that label, and set the user PIN."""
    tokens = library.tokens()
    free = [each for each in tokens if not each.initialised]
    if not free or any(each.label == label for each in tokens if each.initialised):
        raise TokenError(f"no free slot for a token '{label}'", found=f"{len(tokens)} slots")
    library.init_token(free[0].slot, so_pin, label)
    with library.session(find_token(library, label).slot) as session:
        session.login(so_pin, security_officer=True)
        session.init_pin(pin)
        session.logout()


def make_keys(session: Session, profile: KekProfile = KekProfile.NEVER_EXTRACTABLE) -> None:
    """Make the KEK with its canary, active at once, and ingest, log and result keys. Logged in.

    Raises TokenError when there is a key of that name already.
    """
    check_no_keys(session)
    kek = generate_kek(session, profile)
    if kek.id is None:
        raise TokenError("a new KEK has no id")
    store_record(session, load_record(session).activated(kek.id))
    make_pairs(session)


def check_no_keys(session: Session) -> None:
    """Raises TokenError when there is a key of ours already."""
    for label, kind in ((Label.KEK, ObjectClass.SECRET_KEY), *_pair_kinds()):
        if session.find(key_query(label, kind)):
            raise TokenError(f"the token has a {label.value} already")
    for label in (Label.LOG_WRAP, Label.LOG_WRAPPED):
        if session.find(label_query(label)):
            raise TokenError(f"the token has a {label.value} already")


def make_pairs(session: Session) -> None:
    """Ingest, log and result key; a software log key where the token proves no Ed25519.

    Raises HsmError, TokenError.
    """
    in_software = bool(why_no_ed25519(session))
    if in_software:
        make_software_log_key(session)
    for pair in PAIRS:
        if in_software and pair.label is Label.LOG:
            continue
        public = Template(pair.public.items + pair.parameters.items)
        session.generate_pair(
            pair.generator, named(public, pair.label), named(pair.private, pair.label)
        )


def make_softhsm_token(
    directory: Path, module: Path, label: str, so_pin_fd: int, pin_fd: int
) -> MadeToken:
    """A SoftHSM 2 token in a new place, with all keys. PINs are read from the descriptors.

    Raises TokenError, HsmUnreachable, PinRefused; then nothing of it is left. One that was
    killed leaves its directory, which nothing refers to: delete it.
    """
    configuration = write_configuration(directory)
    try:
        keys = _make_in_child(configuration, module, label, so_pin_fd, pin_fd)
    except BaseException:
        shutil.rmtree(directory / _TOKENS)
        configuration.unlink()
        raise
    return MadeToken(configuration, label, keys)


def _make_in_child(
    configuration: Path, module: Path, label: str, so_pin_fd: int, pin_fd: int
) -> dict[Purpose, PublicKey]:
    command = child_command(
        "keyturn.hsm.genesis",
        *("--module", str(module), "--label", label),
        *("--so-pin-fd", str(so_pin_fd), "--pin-fd", str(pin_fd)),
    )
    try:
        done = subprocess.run(
            command,
            env=child_environment(module, configuration),
            pass_fds=(so_pin_fd, pin_fd),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HsmUnreachable("making the token did not come to an end") from error
    fields = parse_object(done.stdout, limit=_LIMIT, what="the new token's keys")
    if fields.has("error"):
        raise read_error(fields.fields("error"))
    keys = read_keys(fields)
    fields.done()
    return keys


def _pair_kinds() -> tuple[tuple[Label, ObjectClass], ...]:
    kinds = (ObjectClass.PRIVATE_KEY, ObjectClass.PUBLIC_KEY)
    return tuple((pair.label, kind) for pair in PAIRS for kind in kinds)


def _make(module: Path, label: str, so_pin: bytearray, pin: bytearray) -> dict[Purpose, PublicKey]:
    with login_turn():
        library = Library(module)
        initialise(library, label, so_pin, pin)
        with library.session(find_token(library, label).slot) as session:
            log_in(session, pin)
            make_keys(session)
            return dict(open_token(library, label, pin).keys.public)


def main(arguments: list[str]) -> int:
    """The process. Prints one JSON document: the public keys, or the error."""
    parser = argparse.ArgumentParser(prog="keyturn.hsm.genesis")
    parser.add_argument("--module", type=Path, required=True)
    parser.add_argument("--label", required=True)
    parser.add_argument("--so-pin-fd", type=int, required=True)
    parser.add_argument("--pin-fd", type=int, required=True)
    options = parser.parse_args(arguments)
    pins: list[bytearray] = []
    try:
        harden()
        pins += [read_pin(options.so_pin_fd), read_pin(options.pin_fd)]
        document: dict[str, object] = {
            "keys": keys_document(_make(options.module, options.label, *pins))
        }
    except KeyturnError as error:
        document = {"error": error_document(error)}
    finally:
        for pin in pins:
            wipe(pin)
    sys.stdout.buffer.write(dump(document))
    return 1 if "error" in document else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
