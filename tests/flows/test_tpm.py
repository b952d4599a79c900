"""A node with a real TPM 2.0 gets a key under a policy of Secure Boot and a known boot, and only
then: no other loader, no other request's quote, no other TPM's key (I2, our protocol §4.5)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from keyturn.agent.errors import ControlUnreachable
from keyturn.agent.exchange import only_the_challenge
from keyturn.agent.tpmenrolment import EnrollingTpm
from keyturn.agent.tpmsource import LocalTpm
from keyturn.attest.chains import ChainCache
from keyturn.attest.checks import Outcome as CheckOutcome
from keyturn.attest.eventdata import boot_facts
from keyturn.attest.eventlog import parse_event_log
from keyturn.attest.tpm_algorithms import HashAlgorithm
from keyturn.attest.tpm_credential import Credential, parse_endorsement_key
from keyturn.base.strictjson import dump, parse_object
from keyturn.keyholder.releases import Outcome
from keyturn.keyrelease.evidence import verify_evidence
from keyturn.keyrelease.grant import parse_refusal
from keyturn.keyrelease.observing import verify_again
from keyturn.keyrelease.request import parse_request
from keyturn.keyrelease.showing import sections_of
from keyturn.keyrelease.tpmevidence import ACTIVATED
from keyturn.keyrelease.tpmpart import TpmPart
from keyturn.policy.trust import anchors_in_force
from keyturn.quorum.kinds import Kind
from keyturn.wire.keyholder import AskTpmCredential, read_answer
from keyturn_sim.bootlog import SimBoot
from keyturn_sim.tpm import SimTpm, SimTpmMaker
from support.ready import Ready
from support.system import System, anchors_body, baseline_body, reasons
from support.tpms import as_node, new_tpm, tpm_maker
from support.whole import running_whole

__all__ = ["tpm_maker"]

BANK = HashAlgorithm.SHA256
RULE = {
    "bank": "sha256",
    "pcrs": ["0", "2", "4", "7"],
    "secure_boot": True,
    "applications": True,
    "authorities": True,
    "variables": ["PK", "KEK", "db", "dbx"],
}
OTHER_LOADER = SimBoot(applications=("SIMULATED shim 15.8", "a loader that nobody approved"))


@dataclass
class Lab:
    """A system whose policy asks for a TPM, and the machine that it was written for."""

    ready: Ready
    maker: SimTpmMaker
    tpm: SimTpm

    def reboot(self, boot: SimBoot) -> None:
        self.tpm.stop()
        self.tpm.start(boot)

    def shown(self, outcome: Outcome) -> dict[str, dict[str, object]]:
        return {str(each["check"]): each for each in self.ready.shown(outcome)}


def captured(tpm: SimTpm) -> dict[str, object]:
    """A baseline of the machine as it stands."""
    log = parse_event_log(tpm.log.read_bytes())
    facts, pcrs = boot_facts(log, BANK), LocalTpm(tpm.socket).quote(bytes(32)).pcrs[BANK]
    return {
        "pcrs": {"sha256": {str(number): [value.hex()] for number, value in pcrs.items()}},
        "applications": list(facts.applications),
        "authorities": list(facts.authorities),
        "variables": {name: [value] for name, value in facts.variables if name != "SecureBoot"},
        "source": "captured in a test",
    }


@pytest.fixture
def lab(ready: Ready, tpm_maker: SimTpmMaker, tmp_path: Path) -> Iterator[Lab]:
    with new_tpm(tmp_path / "tpm", tpm_maker) as tpm:
        tpm.start()
        system = ready.system
        anchors = anchors_body(system.vendors)
        root = {"vendor": "tpm", "product": "TPM", "spki_sha256": tpm_maker.root_spki}
        anchors["simulated"] = [*anchors["simulated"], root]  # type: ignore[misc]
        system.enact(Kind.TRUST_ANCHORS, "trust-anchors", anchors)
        baseline = {**baseline_body(ready.node.sim), "tpm": [captured(tpm)]}
        system.enact(Kind.REFERENCE_VALUES, "firmware", baseline)
        system.set_policy(tpm=RULE)
        ready.node = replace(ready.node, tpm=as_node(tpm, tpm_maker))
        yield Lab(ready, tpm_maker, tpm)


def test_a_known_boot_with_secure_boot_gets_the_key(lab: Lab) -> None:
    checked, dek = lab.ready.opened()

    assert bytes(dek) == lab.ready.model.dek
    assert [each.name for each in checked.ear.submodules] == ["cpu0", "gpu0", "tpm0"]
    assert checked.ear.simulated


def test_the_same_boot_again_gets_it_again(lab: Lab) -> None:
    lab.reboot(SimBoot())
    assert lab.ready.ask().granted


def test_another_boot_loader_is_refused_by_name(lab: Lab) -> None:
    known = LocalTpm(lab.tpm.socket).quote(bytes(32)).pcrs[BANK][4].hex()
    lab.reboot(OTHER_LOADER)
    outcome = lab.ready.ask()

    shown = lab.shown(outcome)
    assert set(shown) == {"tpm: PCR 4", "tpm: boot applications"}
    assert shown["tpm: PCR 4"]["expected"] == f"{known} (baseline firmware)"
    log = parse_event_log(lab.tpm.log.read_bytes())
    assert shown["tpm: boot applications"]["found"] == boot_facts(log, BANK).applications[1]
    in_force = lab.ready.in_force(Kind.REFERENCE_VALUES, "firmware")
    assert {each["statement"] for each in shown.values()} == {in_force}

    lab.reboot(SimBoot())
    assert lab.ready.ask().granted


def test_a_log_that_hides_the_loader_does_not_lead_to_the_registers(lab: Lab) -> None:
    lab.reboot(OTHER_LOADER)
    lab.tpm.log.write_bytes(SimBoot().log())
    assert "eventlog-mismatch" in reasons(lab.ready.ask())


def test_without_secure_boot_it_is_refused(lab: Lab) -> None:
    lab.reboot(SimBoot(secure_boot=False))
    shown = lab.shown(lab.ready.ask())
    secure = shown["tpm: Secure Boot"]
    assert (secure["found"], secure["expected"]) == ("off", "on")
    assert "tpm: PCR 7" in shown


def test_a_quote_of_another_request_is_refused(lab: Lab) -> None:
    """The quote is of this machine and this boot, and of the request before."""
    own = lab.ready.node.tpm
    assert own is not None

    class Replaying:
        def ak_name(self) -> bytes:
            return own.ak_name()

        def quote(self, nonce: bytes) -> TpmPart:
            return own.quote(bytes(32))

    lab.ready.node = replace(lab.ready.node, tpm=Replaying())
    assert reasons(lab.ready.ask()) == {"nonce-mismatch"}


@pytest.mark.parametrize("named", ["own", "other"])
def test_the_ak_of_another_tpm_is_refused(lab: Lab, tmp_path: Path, named: str) -> None:
    """A TPM of another maker; with the AK of this machine, or of that one, named in the core."""
    stranger = SimTpmMaker.create()
    with new_tpm(tmp_path / "other", stranger) as other:
        theirs, own = as_node(other.start(), stranger), lab.ready.node.tpm
        assert own is not None
        ours = own if named == "own" else theirs

        class Relaying:
            def ak_name(self) -> bytes:
                return ours.ak_name()

            def quote(self, nonce: bytes) -> TpmPart:
                return theirs.quote(nonce)

        lab.ready.node = replace(lab.ready.node, tpm=Relaying())
        expected = {"ak-chain-invalid"} | ({"ak-mismatch"} if named == "own" else set())
        assert reasons(lab.ready.ask()) == expected


def test_another_tpm_of_the_same_maker_is_not_the_one_in_the_core(lab: Lab, tmp_path: Path) -> None:
    with new_tpm(tmp_path / "other", lab.maker) as other:
        theirs, own = as_node(other.start(), lab.maker), lab.ready.node.tpm
        assert own is not None

        class Relaying:
            def ak_name(self) -> bytes:
                return own.ak_name()

            def quote(self, nonce: bytes) -> TpmPart:
                return theirs.quote(nonce)

        lab.ready.node = replace(lab.ready.node, tpm=Relaying())
        assert reasons(lab.ready.ask()) == {"ak-mismatch"}


def test_an_ak_that_nobody_vouches_for_is_refused(lab: Lab) -> None:
    lab.ready.node = replace(lab.ready.node, tpm=LocalTpm(lab.tpm.socket, lab.tpm.log))
    assert reasons(lab.ready.ask()) == {"ak-chain-invalid"}


def test_a_node_that_shows_no_tpm_is_refused(lab: Lab) -> None:
    lab.ready.node = replace(lab.ready.node, tpm=None)
    assert reasons(lab.ready.ask()) == {"tpm-missing"}


def test_a_tpm_that_was_cut_out_on_the_way_is_refused(lab: Lab) -> None:
    raw = lab.ready.request()
    document = parse_object(raw, limit=1 << 20, what="request")
    cut = {name: document.raw(name) for name in document.names()}
    cut["evidence"] = {k: v for k, v in cut["evidence"].items() if k != "tpm"}  # type: ignore[union-attr]
    assert reasons(lab.ready.release(dump(cut))) == {"tpm-missing"}


def test_registers_without_a_log_prove_no_secure_boot(lab: Lab) -> None:
    own = LocalTpm(lab.tpm.socket, None, (lab.maker.root_der,))
    lab.ready.node = replace(lab.ready.node, tpm=own)
    assert reasons(lab.ready.ask()) == {"event-log-missing"}


def test_a_policy_without_the_rule_takes_no_notice_and_says_so(lab: Lab) -> None:
    lab.ready.system.set_policy()
    raw = lab.ready.request()
    checked = lab.ready.checked(raw, lab.ready.release(raw))
    assert [each.name for each in checked.ear.submodules] == ["cpu0", "gpu0"]


def test_a_forged_quote_is_refused_even_where_none_was_asked_for(lab: Lab) -> None:
    lab.ready.system.set_policy()
    own = lab.ready.node.tpm
    assert own is not None

    class Forging:
        def ak_name(self) -> bytes:
            return own.ak_name()

        def quote(self, nonce: bytes) -> TpmPart:
            part = own.quote(nonce)
            pcrs = {BANK: {**part.pcrs[BANK], 4: bytes(32)}}
            return replace(part, pcrs=pcrs)

    lab.ready.node = replace(lab.ready.node, tpm=Forging())
    assert reasons(lab.ready.ask()) == {"pcr-digest-mismatch"}


def test_a_baseline_without_tpm_values_lets_nobody_in(lab: Lab) -> None:
    lab.ready.system.set_baseline(lab.ready.node.sim)
    assert reasons(lab.ready.ask()) == {"no-reference-values"}


def test_parts_of_two_boots_make_no_known_boot(lab: Lab) -> None:
    """PCR 4 of one baseline and PCR 7 of another: each is known, together nobody approved them."""
    good = captured(lab.tpm)
    lab.reboot(OTHER_LOADER)
    other = captured(lab.tpm)
    other["variables"] = {name: ["00" * 32] for name in ("PK", "KEK", "db", "dbx")}
    baseline = {**baseline_body(lab.ready.node.sim), "tpm": [good, other]}
    lab.ready.system.enact(Kind.REFERENCE_VALUES, "firmware", baseline)
    assert reasons(lab.ready.ask()) == {"tpm-value-mismatch"}


# An AK without a certificate, vouched for by its EK (our protocol §4.6)


@dataclass
class Asking:
    """The keyholder's activations, asked as a control plane asks them."""

    ready: Ready

    def tpm_credential(self, ak: bytes, ek: bytes, chain: Sequence[bytes]) -> Credential:
        question = AskTpmCredential(ak, ek, tuple(chain))
        made = read_answer(question, self.ready.system.keyholder.answer(question))  # type: ignore[arg-type]
        return Credential(made.blob, made.secret)


@pytest.fixture
def bare(lab: Lab, tmp_path: Path) -> Iterator[EnrollingTpm]:
    """The machine with another TPM, whose maker certified its EKs alone."""
    with new_tpm(tmp_path / "bare", lab.maker, ak_certificate=False) as tpm:
        own = EnrollingTpm(as_node(tpm.start(), lab.maker), Asking(lab.ready))
        lab.ready.node = replace(lab.ready.node, tpm=own)
        yield own


def test_an_activated_ak_is_vouched_for(lab: Lab, bare: EnrollingTpm) -> None:
    checked, dek = lab.ready.opened()
    assert bytes(dek) == lab.ready.model.dek
    assert [each.name for each in checked.ear.submodules] == ["cpu0", "gpu0", "tpm0"]


def test_a_restart_of_the_keyholder_voids_it_until_the_node_asks_again(
    lab: Lab, bare: EnrollingTpm
) -> None:
    assert lab.ready.ask().granted
    lab.ready.system.restart()
    outcome = lab.ready.ask()
    assert reasons(outcome) == {"ak-not-activated"}
    assert only_the_challenge(parse_refusal(dump(outcome.answer))), "nothing is said of the node"
    bare.forget()
    assert lab.ready.ask().granted


@pytest.mark.parametrize("spoil", ["proof", "chain", "ek of another"])
def test_an_activation_that_is_none_is_refused(
    lab: Lab, bare: EnrollingTpm, tmp_path: Path, spoil: str
) -> None:
    """No proof, no chain, and a proof that another TPM's keys earned."""
    with new_tpm(tmp_path / "other", lab.maker, ak_certificate=False) as tpm:
        other = EnrollingTpm(as_node(tpm.start(), lab.maker), Asking(lab.ready))
        theirs = other.quote(bytes(32)).ek
    assert theirs is not None

    class Spoiling:
        def ak_name(self) -> bytes:
            return bare.ak_name()

        def quote(self, nonce: bytes) -> TpmPart:
            part = bare.quote(nonce)
            assert part.ek is not None
            wrong = {
                "proof": replace(part.ek, proof=bytes(32)),
                "chain": replace(part.ek, chain=theirs.chain),
                "ek of another": theirs,
            }
            return replace(part, ek=wrong[spoil])

        def forget(self) -> None:
            bare.forget()

    lab.ready.node = replace(lab.ready.node, tpm=Spoiling())
    expected = "ek-mismatch" if spoil == "chain" else "ak-not-activated"
    assert reasons(lab.ready.ask()) == {expected}


def test_an_auditor_cannot_judge_an_activation_and_says_so(lab: Lab, bare: EnrollingTpm) -> None:
    request = parse_request(lab.ready.request())
    clock, state = lab.ready.system.clock, lab.ready.system.keyholder.journal.state
    anchors, _ = anchors_in_force(state, clock())
    found = verify_evidence(request, anchors, clock(), ChainCache())
    failed = [(each.reason, each.found) for each in found.findings if each.failed]
    assert failed == [("ak-not-activated", "not to be judged here")]
    assert found.tpm is None


def test_an_officer_sees_an_activation_as_not_measured_and_the_boot_as_proved(
    lab: Lab, bare: EnrollingTpm
) -> None:
    """The keyholder granted; whoever judges again cannot tell of the secret, and accuses nobody."""
    request = parse_request(lab.ready.request())
    clock, state = lab.ready.system.clock, lab.ready.system.keyholder.journal.state
    anchors, _ = anchors_in_force(state, clock())
    found = verify_again(request, anchors, clock(), ChainCache())
    (activated,) = [each for each in found.findings if each.check == ACTIVATED]
    assert (activated.outcome, activated.failed) == (CheckOutcome.NOT_MEASURED, False)
    assert "only the keyholder can tell" in activated.found
    assert found.genuine
    assert found.tpm is not None
    titles = [each.title for each in sections_of(request)]
    assert {"TPM quote", "TPM registers", "EK: certificate 0", "Event log"} <= set(titles)


def test_it_is_activated_through_the_control_plane(
    system: System, tpm_maker: SimTpmMaker, tmp_path: Path
) -> None:
    """Node, control plane and keyholder, each over its own wire; a strange maker is refused."""
    system.trust_simulated_roots()
    anchors = anchors_body(system.vendors)
    root = {"vendor": "tpm", "product": "TPM", "spki_sha256": tpm_maker.root_spki}
    anchors["simulated"] = [*anchors["simulated"], root]  # type: ignore[misc]
    system.enact(Kind.TRUST_ANCHORS, "trust-anchors", anchors)
    stranger = SimTpmMaker.create()
    with (
        running_whole(system, tmp_path) as whole,
        whole.node_link() as link,
        new_tpm(tmp_path / "tpm", tpm_maker, ak_certificate=False) as tpm,
        new_tpm(tmp_path / "strange", stranger, ak_certificate=False) as strange,
    ):
        own = EnrollingTpm(as_node(tpm.start(), tpm_maker), link)
        ek = own.quote(bytes(32)).ek
        assert ek is not None
        name = parse_endorsement_key(ek.public).key.name
        assert system.keyholder.releases.activations.holds(own.ak_name(), name, ek.proof)
        with pytest.raises(ControlUnreachable, match="no statement names"):
            EnrollingTpm(as_node(strange.start(), stranger), link).quote(bytes(32))
