"""Intel's documents: recorded ones read whole, changed ones refused with a typed error."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from keyturn.attest.chains import Parsed
from keyturn.attest.errors import MalformedEvidence
from keyturn.attest.tdx_collateral import (
    Documents,
    TcbStatus,
    TdxCollateral,
    parse_qe_identity,
    parse_tcb_info,
    read_collateral,
    read_documents,
    remember_documents,
)
from keyturn.base.strictjson import Json, JsonObject, dump
from keyturn_sim.tdx import SimIntel, level, module_of, qe_identity_of, svn_level, tcb_info_of

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


def info(**changed: Json) -> bytes:
    return dump(tcb_info_of(NOW, **changed))


def identity(**changed: Json) -> bytes:
    return dump(qe_identity_of(NOW, **changed))


def test_recorded_sets_read_whole(vectors_dir) -> None:  # type: ignore[no-untyped-def]
    folder = vectors_dir / "tdx" / "collateral"
    for path in sorted(folder.glob("*.json")):
        found = read_collateral(path.read_bytes())
        raw = json.loads(path.read_bytes())
        assert found.tcb_info == raw["tcb_info"].encode()  # exact bytes: they are signed
        assert found.qe_identity == raw["qe_identity"].encode()
        assert len(found.tcb_info_chain) == len(found.pck_crl_chain) == 2
        parse_tcb_info(found.tcb_info)
        parse_qe_identity(found.qe_identity)


def test_a_recorded_tcb_info(vectors_dir) -> None:  # type: ignore[no-untyped-def]
    raw = (vectors_dir / "tdx/collateral/00806f05-2025-06.json").read_bytes()
    found = parse_tcb_info(read_collateral(raw).tcb_info)
    assert (found.tcb_id, found.evaluation_number) == ("TDX", 17)
    assert (found.fmspc.hex(), found.pce_id) == ("00806f050000", bytes(2))
    assert found.issued == datetime(2025, 6, 4, 9, 51, 38, tzinfo=UTC)
    assert [each.module_id for each in found.modules] == ["TDX_03", "TDX_01"]
    assert found.levels[0].status is TcbStatus.UP_TO_DATE
    assert found.levels[0].sgx[:8] == (7, 7, 2, 2, 3, 1, 0, 3)
    assert found.levels[0].tdx[:3] == (5, 0, 7)
    assert found.levels[1].advisories == ("INTEL-SA-00960", "INTEL-SA-00982", "INTEL-SA-00986")


def test_a_recorded_identity(vectors_dir) -> None:  # type: ignore[no-untyped-def]
    raw = (vectors_dir / "tdx/collateral/00806f05-2025-06.json").read_bytes()
    found = parse_qe_identity(read_collateral(raw).qe_identity)
    assert (found.qe_id, found.isv_prod_id, found.evaluation_number) == ("TD_QE", 2, 17)
    assert found.misc_select_mask == 0xFFFFFFFF
    assert found.attributes_mask[0] == 0xFB
    assert [each.isv_svn for each in found.levels] == [4]


def test_tcb_info_of_sgx_has_no_module(vectors_dir) -> None:  # type: ignore[no-untyped-def]
    raw = (vectors_dir / "tdx/sgx-quote/collateral.json").read_bytes()
    found = parse_tcb_info(read_collateral(raw).tcb_info)
    assert (found.tcb_id, found.module, found.modules) == ("SGX", None, ())
    assert found.levels[0].tdx == ()


def test_tcb_info_of_sgx_names_no_tdx_module() -> None:
    found = parse_tcb_info(info(id="SGX"))
    assert (found.module, found.modules, found.levels[0].tdx) == (None, (), ())


def test_a_field_that_intel_adds_is_passed_over() -> None:
    assert parse_tcb_info(info(later="field")) == parse_tcb_info(info())
    assert parse_qe_identity(identity(later={"a": [1]})) == parse_qe_identity(identity())


def test_before_module_identities_there_were_none() -> None:
    document = tcb_info_of(NOW)
    del document["tdxModuleIdentities"]
    assert parse_tcb_info(dump(document)).modules == ()


def test_module_ids_are_compared_in_capitals() -> None:
    listed: Json = [{"id": "tdx_0a", **module_of(), "tcbLevels": [svn_level(1)]}]
    assert parse_tcb_info(info(tdxModuleIdentities=listed)).modules[0].module_id == "TDX_0A"


MODULE = {"id": "TDX_01", **module_of(), "tcbLevels": [svn_level(1)]}


@pytest.mark.parametrize("name", sorted(set(tcb_info_of(NOW)) - {"tdxModuleIdentities"}))
def test_a_missing_field_of_tcb_info_is_refused(name: str) -> None:
    document = tcb_info_of(NOW)
    del document[name]
    with pytest.raises(MalformedEvidence, match=name):
        parse_tcb_info(dump(document))


@pytest.mark.parametrize("name", sorted(qe_identity_of(NOW)))
def test_a_missing_field_of_an_identity_is_refused(name: str) -> None:
    document = qe_identity_of(NOW)
    del document[name]
    with pytest.raises(MalformedEvidence, match=name):
        parse_qe_identity(dump(document))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", 7),
        ("version", 2),
        ("version", "3"),
        ("version", True),
        ("tcbType", 1),
        ("issueDate", "2026-11-22"),
        ("issueDate", "2026-11-22T08:00:00+00:00"),
        ("nextUpdate", None),
        ("fmspc", "51a0"),
        ("fmspc", "51a00000000g"),
        ("pceId", "00000"),
        ("tcbEvaluationDataNumber", -1),
        ("tcbEvaluationDataNumber", "18"),
        ("tcbEvaluationDataNumber", 1 << 32),
        ("tdxModule", []),
        ("tdxModule", {**module_of(), "mrsigner": "00"}),
        ("tdxModule", {**module_of(), "attributesMask": "FF"}),
        ("tdxModuleIdentities", {}),
        ("tdxModuleIdentities", [{**MODULE, "tcbLevels": []}]),
        ("tdxModuleIdentities", [{**MODULE, "tcbLevels": [svn_level(256)]}]),
        ("tdxModuleIdentities", [{**MODULE, "tcbLevels": [svn_level(1, "SWHardeningNeeded")]}]),
        ("tdxModuleIdentities", [MODULE, MODULE]),
        ("tcbLevels", []),
        ("tcbLevels", {}),
        ("tcbLevels", [level(256, 1, 1)]),
        ("tcbLevels", [level(-1, 1, 1)]),
        ("tcbLevels", [level(1, 65536, 1)]),
        ("tcbLevels", [level(1, 1, 256)]),
        ("tcbLevels", [level(1, 1, 1, "Fine")]),
        ("tcbLevels", [level(1, 1, 1, "TDRelaunchAdvised")]),
        ("tcbLevels", [level(1, 1, 1, "UpToDate", "A", "A")]),
        ("tcbLevels", [{**level(1, 1, 1), "tcbDate": "today"}]),
    ],
)
def test_a_wrong_field_of_tcb_info_is_refused(name: str, value: Json) -> None:
    with pytest.raises(MalformedEvidence):
        parse_tcb_info(info(**{name: value}))


@pytest.mark.parametrize("name", ["sgxtcbcomponents", "tdxtcbcomponents"])
@pytest.mark.parametrize("count", [0, 15, 17])
def test_there_are_sixteen_components(name: str, count: int) -> None:
    one = level(1, 1, 1)
    tcb = one["tcb"]
    assert isinstance(tcb, dict)
    tcb[name] = [{"svn": 1} for _ in range(count)]
    with pytest.raises(MalformedEvidence):
        parse_tcb_info(info(tcbLevels=[one]))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("version", 1),
        ("version", 3),
        ("miscselect", "0000"),
        ("attributes", "00"),
        ("mrsigner", "00" * 31),
        ("isvprodid", 65536),
        ("tcbLevels", []),
        ("tcbLevels", [svn_level(65536)]),
        ("tcbLevels", [svn_level(1, "ConfigurationNeeded")]),
        ("id", ""),
    ],
)
def test_a_wrong_field_of_an_identity_is_refused(name: str, value: Json) -> None:
    with pytest.raises(MalformedEvidence):
        parse_qe_identity(identity(**{name: value}))


def test_documents_are_json_objects_of_bounded_size() -> None:
    for raw in (b"", b"[]", b"{}", b"null", b"\xff", b"{" * 1000, b" " * (300 << 10)):
        for read in (parse_tcb_info, parse_qe_identity, read_collateral):
            with pytest.raises(MalformedEvidence):
                read(raw)


@pytest.fixture
def whole(intel: SimIntel) -> JsonObject:
    return intel.collateral(NOW)


def test_a_set_is_read_field_by_field(whole: JsonObject) -> None:
    found = read_collateral(dump(whole))
    assert isinstance(found, TdxCollateral)
    for name in whole:
        without = {key: value for key, value in whole.items() if key != name}
        with pytest.raises(MalformedEvidence, match=name):
            read_collateral(dump(without))
    with pytest.raises(MalformedEvidence, match="unknown field"):
        read_collateral(dump({**whole, "more": 1}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tcb_info_signature", "00" * 63),
        ("qe_identity_signature", "00" * 65),
        ("root_ca_crl", "xx"),
        ("pck_crl", 7),
        ("tcb_info", {}),
        ("tcb_info_issuer_chain", "-----BEGIN CERTIFICATE-----"),
        ("pck_crl_issuer_chain", "hello"),
    ],
)
def test_a_wrong_part_of_a_set_is_refused(whole: JsonObject, name: str, value: Json) -> None:
    with pytest.raises(MalformedEvidence):
        read_collateral(dump({**whole, name: value}))


def test_documents_are_read_once(intel_collateral: TdxCollateral) -> None:
    parsed: Parsed[Documents] = Parsed()
    found = read_documents(intel_collateral, parsed)
    assert len(parsed) == 0  # whoever verified them may keep them
    remember_documents(intel_collateral, found, parsed)
    assert read_documents(intel_collateral, parsed) is found
    assert read_documents(intel_collateral, None) == found
    # Every part counts.
    for name in ("tcb_info", "qe_identity", "root_crl", "pck_crl"):
        with pytest.raises(MalformedEvidence):
            read_documents(replace(intel_collateral, **{name: b"{}"}), parsed)
    swapped = replace(
        intel_collateral,
        root_crl=intel_collateral.pck_crl,
        pck_crl=intel_collateral.root_crl,
    )
    assert read_documents(swapped, parsed).root_list == found.pck_list
