"""What records say of keys: every key once, with the attributes that were read."""

from keyturn.base.signatures import KeyId
from keyturn.ceremony.keyfacts import KeyOrigin, KeyPurpose, KeyState
from keyturn.ceremony.plan import KekProfile
from keyturn.hsm.kekwork import (
    AttributeReport,
    KekOrigin,
    KekReport,
    KeyReport,
    TokenReport,
)
from keyturn.hsm.kekwork import KekProfile as HsmProfile
from keyturn.hsm.kekwork import KekState as HsmState
from keyturn.keyholder.ceremonies.actions.tokenfacts import kek_facts, key_facts

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
