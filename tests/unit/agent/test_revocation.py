"""Only what officers signed and the log holds is a revocation; and whom does it name?"""

from dataclasses import replace

import pytest

from keyturn.agent.control import RevocationDocument
from keyturn.agent.revocation import Concern, Self, VerifiedRevocation, concern, verify_revocation
from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError
from keyturn.quorum.kinds import Kind, TargetKind
from support.authority import policy_body

MODEL = Digest("sha256:" + "aa" * 32)
US = Self("node-1", MODEL, "amd:" + "01" * 64, "bb" * 48, gpus=0)


def test_one_in_force_is_proved(world) -> None:
    found = verify_revocation(world.revoke("node", "node-1"), world.authority().current)

    assert (found.target_kind, found.target) == (TargetKind.NODE, "node-1")


def test_every_part_is_needed(world) -> None:
    good, other = world.revoke("node", "node-1"), world.revoke("node", "node-2")
    authority = world.authority().current
    forged = [
        replace(good, approvals=()),
        replace(good, approvals=other.approvals),
        replace(good, statement=other.statement),
        replace(good, receipt=other.receipt),
        replace(good, receipt=b"{}"),
        replace(good, statement=good.statement[:-1]),
    ]

    verify_revocation(good, authority)
    for each in forged:
        with pytest.raises(KeyturnError):
            verify_revocation(each, authority)


def test_another_kind_of_statement_is_none(world) -> None:
    system = world.system
    proposal = system.authority.approved(Kind.POLICY, "other", policy_body())
    entered = system.submit(proposal)
    document = RevocationDocument(
        proposal.raw, tuple(proposal.approvals), entered.receipt.to_bytes()
    )

    with pytest.raises(KeyturnError, match="not a revocation"):
        verify_revocation(document, world.authority().current)


@pytest.mark.parametrize(
    ("kind", "target", "gpus", "expected"),
    [
        (TargetKind.NODE, "node-1", 0, Concern.OURS),
        (TargetKind.NODE, "node-2", 0, Concern.OTHERS),
        (TargetKind.MODEL, MODEL, 0, Concern.OURS),
        (TargetKind.MODEL, "sha256:" + "cc" * 32, 0, Concern.OTHERS),
        (TargetKind.PLATFORM, "amd:" + "01" * 64, 0, Concern.OURS),
        (TargetKind.PLATFORM, "amd:" + "02" * 64, 0, Concern.OTHERS),
        (TargetKind.PLATFORM, "nvidia:x", 1, Concern.UNKNOWN),
        (TargetKind.MEASUREMENT, "bb" * 48, 0, Concern.OURS),
        (TargetKind.MEASUREMENT, "cc" * 48, 0, Concern.OTHERS),
        (TargetKind.POLICY, "serving", 0, Concern.UNKNOWN),
        (TargetKind.POLICY, "node-1", 0, Concern.UNKNOWN),
    ],
)
def test_whom_it_names(kind: TargetKind, target: str, gpus: int, expected: Concern) -> None:
    revocation = VerifiedRevocation(MODEL, kind, target, "a test", 1)

    assert concern(revocation, replace(US, gpus=gpus)) is expected
