"""The dated ends of documents, for the forecast."""

from datetime import timedelta

from keyturn.attest.collateral_age import Age
from keyturn.base.collateral import CollateralDocument, CollateralKind
from keyturn.base.strictjson import Json, dump
from keyturn.collateral.cache import Kept
from keyturn.collateral.ends import ends_of, recoveries_of
from keyturn.policy.forecast import Why
from keyturn_sim.tdx import FMSPC, tcb_info_of
from support.vendoranswers import CHAIN, NOW, TCB, Recorded, answer
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


def early(**changed: Json) -> Kept:
    text = dump(tcb_info_of(NOW, **changed)).decode()
    raw = answer("tcbInfo", text, "ab" * 64)
    return kept(CollateralDocument(TCB.kind, FMSPC.hex(), raw))


def test_a_newer_tcb_info_is_a_recovery() -> None:
    used, newer = early(), early(tcbEvaluationDataNumber=19)
    (found,) = recoveries_of([used], [newer])
    assert (found.key, found.when) == ((TCB.kind, FMSPC.hex()), used.age.until)
    assert (found.used.evaluation_number, found.newer.evaluation_number) == (18, 19)
    assert recoveries_of([used], []) == ()


def test_only_tcb_infos_of_one_platform_are_compared(recorded: Recorded) -> None:
    others = [kept(recorded.document(each)) for each in (TCB, CHAIN)]
    assert recoveries_of([early()], others) == ()
    assert recoveries_of(others[1:], others) == ()
