"""Values from files and by hand: each read, proved and said; what is wrong is told, not taken."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from keyturn.attest.anchors import HARDWARE_ANCHORS, SpkiDigest, Vendor
from keyturn.base.encoding import digest_of
from keyturn.quorum.origin import Method, Origin
from keyturn_app.screens.baselines import reading
from keyturn_app.screens.baselines.new import NewPresenter
from keyturn_app.screens.baselines.newview import NewView
from keyturn_app.screens.baselines.sources import Form, Source, fields_of
from keyturn_app.tasks import Job
from keyturn_sim.bootlog import SimBoot
from support.rimmaker import RimVendor
from unit.app.screens.baselines.conftest import Here
from unit.client.test_snplaunch import SECTIONS, firmware
from unit.rim.test_corim_references import SPKI, VALUE, jwk, signed, triple
from unit.rim.test_references import DRIVER, VBIOS
from unit.rim.test_tdvf import GOOD, image

HEX = "ab" * 24 + "cd" * 24


@pytest.fixture
def draft(here: Here) -> Iterator[NewPresenter]:
    here.desk.refresh()
    here.presenter.import_values()
    assert isinstance(here.presenter.sheet, NewPresenter)
    return here.presenter.sheet


def put(draft: NewPresenter, source: Source, **filled: str) -> NewView:
    """Fill the fields of a source in and take its values."""
    draft.choose_source(source)
    for name, text in filled.items():
        draft.fill(name, text)
    draft.read()
    return draft.view()


def written(here: Here, name: str, raw: bytes) -> str:
    path = here.tmp / name
    path.write_bytes(raw)
    return str(path)


def origin_of(draft: NewPresenter, view: NewView) -> Origin:
    assert view.error is None, view.error
    assert view.sets
    pool = draft._draft.pool
    assert pool is not None
    values = pool.values
    lists = (values.gpu, values.tdx, values.tpm, values.switches)
    found = [*values.snp.values(), *(each.origin for one in lists for each in one)]
    return found[0]


def test_a_firmware_images_measurement_is_computed(here: Here, draft: NewPresenter) -> None:
    raw = firmware(*SECTIONS)
    view = put(draft, Source.FIRMWARE, image=written(here, "OVMF.fd", raw), cpus="2")
    origin = origin_of(draft, view)
    assert origin.provenance is not None
    assert (origin.provenance.method, origin.provenance.document) == (
        Method.COMPUTED,
        digest_of(raw),
    )
    assert here.door.progressed[-1].text == "Computing the launch measurement"
    told = put(draft, Source.FIRMWARE, cpus="many")
    assert told.error is not None
    assert (told.error.found, told.sets) == ("many", ())
    put(draft, Source.FIRMWARE, cpus="1")
    draft.fill("image", written(here, "nothing", b"x" * 100))
    draft.read()
    told = draft.view()
    assert told.error is not None
    assert told.error.found


def test_a_tdvfs_mrtd_is_computed(here: Here, draft: NewPresenter) -> None:
    view = put(draft, Source.TDVF, image=written(here, "TDVF.fd", image(*GOOD)))
    assert "extended by page" in origin_of(draft, view).source
    path = here.tmp / "TDVF.fd"
    path.write_bytes(b"changed meanwhile")
    draft.read()
    told = draft.view()
    assert (told.error is None, told.sets) == (False, ())
    told = put(draft, Source.TDVF, image=str(here.tmp / "gone"))
    assert told.error is not None
    assert "cannot read" in told.error.text


def test_an_event_log_is_listed_and_chosen_from(here: Here, draft: NewPresenter) -> None:
    view = put(draft, Source.EVENT_LOG, log=written(here, "measurements", SimBoot().log()))
    assert "no quote" in origin_of(draft, view).source
    assert any(each.proved for each in view.events)
    assert any(each.taken for each in view.events)
    (boot,) = view.sets
    ticked = {each.key for each in boot.items if each.ticked}
    assert ticked <= {f"tpm.0.pcr.sha256.{number}" for number in (0, 2, 4, 7)}
    apps = [each for each in boot.items if each.key.startswith("tpm.0.app.")]
    assert apps
    assert any(each.said for each in apps)
    draft.tick(apps[0].key, taken=True)
    body = draft.view().result.body
    assert body is not None
    assert body["tpm"][0]["applications"] == [apps[0].value.replace(" ", "")]  # type: ignore[index]
    told = put(draft, Source.EVENT_LOG, log=written(here, "cut", SimBoot().log()[:50]))
    assert told.error is not None


def test_a_corim_counts_only_by_the_signer_who_was_named(here: Here, draft: NewPresenter) -> None:
    raw = signed(triple("AMD", 0x000, VALUE))
    corim, key = written(here, "corim", raw), written(here, "key", jwk())
    told = put(draft, Source.CORIM, corim=corim, key=key, signer=digest_of(b"another"))
    assert told.error is not None
    assert (told.error.found, told.error.expected) == (digest_of(SPKI), digest_of(b"another"))
    told = put(draft, Source.CORIM, signer="not a digest")
    assert told.error is not None


def test_a_gpus_manifests_need_a_trusted_root(
    here: Here, draft: NewPresenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor = RimVendor.create()
    first = written(here, "driver.xml", vendor.sign(DRIVER))
    second = written(here, "vbios.xml", vendor.sign(VBIOS))
    told = put(draft, Source.RIM, first=first, second=second)
    assert told.error is not None
    roots = {Vendor.NVIDIA_RIM: [SpkiDigest(vendor.spki)]}
    trusted = HARDWARE_ANCHORS.with_simulated(roots, source="test")
    monkeypatch.setattr(reading, "anchors_in_force", lambda _state, _now: (trusted, None))
    draft.read()
    origin = origin_of(draft, draft.view())
    assert origin.source.startswith("SIMULATED: ")
    assert origin.provenance is not None
    assert origin.provenance.signer is not None
    assert "HCC RIM L4 Signer" in origin.provenance.signer
    draft.fill("second", "")
    draft.read()
    told = draft.view()
    assert told.error is not None
    assert "give both files of a GPU" in told.error.hint


def test_a_file_that_is_no_manifest_is_refused(here: Here, draft: NewPresenter) -> None:
    told = put(draft, Source.RIM, first=written(here, "rim", b"<a/>"))
    assert told.error is not None
    assert told.sets == ()


def test_by_hand_needs_a_reason_and_the_form_of_a_value(draft: NewPresenter) -> None:
    told = put(draft, Source.BY_HAND, values=HEX, why="short")
    assert told.error is not None
    assert told.error.found == "5 characters"
    view = put(draft, Source.BY_HAND, why="read aloud by the vendor")
    assert origin_of(draft, view).source == "by hand: read aloud by the vendor"
    draft.set_subject("firmware")
    remarks = [each.text for each in draft.view().result.remarks]
    assert any("by hand" in each for each in remarks)
    assert any("No policy in force names" in each for each in remarks)
    told = put(draft, Source.BY_HAND, values="zz")
    assert told.error is not None


@pytest.mark.parametrize(
    ("what", "values", "fine"),
    [
        ("tdx", f"mrtd={HEX}\nrtmr0={HEX}", True),
        ("tdx", f"rtmr0={HEX}", False),
        ("tdx", f"mrtd={HEX}\nmrtd={HEX}", False),
        ("tdx", f"nothing={HEX}", False),
        ("gpu", f"9={HEX}", True),
        ("gpu", HEX, False),
        ("gpu", f"x={HEX}", False),
        ("gpu", f"999={HEX}", False),
        ("switch", f"0={HEX}", True),
    ],
)
def test_devices_by_hand(draft: NewPresenter, what: str, values: str, *, fine: bool) -> None:
    view = put(
        draft,
        Source.BY_HAND,
        what=what,
        values=values,
        why="read aloud by the vendor",
        architecture="GH100",
        driver="590.12",
        vbios="96.00",
    )
    assert (view.error is None and view.result.body is not None) == fine


def test_what_is_missing_is_named(draft: NewPresenter) -> None:
    for source in Source:
        draft.choose_source(source)
        assert draft.view().read_why_not
        draft.read()
        assert draft.view().sets == ()
    assert {each.form for each in fields_of(Source.BY_HAND, {})} == {Form.CHOICE, Form.LINES}


def test_a_file_is_chosen_without_waiting(here: Here, draft: NewPresenter) -> None:
    draft.choose_source(Source.TDVF)
    here.officer.chosen = Path("/somewhere/TDVF.fd")
    draft.choose_file("image")
    assert draft.view().fields[0].value == "/somewhere/TDVF.fd"
    here.officer.chosen = None
    draft.choose_file("image")
    assert draft.view().fields[0].value == "/somewhere/TDVF.fd"


def test_stopped_work_leaves_nothing(here: Here, draft: NewPresenter) -> None:
    here.door.before = Job.cancel
    view = put(draft, Source.TDVF, image=written(here, "TDVF.fd", image(*GOOD)))
    assert (view.error, view.busy, view.fraction, view.sets) == (None, "", None, ())


def test_another_source_puts_away_what_was_read(here: Here, draft: NewPresenter) -> None:
    assert put(draft, Source.TDVF, image=written(here, "TDVF.fd", image(*GOOD))).sets
    draft.choose_source(Source.RIM)
    assert draft.view().sets == ()
    draft.choose_source(Source.TDVF)
    assert draft.view().fields[0].value
    draft.read()
    assert draft.view().sets
    draft.fill("order", "section")
    assert draft.view().sets == ()
