"""Values that were found somewhere and can be taken into a draft. No Qt in here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from keyturn.attest.eventdata import TPM_REGISTERS, boot_facts
from keyturn.attest.eventlog import EventLog
from keyturn.attest.tpm_algorithms import HashAlgorithm
from keyturn.client.baselines import NOT_ACTIVATED
from keyturn.keyrelease.tpmevidence import ACTIVATED
from keyturn.policy.boot_values import BootEvent, TpmChoice, boot_events
from keyturn.policy.capturing import Choices, NotCapturable, captured
from keyturn.policy.observed import Observed
from keyturn.quorum.reference_bodies import ReferenceValues
from keyturn.quorum.tee_rules import TdRegister
from keyturn.quorum.tpm_bodies import PcrBank
from keyturn_app.i18n import _
from keyturn_app.screens.baselines.items import keys_of


@dataclass(frozen=True, slots=True)
class Pool:
    """`advised`: keys of the items that are taken unless the officer says otherwise. `said`: what
    the log's data says of an item, for people. `left`: why some of it is not offered."""

    values: ReferenceValues
    advised: frozenset[str]
    events: tuple[BootEvent, ...] = ()
    said: Mapping[str, str] = field(default_factory=dict)
    left: str = ""


def pool_of_node(
    observed: Observed, now: datetime, *, activated: bool, bank: PcrBank = PcrBank.SHA256
) -> Pool:
    """Everything that a node's evidence proves. Raises NotCapturable, NotInTheLog.

    A TPM whose key the keyholder did not find activated is left out, and it is said.
    """
    shown = observed.shown
    tpm = shown.tpm if shown is not None else None
    choice, left, log = None, "", None
    if tpm is not None and not activated:
        refused = NotCapturable(
            _("the keyholder refused {node}, since its TPM's key was not activated").format(
                node=observed.node
            ),
            found=NOT_ACTIVATED,
            expected=ACTIVATED,
        )
        left = str(refused)
    elif tpm is not None:
        pcrs = tpm.pcrs.get(HashAlgorithm[bank.name], {})
        choice, log = _whole(pcrs, tpm.log, bank), tpm.log
    choices = Choices(registers=frozenset(TdRegister), tpm=choice)
    values = captured(observed, obtained=now, until=None, choices=choices)
    events, said = events_of(log, bank) if choice is not None else ((), {})
    return Pool(values, _advised_of_node(values), events, said, left)


def pool_of_log(values: ReferenceValues, log: EventLog, bank: PcrBank) -> Pool:
    events, said = events_of(log, bank)
    usual = {f"tpm.0.pcr.{bank.value}.{number}" for number in TpmChoice().pcrs}
    return Pool(values, keys_of(values) & usual, events, said)


def whole_choice(log: EventLog, bank: PcrBank) -> TpmChoice:
    """All that a bare log says."""
    return _whole(log.replay(HashAlgorithm[bank.name]), log, bank)


def events_of(log: EventLog | None, bank: PcrBank) -> tuple[tuple[BootEvent, ...], dict[str, str]]:
    """Every event, and what each says by the keys of the items that it could be."""
    if log is None:
        return (), {}
    found = boot_events(log, HashAlgorithm[bank.name])
    said = {}
    for each in found:
        if each.digest:
            said[f"tpm.0.app.{each.digest}"] = each.said
            said[f"tpm.0.authority.{each.digest}"] = each.said
    return found, said


def _whole(pcrs: Mapping[int, bytes], log: EventLog | None, bank: PcrBank) -> TpmChoice:
    numbers = tuple(sorted(pcrs))
    needed = {TPM_REGISTERS.loader, TPM_REGISTERS.secure_boot}
    if log is None or not pcrs.keys() >= needed:
        return TpmChoice(bank, numbers)
    facts = boot_facts(log, HashAlgorithm[bank.name])
    if not facts.separated >= needed:
        return TpmChoice(bank, numbers)
    return TpmChoice(
        bank,
        numbers,
        applications=bool(facts.applications),
        authorities=bool(facts.authorities),
        variables=frozenset(name for name, _value in facts.variables),
    )


def _advised_of_node(values: ReferenceValues) -> frozenset[str]:
    """As `keyturn baseline capture` takes it: MRTD alone of a TD, and nothing of a TPM."""
    mrtds = {f"tdx.{place}.{TdRegister.MRTD.value}" for place, _td in enumerate(values.tdx)}
    return frozenset(
        each for each in keys_of(values) if not each.startswith(("tdx.", "tpm.")) or each in mrtds
    )
