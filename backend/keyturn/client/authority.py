"""The authority: a bundle that chains to the pinned fingerprint, and none older than known."""

from collections.abc import Callable
from datetime import datetime

from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError, UntrustedError
from keyturn.base.signatures import load_verify_key
from keyturn.base.strictjson import Fields
from keyturn.client.answers import optional_integer
from keyturn.client.errors import (
    AuthorityRolledBack,
    NoLongerOfficer,
    RoleLacking,
    ServerLied,
)
from keyturn.client.memory import Memory
from keyturn.client.transport import Transport
from keyturn.quorum.bodies import Keys, Purpose
from keyturn.quorum.bundle import Authority, load_bundle
from keyturn.quorum.kinds import Kind
from keyturn.quorum.roster import OfficerId, Roster
from keyturn.quorum.state import AuthorityState
from keyturn.tlog.checkpoints import verify_checkpoint
from keyturn.wire.reading import includes

MAX_BUNDLE = 16 << 20


def fetch_authority(
    transport: Transport, fingerprint: Digest, memory: Memory, now: datetime
) -> Authority:
    """Also one that has expired: officers must get in to renew it, and are told.

    Raises ServerLied when the bundle is not of this authority, AuthorityRolledBack if old.
    """
    answer = transport.get("/v1/authority", "authority")
    return _verified(answer, fingerprint, memory, now)


def left_roster(
    transport: Transport, fingerprint: Digest, memory: Memory, officer: str, now: datetime
) -> NoLongerOfficer | None:
    """Whether the newest roster, verified, names this officer no more. Raises as above."""
    answer = transport.get("/v1/authority", "authority")
    authority = _verified(answer, fingerprint, memory, now)
    if officer in authority.roster.officers:
        return None  # that the roster is the newest, nobody has proved: the server's no stands
    version = authority.state.newest[(Kind.ROSTER, "roster")].statement.version
    hello = transport.get("/v1/hello", "hello")
    return NoLongerOfficer(officer, version, optional_integer(hello, "roster_index"))


def check_lacking(roster: Roster, officer: str, said: RoleLacking) -> None:
    """Raises ServerLied when the newest roster gives the role: so nothing is kept back."""
    known = roster.officers.get(OfficerId(officer))
    if known is not None and includes(known.roles, *said.asked):
        raise ServerLied(
            "the server says that your roles do not include this, and the roster gives them",
            found=said.found,
            expected=", ".join(sorted(each.value for each in known.roles)),
        ) from said


def _verified(answer: Fields, fingerprint: Digest, memory: Memory, now: datetime) -> Authority:
    raw = answer.b64("bundle", limit=MAX_BUNDLE)
    try:
        authority = load_bundle(raw, fingerprint, now, keys_known(memory), lenient=True)
    except UntrustedError as error:
        raise ServerLied(
            f"the server's authority is not the pinned one: {error.message}",
            found=error.found,
            expected=error.expected or fingerprint,
            hint=error.hint,
        ) from error
    check_not_older(authority, memory)
    return authority


def keys_known(memory: Memory) -> Callable[[Keys], bool]:
    """Whether `keys` names the very log key that signed the checkpoint remembered of that log.

    Else officers could not get in to renew `keys` after somebody who had approved them left.
    """

    def known(keys: Keys) -> bool:
        note = memory.recall().checkpoints.get(keys.origin)
        if note is None:
            return False
        try:
            verify_checkpoint(note, load_verify_key(keys.keys[Purpose.LOG].spki), keys.origin)
        except (MalformedError, UntrustedError):
            return False
        return True

    return known


def check_not_older(authority: Authority, memory: Memory, *, remember: bool = True) -> None:
    """Remember the versions seen, where that is asked for.

    Raises AuthorityRolledBack when a newer one was seen before.
    """
    known = memory.recall()
    roster = authority.state.newest[(Kind.ROSTER, "roster")].statement.version
    keys = authority.state.newest[(Kind.KEYS, "keys")].statement.version
    for what, found, seen in (
        ("roster", roster, known.roster_version),
        ("keys", keys, known.keys_version),
    ):
        if found < seen:
            raise AuthorityRolledBack(
                f"an older '{what}' statement than this profile has seen",
                found=f"version {found}",
                expected=f"version {seen} or newer",
            )
    if remember:
        memory.keep_versions(roster, keys)


def rosters_of(state: AuthorityState) -> tuple[Roster, ...]:
    """Every roster that was ever in force, the newest first."""
    chain = sorted(
        (each.statement for each in state.by_digest.values() if each.statement.kind is Kind.ROSTER),
        key=lambda each: each.version,
        reverse=True,
    )
    return tuple(each.body for each in chain if isinstance(each.body, Roster))
