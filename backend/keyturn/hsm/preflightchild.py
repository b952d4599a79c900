"""Pre-flight in a process of its own, for whoever loads no PKCS#11 module.

`python -m keyturn.hsm.preflightchild` tries one token and prints the report's bytes as base64 in
one JSON document, or the error. `--trial`: the slot is free; a trial token is made there with the
PINs given, and whoever asked throws it away.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from keyturn.base.encoding import b64
from keyturn.base.errors import KeyturnError
from keyturn.base.strictjson import dump, parse_object
from keyturn.ceremony.tokenreport import REPORT_LIMIT, encode_report
from keyturn.hsm.ceremonytasks import Secret, TokenPlace
from keyturn.hsm.errors import HsmUnreachable
from keyturn.hsm.genesis import initialise
from keyturn.hsm.hardening import die_with_parent, harden
from keyturn.hsm.messages import error_document, read_error
from keyturn.hsm.pins import read_pin
from keyturn.hsm.pkcs11 import wipe
from keyturn.hsm.preflight import run_preflight
from keyturn.hsm.process import child_command, child_environment
from keyturn.hsm.softhsm import login_turn
from keyturn.hsm.vendors import start_module

_TIMEOUT = 120.0  # seconds: RSA-4096 keys on a slow machine


def preflight_token(place: TokenPlace, secrets: Mapping[Secret, int], *, trial: bool) -> bytes:
    """The report's exact bytes. `secrets`: PIN, and SO_PIN for a trial token.

    Raises HsmUnreachable, PinRefused, TokenError; whatever else is wrong stands in the report.
    """
    command = child_command(
        "keyturn.hsm.preflightchild",
        *("--module", str(place.module), "--label", place.label, "--parent", str(os.getpid())),
        *(part for name, fd in secrets.items() for part in (f"--{name.value}-fd", str(fd))),
        *(("--trial",) if trial else ()),
    )
    try:
        done = subprocess.run(
            command,
            env=child_environment(place.module, place.softhsm_configuration),
            pass_fds=tuple(secrets.values()),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HsmUnreachable("the pre-flight did not come to an end") from error
    if not done.stdout:
        raise HsmUnreachable("the pre-flight was cut off", found=f"status {done.returncode}")
    fields = parse_object(done.stdout, limit=4 * REPORT_LIMIT, what="pre-flight's answer")
    if fields.has("error"):
        raise read_error(fields.fields("error"))
    report = fields.b64("report", limit=REPORT_LIMIT)
    fields.done()
    return report


def _tried(module: Path, label: str, pins: Mapping[Secret, bytearray], *, trial: bool) -> bytes:
    hardened = harden()
    with login_turn():
        library = start_module(module)
        if trial:
            initialise(library, label, pins[Secret.SO_PIN], pins[Secret.PIN])
        report = run_preflight(library, label, pins[Secret.PIN], hardened, datetime.now(UTC))
    return encode_report(report)


def main(arguments: list[str]) -> int:
    """The process. Prints one JSON document: the report, or the error."""
    parser = argparse.ArgumentParser(prog="keyturn.hsm.preflightchild")
    parser.add_argument("--module", type=Path, required=True)
    parser.add_argument("--label", required=True)
    parser.add_argument("--parent", type=int)
    parser.add_argument("--pin-fd", type=int, required=True)
    parser.add_argument("--so-pin-fd", type=int)
    parser.add_argument("--trial", action="store_true")
    options = parser.parse_args(arguments)
    if options.parent is not None:
        die_with_parent(options.parent)
    pins: dict[Secret, bytearray] = {}
    try:
        pins[Secret.PIN] = read_pin(options.pin_fd)
        if options.so_pin_fd is not None:
            pins[Secret.SO_PIN] = read_pin(options.so_pin_fd)
        raw = _tried(options.module, options.label, pins, trial=options.trial)
        document: dict[str, object] = {"report": b64(raw)}
    except KeyturnError as error:
        document = {"error": error_document(error)}
    finally:
        for each in pins.values():
            wipe(each)
    sys.stdout.buffer.write(dump(document))
    return 1 if "error" in document else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
