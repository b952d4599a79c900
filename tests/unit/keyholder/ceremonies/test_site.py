"""Where ceremonies act: its clock, its log, and what only a machine of its own does."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keyturn.base.encoding import Digest
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.records import Event, make_record
from keyturn.ceremony.script import ScriptKind
from keyturn.keyholder.ceremonies.site import (
    EMPTY_ROOT,
    DeskSite,
    LogHead,
    Site,
    _destroyed,
    bundle_of,
    ceremonies_of,
    desk_of,
)
from support.hsmtoken import softhsm_module

MODEL = Digest("sha256:" + "ab" * 32)


class Moving:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Moving:
    return Moving()


@pytest.fixture
def site(tmp_path: Path, clock: Moving) -> DeskSite:
    return DeskSite(tmp_path, clock, softhsm_module())


def test_a_time_never_goes_back(site: DeskSite, clock: Moving) -> None:
    first = site.now()
    clock.now -= timedelta(seconds=1)
    with pytest.raises(CeremonyRefused) as refused:
        site.now()
    assert refused.value.reason is CeremonyReason.WRONG_TIME
    clock.now += timedelta(seconds=2)
    assert site.now() == first + timedelta(seconds=1)
    site.not_before(first + timedelta(minutes=1))
    with pytest.raises(CeremonyRefused):
        site.now()


def test_before_there_is_an_authority_there_is_nothing_of_it(site: DeskSite) -> None:
    assert (site.state, site.fingerprint, bundle_of(site)) == (None, None, None)
    assert site.head() == LogHead(0, EMPTY_ROOT)
    assert not site.is_founded
    for ask in (site.require_hsm, site.require_fresh, lambda: ceremonies_of(site)):
        with pytest.raises(CeremonyRefused) as refused:
            ask()
        assert refused.value.reason is CeremonyReason.LOCKED


def test_a_running_keyholder_makes_and_opens_no_token(tmp_path: Path, clock: Moving) -> None:
    site = Site(tmp_path, clock, softhsm_module())
    for ask in (lambda: desk_of(site), lambda: site.unlock("label", 0)):
        with pytest.raises(CeremonyRefused):
            ask()


def record(facts: dict[str, object], event: Event = Event.DONE):  # type: ignore[no-untyped-def]
    return make_record(
        "one",
        rehearsal=False,
        seq=1,
        previous=MODEL,
        event=event,
        step="destroy-model-key" if event is Event.DONE else None,
        time=datetime(2026, 11, 30, tzinfo=UTC),
        signed=(),
        facts=facts,  # type: ignore[arg-type]
    )


def test_the_record_of_a_destruction_destroys_and_no_other_does() -> None:
    kind = ScriptKind.MODEL_KEY_DESTRUCTION
    facts: dict[str, object] = {"model": MODEL, "wrapped": None}
    assert _destroyed(kind, record(facts)) == MODEL
    assert _destroyed(ScriptKind.BACKUP, record(facts)) is None
    assert _destroyed(kind, record({})) is None
    assert _destroyed(kind, record(facts, Event.NOTE)) is None
