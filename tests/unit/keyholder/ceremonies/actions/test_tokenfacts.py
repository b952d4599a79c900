"""What records say of keys: every key once, with the attributes that were read."""

from types import SimpleNamespace

from keyturn.base.signatures import KeyId, key_id_of
from keyturn.ceremony.keyfacts import Assurance, KeyOrigin, KeyPurpose, KeyState
from keyturn.ceremony.plan import KekProfile
from keyturn.ceremony.tokenreport import ReportedToken
from keyturn.hsm.kekwork import (
    AttributeReport,
    KekOrigin,
    KekReport,
    KeyReport,
    TokenReport,
)
from keyturn.hsm.kekwork import KekProfile as HsmProfile
from keyturn.hsm.kekwork import KekState as HsmState
from keyturn.hsm.softwarelog import HELD_IN_SOFTWARE
from keyturn.keyholder.ceremonies.actions.tokenfacts import (
    backup_key_facts,
    kek_facts,
    key_facts,
    token_facts,
)

READ = (AttributeReport("SENSITIVE", "true", True),)
KEK = KekReport(KeyId("ab" * 32), HsmProfile.RECOVERABLE, HsmState.ACTIVE, KekOrigin.RESTORED, READ)


class Worker:
    """Says what a token says."""

    def describe_keys(self) -> TokenReport:
        ingest = KeyId("cd" * 32)
        backup = KeyId("ef" * 32)
        return TokenReport(
            (KEK,),
            (
                KeyReport("keyturn-ingest", "private", ingest, READ),
                KeyReport("keyturn-ingest", "public", ingest, ()),
                KeyReport("keyturn-backup", "public", backup, ()),
            ),
        )


def test_a_kek_keeps_its_profile_and_origin() -> None:
    facts = kek_facts(KEK)
    assert (facts.purpose, facts.profile) == (KeyPurpose.KEK, KekProfile.RECOVERABLE)
    assert (facts.origin, facts.state) == (KeyOrigin.RESTORED, KeyState.ACTIVE)
    assert [(each.name, each.value, each.checked) for each in facts.attributes] == [
        ("SENSITIVE", "true", True)
    ]


def test_a_pair_is_one_key_and_a_lone_public_key_is_one_too() -> None:
    found = key_facts(Worker())  # type: ignore[arg-type]
    assert [each.purpose for each in found] == [
        KeyPurpose.KEK,
        KeyPurpose.INGEST,
        KeyPurpose.BACKUP,
    ]
    assert found[1].attributes


def test_a_software_log_key_is_one_key_and_says_so() -> None:
    class Narrow:
        def describe_keys(self) -> TokenReport:
            said = (HELD_IN_SOFTWARE, *READ)
            return TokenReport((), (KeyReport("keyturn-log", "wrapped", KeyId("cd" * 32), said),))

    (found,) = key_facts(Narrow())  # type: ignore[arg-type]
    assert (found.purpose, found.algorithm, found.in_software) == (KeyPurpose.LOG, "ed25519", True)


def test_a_backup_key_is_named_by_its_public_half() -> None:
    facts = backup_key_facts(b"its spki")
    assert (facts.id, facts.purpose) == (key_id_of(b"its spki"), KeyPurpose.BACKUP)


def test_a_token_is_named_as_it_names_itself() -> None:
    said = ReportedToken("keyturn", "SoftHSM project", "SoftHSM v2", "a31f", "2.6", "2.6")
    hello = SimpleNamespace(
        label="keyturn",
        serial="a31f",
        assurance=Assurance.SOFTWARE,
        about=SimpleNamespace(token=said),
    )
    facts = token_facts(hello)  # type: ignore[arg-type]
    assert (facts.maker, facts.model, facts.firmware) == ("SoftHSM project", "SoftHSM v2", "2.6")
    assert (facts.label, facts.serial) == ("keyturn", "a31f")
