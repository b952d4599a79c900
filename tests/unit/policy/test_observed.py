"""What was observed of a node: rules can be judged on it only where all of it is genuine."""

from dataclasses import replace

from keyturn.base.encoding import Digest
from keyturn.policy.findings import met, not_met
from keyturn.policy.observed import Observed
from keyturn.policy.shown import Shown, platform_of
from unit.policy.rulebook import NOW, SNP

MODEL = Digest("sha256:" + "ab" * 32)
GENUINE = met("cpu: root", "ARK-Genoa", "ARK-Genoa")
SEEN = Observed("node-1", MODEL, platform_of(SNP), MODEL, NOW, Shown(SNP), (GENUINE,), frozenset())


def test_genuine_evidence_can_be_judged() -> None:
    assert SEEN.measurable


def test_what_nobody_has_any_more_cannot() -> None:
    assert not replace(SEEN, shown=None, evidence=None, time=None).measurable


def test_one_part_that_is_not_genuine_spoils_it() -> None:
    """A policy that asks for nothing of a device would else be said to be met by a forged one."""
    forged = not_met("gpu 0: chain", "untrusted-root", "another", "NVIDIA's")
    assert not replace(SEEN, findings=(GENUINE, forged)).measurable
