"""What records say of the token and its keys, as its worker read them (our protocol §10.4)."""

from collections.abc import Sequence

from keyturn.base.signatures import key_id_of
from keyturn.ceremony.keyfacts import (
    Assurance,
    Attribute,
    KeyFacts,
    KeyOrigin,
    KeyPurpose,
    KeyState,
    TokenFacts,
)
from keyturn.ceremony.plan import KekProfile
from keyturn.hsm.client import HsmWorker
from keyturn.hsm.kekwork import AttributeReport, KekReport, KeyReport
from keyturn.hsm.messages import Hello
from keyturn.hsm.profiles import Label
from keyturn.hsm.softwarelog import WRAPPED

_PAIRS = {
    Label.INGEST.value: (KeyPurpose.INGEST, "rsa-3072"),
    Label.LOG.value: (KeyPurpose.LOG, "ed25519"),
    Label.RESULT.value: (KeyPurpose.RESULT, "p256"),
    Label.BACKUP.value: (KeyPurpose.BACKUP, "rsa-4096"),
    Label.TRANSPORT.value: (KeyPurpose.TRANSPORT, "rsa-4096"),
}
_WHOLE = ("private", WRAPPED)
"""The parts by which a key is told; a public half without one is told by itself."""
_MAX_VALUE = 400


def token_facts(hello: Hello) -> TokenFacts:
    """Maker, model and firmware by the token's own word."""
    said = hello.about.token
    return TokenFacts(
        hello.label,
        hello.serial,
        said.manufacturer,
        said.model,
        said.firmware,
        Assurance(hello.assurance.value),
    )


def key_facts(worker: HsmWorker) -> tuple[KeyFacts, ...]:
    """Every key on the token, read again. Raises TokenError and what the HSM raises."""
    report = worker.describe_keys()
    pairs = [_pair(each) for each in report.keys if each.part in _WHOLE]
    named = {each.id for each in pairs}
    lone = [_pair(each) for each in report.keys if each.id not in named]
    return (*map(kek_facts, report.keks), *pairs, *lone)


def kek_facts(report: KekReport) -> KeyFacts:
    return KeyFacts(
        report.id,
        KeyPurpose.KEK,
        "aes-256",
        KekProfile(report.profile.value),
        KeyOrigin(report.origin.value),
        KeyState(report.state.value),
        _attributes(report.attributes),
    )


def backup_key_facts(spki: bytes) -> KeyFacts:
    """Of a backup key that the security officer has put there as trusted: its public half."""
    made = KeyOrigin.MADE, KeyState.ACTIVE, ()
    return KeyFacts(key_id_of(spki), KeyPurpose.BACKUP, "rsa-4096", None, *made)


def _pair(report: KeyReport) -> KeyFacts:
    purpose, algorithm = _PAIRS[report.label]
    return KeyFacts(
        report.id,
        purpose,
        algorithm,
        None,
        KeyOrigin.MADE,
        KeyState.ACTIVE,
        _attributes(report.attributes),
    )


def _attributes(reports: Sequence[AttributeReport]) -> tuple[Attribute, ...]:
    return tuple(Attribute(each.name, each.value[:_MAX_VALUE], each.checked) for each in reports)
