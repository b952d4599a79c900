"""TPM parts of statements: absent means that none is asked for or known, and nothing is guessed."""

import pytest

from keyturn.base.errors import MalformedError
from keyturn.quorum.bodies import TrustAnchorsBody
from keyturn.quorum.kinds import Kind
from keyturn.quorum.policy_body import Policy
from keyturn.quorum.reference_bodies import ReferenceValues
from keyturn.quorum.tpm_bodies import PcrBank
from support.authority import policy_body
from unit.quorum.bodies_reader import Document, changed, read_body

RULE: Document = {
    "bank": "sha256",
    "pcrs": ["7", "0"],
    "secure_boot": True,
    "applications": False,
    "authorities": False,
    "variables": ["db"],
}
VALUES: Document = {
    "pcrs": {"sha256": {"0": ["aa" * 32]}, "sha384": {"7": ["bb" * 48, "cc" * 48]}},
    "applications": ["dd" * 32, "dd" * 48],
    "authorities": [],
    "variables": {"db": ["ee" * 32]},
    "source": "a golden node",
}
BASELINE: Document = {
    "snp": {"measurements": [{"value": "00" * 48, "source": "a test"}]},
    "gpu": [],
    "tpm": [VALUES],
}
ANCHORS: Document = {
    "hardware": "pinned",
    "simulated": [{"vendor": "tpm", "product": "TPM", "spki_sha256": "01" * 32}],
    "tpm": [{"name": "a maker", "spki_sha256": "02" * 32}],
}


def test_a_rule_reads_back() -> None:
    body = read_body(Kind.POLICY, policy_body(tpm=RULE))
    assert isinstance(body, Policy)
    assert body.tpm is not None
    assert (body.tpm.bank, body.tpm.pcrs) == (PcrBank.SHA256, (0, 7))
    assert (body.tpm.secure_boot, body.tpm.variables) == (True, frozenset({"db"}))
    assert body.tpm.asks_events


def test_what_a_rule_asks_is_named() -> None:
    body = read_body(Kind.POLICY, policy_body(tpm=RULE))
    assert isinstance(body, Policy)
    assert body.tpm is not None
    assert body.tpm.demands == {"PCR 0", "PCR 7", "secure_boot", "variable db"}


def test_without_the_field_there_is_no_rule_no_value_and_no_issuer() -> None:
    policy = read_body(Kind.POLICY, policy_body())
    baseline = read_body(Kind.REFERENCE_VALUES, changed(BASELINE, "tpm", ...))
    anchors = read_body(Kind.TRUST_ANCHORS, changed(ANCHORS, "tpm", ...))
    assert isinstance(policy, Policy)
    assert isinstance(baseline, ReferenceValues)
    assert isinstance(anchors, TrustAnchorsBody)
    assert (policy.tpm, baseline.tpm, anchors.tpm) == (None, (), ())


def test_registers_alone_need_no_log() -> None:
    body = read_body(Kind.POLICY, policy_body(tpm={**RULE, "secure_boot": False, "variables": []}))
    assert isinstance(body, Policy)
    assert body.tpm is not None
    assert not body.tpm.asks_events


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("bank", "sha1"),
        ("bank", ...),
        ("pcrs", ["24"]),
        ("pcrs", ["07"]),
        ("pcrs", [0]),
        ("pcrs", ["0", "0"]),
        ("pcrs", "any"),
        ("secure_boot", None),
        ("secure_boot", 1),
        ("applications", ...),
        ("authorities", "yes"),
        ("variables", "db"),
        ("variables", [""]),
        ("more", 1),
    ],
)
def test_a_rule_that_is_none_is_malformed(path: str, value: object) -> None:
    with pytest.raises(MalformedError):
        read_body(Kind.POLICY, policy_body(tpm=changed(RULE, path, value)))


@pytest.mark.parametrize("rule", [None, {}, [], "any"])
def test_a_rule_is_an_object(rule: object) -> None:
    with pytest.raises(MalformedError):
        read_body(Kind.POLICY, policy_body(tpm=rule))


def test_a_rule_that_every_quote_meets_is_malformed() -> None:
    empty = {**RULE, "pcrs": [], "secure_boot": False, "variables": []}
    with pytest.raises(MalformedError, match="asks for nothing"):
        read_body(Kind.POLICY, policy_body(tpm=empty))


def test_values_read_back() -> None:
    body = read_body(Kind.REFERENCE_VALUES, BASELINE)
    assert isinstance(body, ReferenceValues)
    (found,) = body.tpm
    assert found.pcrs[PcrBank.SHA256] == {0: frozenset({"aa" * 32})}
    assert found.pcrs[PcrBank.SHA384] == {7: frozenset({"bb" * 48, "cc" * 48})}
    assert found.applications == {"dd" * 32, "dd" * 48}
    assert found.variables == {"db": frozenset({"ee" * 32})}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("tpm", []),
        ("tpm", None),
        ("tpm", {}),
        ("tpm.0.pcrs", {"sha1": {"0": ["aa" * 20]}}),
        ("tpm.0.pcrs", {"sha256": {}}),
        ("tpm.0.pcrs", {"sha256": {"0": []}}),
        ("tpm.0.pcrs", {"sha256": {"24": ["aa" * 32]}}),
        ("tpm.0.pcrs", {"sha256": {"0": ["aa" * 48]}}),
        ("tpm.0.pcrs", {"sha256": {"0": ["AA" * 32]}}),
        ("tpm.0.applications", ["dd" * 31]),
        ("tpm.0.applications", "any"),
        ("tpm.0.authorities", ...),
        ("tpm.0.variables", {"db": []}),
        ("tpm.0.variables", {"db": ["ee" * 48]}),
        ("tpm.0.variables", {f"v{place}": ["ee" * 32] for place in range(17)}),
        ("tpm.0.source", ""),
        ("tpm.0.more", 1),
    ],
)
def test_values_that_are_none_are_malformed(path: str, value: object) -> None:
    with pytest.raises(MalformedError):
        read_body(Kind.REFERENCE_VALUES, changed(BASELINE, path, value))


def test_a_set_without_any_value_is_malformed() -> None:
    empty = {**VALUES, "pcrs": {}, "applications": [], "variables": {}}
    with pytest.raises(MalformedError, match="without any value"):
        read_body(Kind.REFERENCE_VALUES, {**BASELINE, "tpm": [empty]})


def test_issuers_read_back() -> None:
    body = read_body(Kind.TRUST_ANCHORS, ANCHORS)
    assert isinstance(body, TrustAnchorsBody)
    assert [each.spki_sha256 for each in body.tpm] == ["02" * 32]
    assert [each.vendor for each in body.simulated] == ["tpm"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("tpm", []),
        ("tpm.0.spki_sha256", "02" * 31),
        ("tpm.0.name", ""),
        ("tpm.0.more", 1),
        ("tpm", [{"name": "a", "spki_sha256": "02" * 32}, {"name": "b", "spki_sha256": "02" * 32}]),
        ("tpm.0.spki_sha256", "01" * 32),  # simulated as well
        ("simulated.0.vendor", "intel-tpm"),
    ],
)
def test_issuers_that_are_none_are_malformed(path: str, value: object) -> None:
    with pytest.raises(MalformedError):
        read_body(Kind.TRUST_ANCHORS, changed(ANCHORS, path, value))
