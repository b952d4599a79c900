"""The dated ends of documents, for the forecast."""

from datetime import timedelta

from keyturn.attest.collateral_age import Age
from keyturn.base.collateral import CollateralDocument, CollateralKind
from keyturn.collateral.cache import Kept
from keyturn.collateral.ends import ends_of
from keyturn.policy.forecast import Why
from support.vendoranswers import CHAIN, NOW, TCB, Recorded
from unit.collateral.test_cache import kept

DAY = timedelta(days=1)


def test_a_signed_document_has_three_kinds_of_end(recorded: Recorded) -> None:
    entry = kept(recorded.document(TCB))
    found = ends_of([entry])
    assert {each.key for each in found} == {TCB.key}
    certificates = [each.what for each in found if each.why is Why.CERTIFICATE_ENDS]
    assert certificates == ["Intel SGX TCB Signing", "Intel SGX Root CA"]
    by_why = {each.why: each for each in found}
    assert by_why[Why.DOCUMENT_ENDS].when == entry.age.until
    assert by_why[Why.TOO_OLD].when == NOW + 30 * DAY


def test_certificates_end_once(recorded: Recorded) -> None:
    found = ends_of([kept(recorded.document(CHAIN))])
    assert [(each.why, each.what) for each in found] == [
        (Why.CERTIFICATE_ENDS, "SEV-Milan"),
        (Why.CERTIFICATE_ENDS, "ARK-Milan"),
    ]


def test_a_rims_signer_ends(recorded: Recorded) -> None:
    document = CollateralDocument(CollateralKind.NVIDIA_RIM, "NV_GPU_DRIVER", recorded.rim())
    entry = Kept(document, Age(NOW, NOW + 5 * DAY), NOW, "https://vendor/x")
    assert [each.why for each in ends_of([entry])] == [Why.RIM_SIGNER_ENDS, Why.TOO_OLD]
