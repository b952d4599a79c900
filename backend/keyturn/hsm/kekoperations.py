"""What ceremonies do to KEKs, over an open PKCS#11 token. Runs in the HSM worker only.

Every act can be cut off anywhere: what the record on the token says then is what is so, and
the same act asked again brings it to its end.
"""

from collections.abc import Sequence
from dataclasses import replace

from keyturn.base.signatures import KeyId
from keyturn.hsm.errors import HsmRequestError, TokenError
from keyturn.hsm.kekmaking import generate_kek, wrap_out
from keyturn.hsm.kekrecord import RecordedKek
from keyturn.hsm.keks import (
    OpenKeks,
    open_keks,
    remove_kek,
    store_record,
)
from keyturn.hsm.kekwork import (
    MAX_BATCH,
    CeremonyOrder,
    KekProfile,
    KekReport,
    KekState,
    RewrapItem,
    RewrapOutcome,
    Rewrapped,
    TokenReport,
    WrappedKek,
)
from keyturn.hsm.operations import TokenHsm
from keyturn.hsm.rewrap import Rewrapper
from keyturn.hsm.token import report_pairs

_REMEMBERED = 4096  # steps that one worker answers


class SpentSteps:
    """Steps that this worker has answered: each once, and the parts of one in rising order."""

    def __init__(self) -> None:
        self._parts: dict[tuple[str, int], tuple[bytes, int]] = {}

    def spend(self, order: CeremonyOrder) -> None:
        """Raises HsmRequestError."""
        step = order.ceremony, order.seq
        known = self._parts.get(step)
        if known is None and len(self._parts) >= _REMEMBERED:
            raise HsmRequestError("this worker has answered too many steps; start another")
        if known is not None and known[0] != order.record:
            raise HsmRequestError("a step has one record", found=order.record.hex())
        if known is not None and order.part <= known[1]:
            raise HsmRequestError(
                "a step is answered once", found=f"part {order.part} again or too late"
            )
        self._parts[step] = order.record, order.part


class TokenCeremonies:
    """An `HsmCeremonies` beside the `Hsm` of the same session."""

    def __init__(self, hsm: TokenHsm) -> None:
        self._hsm = hsm
        self._session = hsm.session
        self._spent = SpentSteps()

    def keks(self) -> tuple[KekReport, ...]:
        return self._hsm.keks.reports()

    def describe_keys(self) -> TokenReport:
        with self._hsm.operation():
            self._refresh()
            return TokenReport(self._hsm.keks.reports(), report_pairs(self._session))

    def make_kek(self, order: CeremonyOrder, profile: KekProfile) -> KekReport:
        self._spent.spend(order)
        with self._hsm.operation():
            made = generate_kek(self._session, profile)
            return self._reported(made)

    def activate_kek(self, order: CeremonyOrder, kek: KeyId) -> KekReport:
        self._spent.spend(order)
        with self._hsm.operation():
            keks = self._refresh()
            found = keks.by_id(kek)
            if found.report.state is KekState.DEACTIVATED:
                raise HsmRequestError("a retired KEK is not used again", found=kek)
            if found.report.state is KekState.PRE_ACTIVATION:
                store_record(self._session, keks.record.activated(kek))
            return self._report(kek)

    def rewrap(
        self, order: CeremonyOrder, to: KeyId, batch: Sequence[RewrapItem]
    ) -> tuple[Rewrapped, ...]:
        self._spent.spend(order)
        if not 0 < len(batch) <= MAX_BATCH:
            raise HsmRequestError("a batch to rewrap has a wrong size", found=str(len(batch)))
        keks = self._hsm.keks
        if keks.active.id != to:
            raise HsmRequestError(
                "DEKs are wrapped under the active KEK only", found=to, expected=keks.active.id
            )
        sources = sorted(keks.opening(), key=lambda each: each.id == to)  # the old ones first
        with self._hsm.operation():
            rewrapper = Rewrapper(self._session, keks.active, sources)
            done = tuple(rewrapper.rewrap(item) for item in batch)
            if any(each.outcome is RewrapOutcome.DOES_NOT_OPEN for each in done):
                self._hsm.prove_canaries()
        return done

    def retire_kek(self, order: CeremonyOrder, kek: KeyId) -> KekReport:
        self._spent.spend(order)
        with self._hsm.operation():
            record = self._refresh().record
            found = record.by_id(kek)
            if found.state is KekState.ACTIVE:
                raise HsmRequestError(
                    "the active KEK is not retired", found=kek, expected="activate another first"
                )
            if found.state is KekState.PRE_ACTIVATION:
                retired = replace(found, state=KekState.DEACTIVATED)
                store_record(self._session, record.changed(found.name, retired))
            return self._report(kek)

    def destroy_kek(self, order: CeremonyOrder, kek: KeyId) -> KekReport:
        self._spent.spend(order)
        with self._hsm.operation():
            record = self._refresh().record
            found = record.by_id(kek)
            if found.state not in (KekState.DEACTIVATED, KekState.DESTROYED):
                raise HsmRequestError(
                    "only a retired KEK is destroyed",
                    found=found.state.value,
                    expected=KekState.DEACTIVATED.value,
                )
            gone = replace(found, state=KekState.DESTROYED)
            store_record(self._session, record.changed(found.name, gone))
            remove_kek(self._session, found.name)
            return self._report(kek)

    def backup_kek(self, order: CeremonyOrder, kek: KeyId, spki: bytes) -> WrappedKek:
        self._spent.spend(order)
        with self._hsm.operation():
            found = self._refresh().by_id(kek)
            hash_ = self._hsm.release_hash
            return wrap_out(self._session, found, spki, hash_)

    def _refresh(self) -> OpenKeks:
        """What another worker may have changed is seen here."""
        self._hsm.keks = open_keks(self._session)
        return self._hsm.keks

    def _reported(self, made: RecordedKek) -> KekReport:
        if made.id is None:
            raise TokenError("a new KEK has no id")
        return self._report(made.id)

    def _report(self, kek: KeyId) -> KekReport:
        self._refresh()
        return next(each for each in self._hsm.keks.reports() if each.id == kek)
