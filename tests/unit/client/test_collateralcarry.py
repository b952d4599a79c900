"""A carried file: its key is confirmed once, each document proved here, none older taken."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keyturn.attest.errors import MalformedEvidence
from keyturn.base.errors import MalformedError
from keyturn.client.collateralcarry import (
    OpeningAt,
    Verdict,
    answered,
    directory_of,
    keys_to_confirm,
    make_bundle_file,
    open_parcel,
)
from keyturn.client.collateralstock import Stock, foresee, items_of
from keyturn.client.errors import FileUnusable
from keyturn.collateral.bundlekeys import key_digest, new_bundle_key
from keyturn.collateral.errors import (
    BundleMalformed,
    BundleUntrusted,
    IssuerMissing,
    NoSuchCollateral,
    RolledBack,
)
from keyturn.collateral.fetching import Trust
from keyturn.wire.collateral import CollateralAnswer, CollateralRefused
from support.carried import bundle
from support.collateral import IntelDesk

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
INTEL = IntelDesk()
TRUST = Trust(anchors=INTEL.anchors)


def stock(*documents: object, now: datetime = NOW) -> Stock:
    items = items_of(documents, (), None, TRUST, now)  # type: ignore[arg-type]
    return Stock(items, (), {}, foresee(items, (), now), None, now)


def at(folder: Path, *documents: object, now: datetime = NOW) -> OpeningAt:
    return OpeningAt(folder / "here", TRUST, stock(*documents, now=now), now)


def test_a_bundles_key_is_confirmed_once_and_its_documents_are_proved(tmp_path: Path) -> None:
    raw, key = bundle(tmp_path, INTEL.everything(NOW), NOW)
    desk = at(tmp_path)
    assert keys_to_confirm(raw, desk.directory) == {key}
    with pytest.raises(BundleUntrusted):
        open_parcel("b.zip", raw, desk)
    found = open_parcel("b.zip", raw, desk, key)
    assert [each.verdict for each in found.rows] == [Verdict.NEWER] * 4
    assert len(found.documents) == 4
    assert keys_to_confirm(raw, desk.directory) == frozenset(), "it is remembered"
    assert found.expires == NOW + timedelta(days=14)
    assert keys_to_confirm(b"{}", desk.directory) == frozenset(), "no bundle"


def test_another_key_and_an_older_bundle_are_refused(tmp_path: Path) -> None:
    old, key = bundle(tmp_path, INTEL.everything(NOW), NOW)
    desk = at(tmp_path)
    open_parcel("b.zip", old, desk, key)
    foreign, other = bundle(tmp_path, INTEL.everything(NOW), NOW + HOUR, name="other")
    with pytest.raises(BundleUntrusted):
        open_parcel("b.zip", foreign, replace(desk, now=NOW + HOUR), other)
    spoilt = bytearray(old)
    spoilt[len(old) // 2] ^= 1
    with pytest.raises((BundleMalformed, BundleUntrusted)):
        open_parcel("b.zip", bytes(spoilt), desk)


def test_what_the_server_has_already_is_told(tmp_path: Path) -> None:
    same, older = INTEL.qe_identity(NOW), INTEL.root_crl(NOW)
    raw, key = bundle(tmp_path, [same, older], NOW)
    desk = at(tmp_path, same, INTEL.root_crl(NOW + HOUR, 2), now=NOW + HOUR)
    found = open_parcel("b.zip", raw, desk, key)
    assert {each.kind.value: each.verdict for each in found.rows} == {
        "intel-qe-identity": Verdict.SAME,
        "intel-root-crl": Verdict.OLDER,
    }
    assert found.documents == (same,)


def test_a_document_of_another_root_is_refused_and_the_others_stay(tmp_path: Path) -> None:
    raw, key = bundle(tmp_path, [INTEL.qe_identity(NOW), IntelDesk().root_crl(NOW)], NOW)
    found = open_parcel("b.zip", raw, at(tmp_path), key)
    bad = next(each for each in found.rows if each.verdict is Verdict.REFUSED)
    assert (bad.kind.value, bad.error is not None) == ("intel-root-crl", True)
    assert len(found.documents) == 1


def test_a_single_list_and_a_single_json_take_their_issuers_from_what_is_kept(
    tmp_path: Path,
) -> None:
    info, new = INTEL.tcb_info(NOW), INTEL.tcb_info(NOW + HOUR, 19)
    desk = at(tmp_path, info, INTEL.pck_crl(NOW), now=NOW + HOUR)
    (row,) = open_parcel("tcb.json", new.data, desk).rows
    assert (row.verdict, row.document) == (Verdict.NEWER, new)
    crl = INTEL.pck_crl(NOW + HOUR, 2)
    (row,) = open_parcel("pck.crl", crl.data, desk).rows
    assert (row.verdict, row.document) == (Verdict.NEWER, crl)
    (row,) = open_parcel("old.crl", INTEL.pck_crl(NOW, 1).data, desk).rows
    assert (row.verdict, isinstance(row.error, RolledBack)) == (Verdict.OLDER, True)
    (row,) = open_parcel("evil.json", IntelDesk().tcb_info(NOW).data, desk).rows
    assert row.verdict is Verdict.REFUSED


def test_without_issuers_or_of_another_form_nothing_is_taken(tmp_path: Path) -> None:
    for raw in (INTEL.tcb_info(NOW).data, INTEL.pck_crl(NOW).data):
        with pytest.raises(IssuerMissing):
            open_parcel("x", raw, at(tmp_path))
    for raw in (b"", b"{}", b"garbage", b"-----BEGIN X-----"):
        with pytest.raises((MalformedError, MalformedEvidence)):
            open_parcel("x", raw, at(tmp_path))


def test_the_keyholders_word_stands_at_each_document(tmp_path: Path) -> None:
    raw, key = bundle(tmp_path, INTEL.everything(NOW), NOW)
    found = open_parcel("b.zip", raw, at(tmp_path), key)
    one = found.documents[0]
    no = CollateralRefused(one.kind.value, one.scope, "collateral-older", "a", "b")
    kept = tuple(each.digest for each in found.documents[1:])
    told = answered(found, CollateralAnswer(kept, (no,)))
    assert [each.kept for each in told.rows] == [False, True, True, True]
    assert told.rows[0].answer == no


def test_an_exported_bundle_is_read_elsewhere(tmp_path: Path) -> None:
    key = new_bundle_key(tmp_path / "k.pem")
    have = stock(*INTEL.everything(NOW))
    raw = make_bundle_file(have, tmp_path / "there", tmp_path / "k.pem", timedelta(days=7))
    found = open_parcel("b.zip", raw, at(tmp_path), key_digest(key))
    assert len(found.documents) == 4
    with pytest.raises(NoSuchCollateral):
        make_bundle_file(stock(), tmp_path / "there", tmp_path / "k.pem", timedelta(days=7))
    with pytest.raises(FileUnusable):
        directory_of(None)
