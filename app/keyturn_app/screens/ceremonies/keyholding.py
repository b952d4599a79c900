"""The running keyholder as a host: through the server, or at its own socket on this machine.

It may be sealed: then custodians' shares come first (our protocol §10.12).
"""

from datetime import datetime
from pathlib import Path

from keyturn.ceremony.hostdocument import parse_host
from keyturn.ceremony.script import Part
from keyturn.ceremony.sharesets import needed_text
from keyturn.client.ceremonybrought import Brought, enter_brought
from keyturn.client.ceremonydoor import CeremonyDoor, LocalDoor, ServerDoor
from keyturn.client.ceremonytrust import key_fingerprint
from keyturn.client.client import KeyturnClient
from keyturn.client.unsealdoor import LocalUnsealDoor, ServerUnsealDoor, UnsealDoor
from keyturn.client.unsealing import SealedKeyholder, hand_share, look_at, seal_order
from keyturn.officerkeys.signer import Signer
from keyturn.quorum.bundle import Authority
from keyturn.tlog.checkpoints import Checkpoint
from keyturn_app.i18n import _
from keyturn_app.screens.ceremonies.hosting import ClientHost
from keyturn_app.screens.ceremonies.hosts import HostSeen, SealedSeen


class SealableHost(ClientHost):
    """What both ways have in common."""

    def __init__(
        self,
        door: CeremonyDoor,
        unsealing: UnsealDoor,
        authority: Authority | None,
        seen: Checkpoint | None,
    ) -> None:
        super().__init__(door, authority, seen)
        self._unsealing = unsealing

    def look(self) -> HostSeen:
        news = self._unsealing.news()
        if not news.sealed:
            return super().look()
        document = parse_host(news.host).document
        return HostSeen((), key_fingerprint(document), sealed=True)

    def sealed(self, officer: str, now: datetime) -> SealedSeen:
        if not self._unsealing.news().sealed:
            return SealedSeen(sealed=False)
        return _sealed(look_at(self._unsealing, officer, now))

    def unseal(self, signer: Signer, words: bytearray, now: datetime) -> SealedSeen:
        try:
            taken = hand_share(self._unsealing, signer, words, now)
        finally:
            words[:] = bytes(len(words))
        if taken.sealed:
            return self.sealed(signer.officer, now)
        return SealedSeen(sealed=False, entered=taken.entered)

    def close_token(self, signer: Signer, part: Part, why: str, now: datetime) -> None:
        self._unsealing.seal(seal_order(self._unsealing.news(), signer, part, why, now))


class KeyholderHost(SealableHost):
    """Through the control plane, as a signed-in officer."""

    def __init__(
        self, client: KeyturnClient, authority: Authority | None, seen: Checkpoint | None
    ) -> None:
        super().__init__(ServerDoor(client), ServerUnsealDoor(client), authority, seen)


class LocalKeyholderHost(SealableHost):
    """By its local socket. Its log is read and proved here: what is in force follows from that."""

    def __init__(
        self, socket: Path, authority: Authority | None, seen: Checkpoint | None = None
    ) -> None:
        pinned = None if authority is None else authority.fingerprint
        told = None if authority is None else authority.state
        self._local = LocalUnsealDoor(socket, pinned, seen, told)
        # The log is proved to go on from `seen` by that door, each time it is looked at.
        super().__init__(LocalDoor(socket), self._local, authority, None)
        self._socket = socket

    def look(self) -> HostSeen:
        """Raises KeyturnError, too, where its log is not the pinned authority's."""
        authority = self._authority
        if authority is not None:
            proved = self._local.known().authority
            if proved.state.size != authority.state.size:
                self._know(proved)
            authority = proved
        seen = super().look()
        caution = seen.caution
        if authority is None:
            caution = _(
                "No authority is known here: nobody can tell whose keyholder this is. Load its "
                "bundle first."
            )
        return HostSeen(seen.ceremonies, seen.fingerprint, caution, seen.sealed, authority)

    def bring(self, brought: Brought) -> None:
        enter_brought(self._socket, brought)


def _sealed(found: SealedKeyholder) -> SealedSeen:
    members = found.share_set.members
    keepers = tuple(
        (each.officer, _("{number} of {all}").format(number=at, all=len(members)))
        for each in members
        for at in (found.share_set.number_of(each),)
    )
    mine = found.member
    return SealedSeen(
        True,
        key_fingerprint(found.host),
        found.host.size,
        tuple(each.value for each in found.caveats),
        found.news.entered,
        found.news.missing,
        needed_text(found.share_set),
        "" if mine is None else dict(keepers)[mine.officer],
        keepers,
    )
