"""The roots in force: pinned hardware, and simulated ones only in a simulation (I9)."""

from dataclasses import replace

import pytest

from keyturn.attest.anchors import HARDWARE_ANCHORS, SpkiDigest, Vendor
from keyturn.policy.trust import AnchorsInForce, anchors_in_force
from keyturn.quorum.bodies import TrustAnchorsBody
from keyturn.quorum.errors import LogInconsistent, SubmissionReason
from keyturn.quorum.kinds import Kind
from keyturn.quorum.state import AuthorityState
from unit.quorum.authority_log import AuthorityLog

AMD, NVIDIA = SpkiDigest("ab" * 32), SpkiDigest("cd" * 32)
ROOTS: dict[str, object] = {
    "hardware": "pinned",
    "simulated": [
        {"vendor": "amd", "product": "Genoa", "spki_sha256": AMD},
        {"vendor": "nvidia", "product": "GPU", "spki_sha256": NVIDIA},
    ],
}
NONE: dict[str, object] = {"hardware": "pinned", "simulated": []}
KIND, SUBJECT = Kind.TRUST_ANCHORS, "trust-anchors"


def simulated(log: AuthorityLog, state: AuthorityState | None = None) -> int:
    anchors, _ = anchors_in_force(state or log.state, log.clock())
    assert set(HARDWARE_ANCHORS.anchors) <= set(anchors.anchors)
    return sum(anchor.simulated for anchor in anchors.anchors)


@pytest.mark.parametrize("simulation", [True, False])
def test_without_a_statement_hardware_only(simulation: bool) -> None:
    log = AuthorityLog(simulation=simulation)
    assert anchors_in_force(log.state, log.clock()) == (HARDWARE_ANCHORS, None)


def test_a_simulation_names_its_roots() -> None:
    log = AuthorityLog()
    entered = log.enact(KIND, SUBJECT, ROOTS)
    anchors, by = anchors_in_force(log.state, log.clock())

    assert by == entered
    for vendor, spki in ((Vendor.AMD_SEV, AMD), (Vendor.NVIDIA_DEVICE, NVIDIA)):
        found = anchors.find(vendor, spki)
        assert found is not None
        assert (found.simulated, found.source) == (True, entered.statement.digest)
    assert anchors.find(Vendor.NVIDIA_DEVICE, AMD) is None
    assert len(anchors.anchors) == len(HARDWARE_ANCHORS.anchors) + 2


def test_issuers_of_tpms_may_be_added_and_are_hardware() -> None:
    log = AuthorityLog(simulation=False)
    body: dict[str, object] = {**NONE, "tpm": [{"name": "a maker", "spki_sha256": "ef" * 32}]}
    entered = log.enact(KIND, SUBJECT, body)
    anchors, _ = anchors_in_force(log.state, log.clock())
    found = anchors.find(Vendor.TPM, SpkiDigest("ef" * 32))
    assert found is not None
    assert (found.simulated, found.source) == (False, entered.statement.digest)
    assert len(anchors.anchors) == len(HARDWARE_ANCHORS.anchors) + 1


def test_a_simulation_may_have_both_kinds_of_issuers() -> None:
    log = AuthorityLog()
    roots = [{"vendor": "tpm", "product": "TPM", "spki_sha256": "ab" * 32}]
    body: dict[str, object] = {**NONE, "simulated": roots}
    log.enact(KIND, SUBJECT, {**body, "tpm": [{"name": "a maker", "spki_sha256": "ef" * 32}]})
    anchors, _ = anchors_in_force(log.state, log.clock())
    found = [each for each in anchors.anchors if each.vendor is Vendor.TPM]
    assert [each.simulated for each in found] == [False, True]


def test_a_statement_that_names_none_adds_none() -> None:
    log = AuthorityLog()
    entered = log.enact(KIND, SUBJECT, NONE)
    assert anchors_in_force(log.state, log.clock()) == (HARDWARE_ANCHORS, entered)


def test_a_later_statement_takes_the_roots_away() -> None:
    log = AuthorityLog()
    log.enact(KIND, SUBJECT, ROOTS)
    assert simulated(log) == 2
    log.enact(KIND, SUBJECT, NONE)
    assert simulated(log) == 0


def test_an_expired_statement_adds_none() -> None:
    log = AuthorityLog()
    log.enact(KIND, SUBJECT, ROOTS)
    log.clock.advance(days=90)

    assert anchors_in_force(log.state, log.clock()) == (HARDWARE_ANCHORS, None)


def test_without_simulation_such_a_statement_is_refused() -> None:
    log = AuthorityLog(simulation=False)
    proposal = log.authority.approved(KIND, SUBJECT, ROOTS)

    assert log.refusal(proposal) is SubmissionReason.SIMULATION_FORBIDDEN
    with pytest.raises(LogInconsistent, match="not a simulation"):
        log.append(log.leaf(proposal))
    assert log.refusal(log.authority.approved(KIND, SUBJECT, NONE)) is None


def test_even_in_the_state_such_a_statement_adds_none() -> None:
    """Asked again where it is used: a fault in `quorum` alone makes no simulated root."""
    simulation, real = AuthorityLog(), AuthorityLog(simulation=False)
    entered = simulation.enact(KIND, SUBJECT, ROOTS)
    forced = real.state.enter(entered)
    assert forced.in_force(KIND, SUBJECT, real.clock()) == entered

    assert anchors_in_force(forced, real.clock()) == (HARDWARE_ANCHORS, entered)
    assert simulated(simulation) == 2


def test_without_a_roster_there_is_no_simulation() -> None:
    log = AuthorityLog()
    entered = log.enact(KIND, SUBJECT, ROOTS)
    bare = AuthorityState(log.fingerprint).enter(entered)

    assert simulated(log, bare) == 0


def test_a_body_of_another_kind_adds_none() -> None:
    log = AuthorityLog()
    entered = log.enact(KIND, SUBJECT, ROOTS)
    roster = log.state.newest[(Kind.ROSTER, "roster")].statement.body
    odd = replace(entered, statement=replace(entered.statement, body=roster))
    state = replace(log.state, newest={**log.state.newest, (KIND, SUBJECT): odd})

    assert isinstance(entered.statement.body, TrustAnchorsBody)
    assert anchors_in_force(state, log.clock()) == (HARDWARE_ANCHORS, None)


def test_a_hardware_root_called_simulated_stays_a_hardware_root() -> None:
    log = AuthorityLog()
    pinned = HARDWARE_ANCHORS.anchors[0].spki
    body = {"hardware": "pinned", "simulated": [
        {"vendor": "amd", "product": "Milan", "spki_sha256": pinned},
        {"vendor": "amd", "product": "Genoa", "spki_sha256": AMD},
    ]}  # fmt: skip
    log.enact(KIND, SUBJECT, body)

    assert simulated(log) == 1
    found = anchors_in_force(log.state, log.clock())[0].find(Vendor.AMD_SEV, pinned)
    assert found is not None
    assert not found.simulated


# Narrowing


AMD_ROOTS = [each for each in HARDWARE_ANCHORS.anchors if each.vendor is Vendor.AMD_SEV]


def narrowed(*keep: str, simulated: bool = False) -> list[tuple[Vendor, str, bool]]:
    log = AuthorityLog(simulation=simulated)
    roots = ROOTS["simulated"] if simulated else []
    log.enact(KIND, SUBJECT, {"hardware": list(keep), "simulated": roots})
    anchors, _ = anchors_in_force(log.state, log.clock())
    return [(each.vendor, each.spki, each.simulated) for each in anchors.anchors]


def test_only_the_roots_named_are_trusted() -> None:
    genoa = AMD_ROOTS[1].spki
    assert narrowed(genoa) == [(Vendor.AMD_SEV, genoa, False)]


def test_a_root_that_is_not_pinned_is_not_added_by_naming_it() -> None:
    """The attack: a list of roots that reads like a narrowing, and holds one's own."""
    assert narrowed("ee" * 32) == []
    genoa = AMD_ROOTS[1].spki
    assert narrowed(genoa, "ee" * 32) == [(Vendor.AMD_SEV, genoa, False)]


def test_narrowing_leaves_simulated_roots_and_calls_no_hardware_root_simulated() -> None:
    genoa = AMD_ROOTS[1].spki
    found = narrowed(genoa, simulated=True)
    assert (Vendor.AMD_SEV, AMD, True) in found
    assert [each for each in found if not each[2]] == [(Vendor.AMD_SEV, genoa, False)]
    log = AuthorityLog()
    dropped = {"vendor": "amd", "product": "Milan", "spki_sha256": AMD_ROOTS[0].spki}
    log.enact(KIND, SUBJECT, {"hardware": [genoa], "simulated": [dropped]})
    anchors, _ = anchors_in_force(log.state, log.clock())
    assert [each.spki for each in anchors.anchors] == [genoa]


def test_a_simulated_root_of_intel_proves_tds() -> None:
    log = AuthorityLog()
    root = {"vendor": "intel", "product": "SGX", "spki_sha256": "1e" * 32}
    log.enact(KIND, SUBJECT, {"hardware": "pinned", "simulated": [root]})
    anchors, _ = anchors_in_force(log.state, log.clock())
    found = anchors.find(Vendor.INTEL_SGX, SpkiDigest("1e" * 32))
    assert found is not None
    assert found.simulated


# What was taken away does not come back by itself.

GENOA = AMD_ROOTS[1].spki


def hardware(log: AuthorityLog) -> list[str]:
    return [each.spki for each in anchors_in_force(log.state, log.clock())[0].anchors]


def test_a_narrowing_that_ended_does_not_bring_the_other_roots_back() -> None:
    """The attack: to wait, or to keep the next statement away, until a vendor counts again."""
    log = AuthorityLog()
    issuer = [{"name": "a maker", "spki_sha256": "ef" * 32}]
    log.enact(KIND, SUBJECT, {**ROOTS, "hardware": [GENOA], "tpm": issuer})
    log.clock.advance(days=90)

    assert hardware(log) == [GENOA]  # nor are what it added, simulated roots and issuers, left
    assert anchors_in_force(log.state, log.clock())[1] is None


def test_only_a_statement_widens_again() -> None:
    log = AuthorityLog()
    log.enact(KIND, SUBJECT, {**NONE, "hardware": [GENOA]})
    log.enact(KIND, SUBJECT, NONE)
    assert len(hardware(log)) == len(HARDWARE_ANCHORS.anchors)
    log.clock.advance(days=90)
    assert len(hardware(log)) == len(HARDWARE_ANCHORS.anchors)


@pytest.mark.parametrize("earlier", [True, False])
def test_a_suspended_statement_neither_widens_nor_narrows(earlier: bool) -> None:
    """What a thief's widening replaced counts on; a thief's narrowing does not."""
    log = AuthorityLog()
    if earlier:
        log.enact(KIND, SUBJECT, {**NONE, "hardware": [GENOA]})
    thief = log.enact(KIND, SUBJECT, NONE if earlier else {**NONE, "hardware": ["ee" * 32]})
    state = replace(log.state, suspended={thief.statement.digest: thief})
    found, by = anchors_in_force(state, log.clock())
    assert by is None
    expected = [GENOA] if earlier else [each.spki for each in HARDWARE_ANCHORS.anchors]
    assert [each.spki for each in found.anchors] == expected


def test_what_is_kept_is_never_of_another_statement_or_time() -> None:
    """In force, replaced, expired: each asked anew, whatever was computed before."""
    log, kept = AuthorityLog(), AnchorsInForce()
    assert kept.at(log.state, log.clock()) == HARDWARE_ANCHORS

    first = log.enact(KIND, SUBJECT, ROOTS)
    known = kept.at(log.state, log.clock())
    assert known == anchors_in_force(log.state, log.clock())[0] != HARDWARE_ANCHORS
    assert kept.at(log.state, log.clock()) is known

    over = first.statement.expires
    assert kept.at(log.state, over) == anchors_in_force(log.state, over)[0] == HARDWARE_ANCHORS
    assert kept.at(log.state, log.clock()) == known

    log.enact(KIND, SUBJECT, NONE)
    assert kept.at(log.state, log.clock()) == HARDWARE_ANCHORS
    other = AuthorityLog(simulation=False)
    other.enact(KIND, SUBJECT, NONE)
    assert kept.at(other.state, other.clock()) == HARDWARE_ANCHORS
