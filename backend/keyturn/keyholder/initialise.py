"""Genesis at one desk, by a script: token, officers, roster, keys, log (DESIGN §8).

The officers open their own key files here, one after the other; PINs are random and go to the
descriptors given. A run that was cut off before its end leaves a directory that is refused,
never one that half works.
"""

import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from keyturn.base.encoding import Digest, b64
from keyturn.base.errors import KeyturnError
from keyturn.client.witnesskeys import DEFAULT_SECONDS, witnesses_body
from keyturn.hsm.client import HsmWorker, WorkerConfig
from keyturn.hsm.genesis import make_softhsm_token
from keyturn.hsm.modules import check_module, find_softhsm
from keyturn.hsm.pins import new_pin, pin_file
from keyturn.hsm.pkcs11 import wipe
from keyturn.hsm.protocol import Hsm
from keyturn.keyholder.config import KeyholderConfig, config_text
from keyturn.keyholder.genesis import Founding, found
from keyturn.keyholder.identity import FILE as IDENTITY
from keyturn.keyholder.identity import IdentityKey, identity_at
from keyturn.keyholder.logdisk import DEFAULT_RESERVE
from keyturn.keyholder.server import check_socket_path
from keyturn.officerkeys.signer import OfficerSigner
from keyturn.quorum.approvals import APPROVAL_TYPE, Decision, approval_payload
from keyturn.quorum.bodies import KeyAlgorithm, Purpose
from keyturn.quorum.kinds import DEFAULT_THRESHOLDS, Kind, payload_type
from keyturn.quorum.roster import Witnesses
from keyturn.quorum.statements import compose_payload

TOKEN_LABEL = "keyturn"  # noqa: S105 - a label, no secret
DEFAULT_ROLES = ("proposer", "approver", "custodian", "operator")
NO_WITNESS = Witnesses((), 0, DEFAULT_SECONDS)
CONFIG = "keyholder.toml"
SOCKET = "keyholder.sock"
MAX_ORIGIN = 200  # characters (our protocol §2.6)


class InitialiseRefused(KeyturnError):
    """Genesis cannot begin: the directory is in use, or the officers are too few."""


@dataclass(frozen=True, slots=True)
class Founder:
    """One officer at the desk: the open signer and the roster's entry."""

    signer: OfficerSigner
    entry: dict[str, object]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is founded. `simulation` is fixed for ever."""

    directory: Path
    origin: str
    simulation: bool
    module: Path | None
    life: timedelta
    witnesses: Witnesses = NO_WITNESS


@dataclass(frozen=True, slots=True)
class Initialised:
    fingerprint: Digest
    bundle: Path
    config: Path
    pin: bytearray
    so_pin: bytearray


def initialise(
    plan: Plan, founders: Sequence[Founder], clock: Callable[[], datetime]
) -> Initialised:
    """Make everything a keyholder needs. The caller hands the PINs on and wipes them.

    The first founder proposes; as many of the others as the thresholds ask approve.
    Raises InitialiseRefused and MalformedConfig before anything is made, and what token and log
    raise.
    """
    needed = max(DEFAULT_THRESHOLDS.values())
    if len(founders) < needed + 1:
        raise InitialiseRefused(
            "too few officers", found=str(len(founders)), expected=f"at least {needed + 1}"
        )
    module = check_module(plan.module) if plan.module else find_softhsm()
    _check_place(plan, module)
    plan.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    pins = (new_pin(secrets.token_bytes(16)), new_pin(secrets.token_bytes(16)))
    try:
        return _initialise(plan, module, founders, clock, *pins)
    except BaseException:
        for pin in pins:
            wipe(pin)
        raise


def _initialise(
    plan: Plan,
    module: Path,
    founders: Sequence[Founder],
    clock: Callable[[], datetime],
    pin: bytearray,
    so_pin: bytearray,
) -> Initialised:
    directory = plan.directory
    with _descriptors(pin, so_pin) as (pin_fd, so_pin_fd):
        made = make_softhsm_token(directory / "token", module, TOKEN_LABEL, so_pin_fd, pin_fd)
        worker = WorkerConfig(module, TOKEN_LABEL, made.configuration)
        with HsmWorker(worker, pin_fd) as hsm:
            roster = signed_by_founders(
                Kind.ROSTER,
                "roster",
                _roster_body(plan, founders),
                founders,
                plan.life,
                clock(),
                authority=None,
            )
            fingerprint = roster.digest
            body = keys_body(plan.origin, hsm, identity_at(directory / IDENTITY))
            keys = signed_by_founders(
                Kind.KEYS, "keys", body, founders, plan.life, clock(), authority=fingerprint
            )
            founding = Founding((roster.raw, roster.approvals), (keys.raw, keys.approvals))
            bundle = found(directory / "log", plan.origin, hsm, fingerprint, founding, clock)
    bundle_path, config_path = directory / "authority.bundle", directory / CONFIG
    write_whole(bundle_path, bundle)
    config = founded_config(directory, plan.origin, module, fingerprint, made.configuration)
    write_whole(config_path, config_text(config, directory).encode())  # last: it is complete
    return Initialised(fingerprint, bundle_path, config_path, pin, so_pin)


def _check_place(plan: Plan, module: Path) -> None:
    """Everything that would go wrong after the keys are made. Raises InitialiseRefused."""
    directory = plan.directory
    if directory.exists() and not directory.is_dir():
        raise InitialiseRefused("it is not a directory", found=str(directory))
    if (directory / CONFIG).exists():
        raise InitialiseRefused("there is an authority here already", found=str(directory / CONFIG))
    if directory.exists() and any(directory.iterdir()):
        raise InitialiseRefused(
            "the directory is not empty",
            found=str(directory),
            hint="what a genesis left that was cut off is of no use: delete it, and begin again",
        )
    check_names(directory, plan.origin, module)


def check_names(directory: Path, origin: str, module: Path) -> None:
    """Whether a keyholder there could be set up and listen. Raises InitialiseRefused,
    SocketPathTooLong, MalformedConfig."""
    if not 0 < len(origin) <= MAX_ORIGIN or any(
        each in '+"\\' or each.isspace() or not each.isprintable() for each in origin
    ):
        raise InitialiseRefused(
            "the log's name",
            found=repr(origin[:80]),
            expected="at most 200 characters, no spaces, quotes or '+'",
        )
    check_socket_path(directory / SOCKET)
    nothing = Digest("sha256:" + "00" * 32)
    config = founded_config(directory, origin, module, nothing, directory.absolute())
    config_text(config, directory)


def founded_config(
    directory: Path,
    origin: str,
    module: Path,
    fingerprint: Digest,
    softhsm_configuration: Path,
    *,
    token_label: str = TOKEN_LABEL,
) -> KeyholderConfig:
    """The settings of a keyholder that was founded in `directory`."""
    return KeyholderConfig(
        log=directory / "log",
        socket=directory / SOCKET,
        origin=origin,
        fingerprint=fingerprint,
        token_label=token_label,
        module=module,
        softhsm_configuration=softhsm_configuration,
        workers=1,
        reserve=DEFAULT_RESERVE,
    )


def write_whole(path: Path, data: bytes) -> None:
    """Under its name only when it is complete and durable."""
    unfinished = path.with_name(path.name + ".unfinished")
    with unfinished.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class Signed:
    """A statement and its approvals, exact bytes."""

    raw: bytes
    digest: Digest
    approvals: tuple[bytes, ...]


def signed_by_founders(
    kind: Kind,
    subject: str,
    body: dict[str, object],
    founders: Sequence[Founder],
    life: timedelta,
    now: datetime,
    *,
    authority: Digest | None,
    version: int = 1,
    replaces: Digest | None = None,
) -> Signed:
    """Proposed by the first, approved by as many of the others as the thresholds ask.

    `authority` is the fingerprint, or None for the roster that founds one.
    """
    proposer, others = founders[0].signer, founders[1 : DEFAULT_THRESHOLDS[kind] + 1]
    payload = compose_payload(
        kind,
        subject,
        authority=authority,
        version=version,
        replaces=replaces,
        proposer=proposer.officer,
        time=now,
        reason="genesis",
        body=body,
        life=life,
    )
    statement = proposer.sign(payload_type(kind.value), payload)
    approvals = tuple(
        each.signer.sign(
            APPROVAL_TYPE,
            approval_payload(
                statement.digest, Decision.APPROVE, officer=each.signer.officer, time=now
            ),
        ).to_bytes()
        for each in others
    )
    return Signed(statement.to_bytes(), statement.digest, approvals)


def _roster_body(plan: Plan, founders: Sequence[Founder]) -> dict[str, object]:
    return {
        "simulation": plan.simulation,
        "officers": [each.entry for each in founders],
        "thresholds": {kind.value: count for kind, count in DEFAULT_THRESHOLDS.items()},
        "proposer_may_approve": [Kind.REVOCATION.value],
        "witnesses": witnesses_body(plan.witnesses),
    }


def keys_body(origin: str, hsm: Hsm, identity: IdentityKey | None = None) -> dict[str, object]:
    """The body of a `keys` statement that names what this token proved, and the keyholder's key."""
    own: list[dict[str, object]] = []
    if identity is not None:
        own.append(
            {
                "purpose": Purpose.KEYHOLDER.value,
                "algorithm": KeyAlgorithm.ED25519.value,
                "spki": b64(identity.spki),
                "oaep_hash": None,
            }
        )
    return {
        "origin": origin,
        "assurance": hsm.assurance.value,
        "keys": [
            *(
                {
                    "purpose": purpose.value,
                    "algorithm": key.algorithm.value,
                    "spki": b64(key.spki),
                    "oaep_hash": key.oaep_hash.value if key.oaep_hash else None,
                    **({"assurance": "software"} if key.software else {}),
                }
                for purpose, key in hsm.public_keys().items()
            ),
            *own,
        ],
    }


@contextmanager
def _descriptors(*pins: bytearray) -> Iterator[tuple[int, ...]]:
    with ExitStack() as stack:
        opened = tuple(pin_file(pin) for pin in pins)
        for descriptor in opened:
            stack.callback(os.close, descriptor)
        yield opened
