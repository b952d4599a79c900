"""An HSM worker on NSS softoken, for the contract of operations only; nothing that ships is one.

NSS enforces nothing of what Keyturn's keys must not do, so no worker of Keyturn's opens it
(docs/decisions/0035). Here its keys are made by hand, as objects of the session, and the real
operations are asked of them: mechanisms must mean the same on two modules. There is no Ed25519
and no data object: `log` is a key that nobody has, and nothing signs for it; the mark is refused.
"""

import argparse
import os
import secrets
import socket
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keyturn.base.signatures import KeyId
from keyturn.hsm.frames import send_frame
from keyturn.hsm.hardening import Hardened, harden
from keyturn.hsm.kekoperations import TokenCeremonies
from keyturn.hsm.kekrecord import KekRecord
from keyturn.hsm.keks import OpenKek, OpenKeks
from keyturn.hsm.kekwork import KekOrigin, KekProfile, KekReport, KekState
from keyturn.hsm.messages import Hello, encode_hello
from keyturn.hsm.operations import TokenHsm
from keyturn.hsm.pins import read_pin
from keyturn.hsm.pkcs11 import Library, Session
from keyturn.hsm.profiles import INGEST, KEK, KEK_GENERATOR, RESULT, Label, for_a_session, named
from keyturn.hsm.protocol import KeyAlgorithm, PublicKey, Purpose
from keyturn.hsm.publickeys import spki_of
from keyturn.hsm.selftest import make_canary, prove_ingest_hash, prove_release_hash
from keyturn.hsm.token import CheckedKeys, OpenToken, log_in, read_public
from keyturn.hsm.trials import trial_pair
from keyturn.hsm.vendors import start_module
from keyturn.hsm.worker import Server, about, serve

DIRECTORY_VARIABLE = "TEST_NSS_DIRECTORY"


def _keys(session: Session) -> CheckedKeys:
    kek = session.generate(KEK_GENERATOR, for_a_session(named(KEK, Label.KEK)))
    canary = make_canary(session, kek, secrets.token_bytes(32))
    report = KekReport(
        KeyId("0" * 64), KekProfile.NEVER_EXTRACTABLE, KekState.ACTIVE, KekOrigin.MADE, ()
    )
    ingest_public, ingest = trial_pair(session, INGEST)
    ingest_key = read_public(session, Purpose.INGEST, ingest_public)
    result_public, result = trial_pair(session, RESULT)
    ingest_hash = prove_ingest_hash(session, ingest, ingest_key)
    public = {
        Purpose.INGEST: PublicKey(
            Purpose.INGEST, spki_of(ingest_key), KeyAlgorithm.RSA_3072, ingest_hash
        ),
        Purpose.LOG: PublicKey(
            Purpose.LOG,
            spki_of(Ed25519PrivateKey.generate().public_key()),
            KeyAlgorithm.ED25519,
            None,
        ),
        Purpose.RESULT: PublicKey(
            Purpose.RESULT,
            spki_of(read_public(session, Purpose.RESULT, result_public)),
            KeyAlgorithm.P256,
            None,
        ),
    }
    private = {Purpose.INGEST: ingest, Purpose.LOG: result, Purpose.RESULT: result}
    keks = OpenKeks(KekRecord(()), (OpenKek(kek, canary, report),))
    return CheckedKeys(keks, private, public, prove_release_hash(session, kek, canary))


def _open(library: Library, label: str, pin_fd: int) -> OpenToken:
    (info,) = (each for each in library.tokens() if each.label == label)
    session = library.open_session(info.slot)
    log_in(session, read_pin(pin_fd))
    os.close(pin_fd)
    return OpenToken(session, info, _keys(session), library.about())


def _hello(token: OpenToken, hardened: Hardened) -> Hello:
    return Hello(
        label=token.info.label,
        serial=token.info.serial,
        assurance=token.assurance,
        memory_locked=hardened.memory_locked,
        release_hash=token.keys.release_hash,
        keys=dict(token.keys.public),
        keks=(),
        about=about(token),
    )


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--module", type=Path, required=True)
    parser.add_argument("--token-label", required=True)
    parser.add_argument("--socket-fd", type=int, required=True)
    parser.add_argument("--pin-fd", type=int, required=True)
    options = parser.parse_args(arguments)
    with socket.socket(fileno=options.socket_fd) as channel:
        hardened = harden()
        library = start_module(options.module, Path(os.environ[DIRECTORY_VARIABLE]))
        token = _open(library, options.token_label, options.pin_fd)
        send_frame(channel, encode_hello(_hello(token, hardened)))
        hsm = TokenHsm(token)
        return serve(channel, Server(hsm, TokenCeremonies(hsm)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
