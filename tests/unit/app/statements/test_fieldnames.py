"""Fields of bodies have names for people."""

from keyturn.quorum.kinds import Kind
from keyturn_app.statements.fieldnames import field_words


def test_fields_have_names_for_people() -> None:
    assert field_words(Kind.POLICY, "snp.min_tcb.Genoa.snp") == "Lowest snp version of Genoa"
    assert field_words(Kind.ROSTER, "thresholds.policy") == "Approvals needed for policy"
    assert field_words(Kind.POLICY, "collateral.amd-crl") == "Oldest amd-crl, seconds"
    assert field_words(Kind.POLICY, "tdx.registers") == "Register that is compared"
    assert field_words(Kind.MODEL, "tag") == "Tag of the key"
    assert field_words(Kind.KEYS, "something_new") == "something new"
