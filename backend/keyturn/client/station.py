"""An officer station: proposals are verified and signed where no network is (our protocol §8.5).

What it knows of its authority is the newest bundle that reached it. Every file brings one: a
newer one is kept, an older one, or one of another history, is refused with the file that had it.
"""

from typing import NoReturn, Self

import httpx

from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError, UntrustedError
from keyturn.base.strictjson import Fields, parse_object
from keyturn.client.authority import check_not_older, keys_known
from keyturn.client.client import KeyturnClient
from keyturn.client.connection import Clock, SignerSource
from keyturn.client.errors import (
    AuthorityForked,
    AuthorityRolledBack,
    MalformedAnswer,
    NoServer,
    ServerLied,
)
from keyturn.client.memory import Memory
from keyturn.client.offline import MAX_EXPORT, TYPE, ProposalFile
from keyturn.client.profile import Places, Profile
from keyturn.client.transport import Transport
from keyturn.quorum.bundle import MAX_BUNDLE, Authority, load_bundle
from keyturn.quorum.kinds import Kind
from keyturn.quorum.statements import Statement, parse_statement

_HINT = "Export it anew from an app that is connected, and carry that file here."


class StationClient(KeyturnClient):
    """Reads and signs files; every question to a server raises NoServer. Not thread-safe."""

    @classmethod
    def open(cls, profile: Profile, places: Places, *, now: Clock, signer: SignerSource) -> Self:
        memory = Memory(profile.fingerprint, places.state)
        return cls(profile, memory, severed(), now=now, signer=signer)

    def newest(self) -> Authority | None:
        """The authority as this station last saw it; None before the first bundle.

        Raises as `adopt`: what lies on the disk is believed no more than what comes in.
        """
        raw = self._memory.recall_authority()
        if raw is None:
            return None
        authority = self._verified(raw)
        check_not_older(authority, self._memory)
        return authority

    def adopt(self, raw: bytes) -> Authority:
        """Take the bundle in `raw`, a bundle's or a proposal's file, unless a newer one is known.

        Raises MalformedAnswer; ServerLied where it is not of the pinned authority, or has
        expired; AuthorityRolledBack and AuthorityForked.
        """
        bundle = bundle_in(raw)
        authority = self._verified(bundle)
        kept = self._memory.recall_authority()
        if kept is not None:
            _check_same_history(statements_of(kept), statements_of(bundle))
        try:
            check_not_older(authority, self._memory)
        except AuthorityRolledBack as error:
            error.hint = _HINT
            raise
        self._memory.keep_authority(bundle, *versions_of(authority))
        return authority

    def read_export(self, raw: bytes) -> ProposalFile:
        """As everywhere; the bundle in it is adopted first. Raises as `adopt` does too."""
        self.adopt(raw)
        return super().read_export(raw)

    def _verified(self, bundle: bytes) -> Authority:
        fingerprint = self._profile.fingerprint
        try:
            return load_bundle(bundle, fingerprint, self._now(), keys_known(self._memory))
        except UntrustedError as error:
            raise ServerLied(
                f"the authority bundle does not verify: {error.message}",
                found=error.found,
                expected=error.expected or fingerprint,
                hint=error.hint or _HINT,
            ) from error


def bundle_in(raw: bytes) -> bytes:
    """The authority bundle that is this file, or that this proposal file carries; not verified.

    Raises MalformedAnswer.
    """
    try:
        fields = parse_object(raw, limit=MAX_EXPORT, what="authority file")
        if fields.raw("type") != TYPE:
            fields.literal("type", "authority-bundle")
            return raw
        return fields.b64("bundle", limit=32 << 20)
    except MalformedError as error:
        raise MalformedAnswer(error.message, found=error.found, expected=error.expected) from error


def versions_of(authority: Authority) -> tuple[int, int]:
    """Of the roster, and of `keys`."""
    newest = authority.state.newest
    return (
        newest[(Kind.ROSTER, "roster")].statement.version,
        newest[(Kind.KEYS, "keys")].statement.version,
    )


def claimed_fingerprint(bundle: bytes) -> Digest:
    """What a bundle says of itself, to be compared with what another officer says; no proof.

    Raises MalformedAnswer.
    """
    return statements_of(bundle)[0].digest


def statements_of(bundle: bytes) -> tuple[Statement, ...]:
    """The rosters in their order, and `keys`; nothing is verified. Raises MalformedAnswer."""
    try:
        fields = parse_object(bundle, limit=MAX_BUNDLE, what="authority bundle")
        rosters = fields.objects("roster", limit=1000)
        if not rosters:
            raise MalformedError("authority bundle: no roster")
        return tuple(_statement(each) for each in (*rosters, fields.fields("keys")))
    except MalformedError as error:
        raise MalformedAnswer(error.message, found=error.found, expected=error.expected) from error


def _statement(fields: Fields) -> Statement:
    return parse_statement(fields.b64("statement", limit=2 << 20))


def _check_same_history(known: tuple[Statement, ...], given: tuple[Statement, ...]) -> None:
    """No two statements of one version. Raises AuthorityForked."""
    digests = {(each.kind, each.version): each.digest for each in known}
    for each in given:
        seen = digests.get((each.kind, each.version), each.digest)
        if seen != each.digest:
            raise AuthorityForked(
                f"another '{each.kind.value}' statement of version {each.version} than this "
                "station has seen",
                found=each.digest,
                expected=seen,
                hint="Sign nothing. Show both files to the other officers.",
            )


def severed() -> Transport:
    """A transport that opens nothing: whatever is asked of it raises NoServer."""
    return Transport(
        httpx.Client(base_url="https://none.invalid", transport=_NoLine(), trust_env=False)
    )


class _NoLine(httpx.BaseTransport):
    def handle_request(self, request: httpx.Request) -> NoReturn:  # noqa: ARG002 - httpx's
        raise NoServer("this is an officer station: there is no server to ask")
