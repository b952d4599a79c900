"""What ends or changes when, and whom it stops."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from keyturn.attest.tdx_collateral import TcbInfo, TcbStatus, parse_tcb_info
from keyturn.base.collateral import CollateralKind
from keyturn.base.strictjson import Json, dump
from keyturn.policy.forecast import (
    Ends,
    NodeNeeds,
    Recovery,
    Why,
    forecast,
    status_changes,
)
from keyturn_sim.tdx import level, tcb_info_of

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
DAY = timedelta(days=1)
TCB = (CollateralKind.INTEL_TCB_INFO, "90c06f000000")
LIST = (CollateralKind.AMD_CRL, "vcek/Milan")
NEEDS = (
    NodeNeeds("gpu-2", frozenset({"llama"}), frozenset({TCB})),
    NodeNeeds("gpu-1", frozenset({"llama", "bge"}), frozenset({TCB, LIST})),
)


def info(**changed: Json) -> TcbInfo:
    return parse_tcb_info(dump(tcb_info_of(NOW, **changed)))


def recovery(newer: TcbInfo) -> Recovery:
    return Recovery(TCB, info(), newer, NOW + 5 * DAY)


def test_events_come_in_order_with_whom_they_stop() -> None:
    ends = [
        Ends(LIST, NOW + 3 * DAY, Why.DOCUMENT_ENDS, "nextUpdate"),
        Ends(TCB, NOW + DAY, Why.DOCUMENT_ENDS, "nextUpdate"),
        Ends(LIST, NOW - DAY, Why.TOO_OLD, "7 days"),
    ]
    found = forecast(ends, (), NEEDS, [TCB, LIST], NOW)
    assert [(each.when - NOW, each.why) for each in found] == [
        (-DAY, Why.TOO_OLD),
        (DAY, Why.DOCUMENT_ENDS),
        (3 * DAY, Why.DOCUMENT_ENDS),
    ]
    assert (found[1].kind, found[1].scope) == TCB
    assert (found[1].nodes, found[1].models) == (("gpu-1", "gpu-2"), ("bge", "llama"))
    assert found[2].nodes == ("gpu-1",)


def test_what_nobody_needs_stops_nobody() -> None:
    end = Ends(LIST, NOW, Why.CERTIFICATE_ENDS, "ARK-Milan")
    (event,) = forecast([end], (), (), [LIST], NOW)
    assert (event.nodes, event.models, event.what) == ((), (), "ARK-Milan")


def test_what_is_needed_and_not_there_is_an_event_now() -> None:
    (event,) = forecast((), (), NEEDS, [TCB], NOW)
    assert (event.when, event.why, event.kind) == (NOW, Why.MISSING, LIST[0])
    assert event.nodes == ("gpu-1",)


def test_a_tcb_recovery_says_which_levels_fall_and_when() -> None:
    newer = info(
        tcbEvaluationDataNumber=19,
        tcbLevels=[level(6, 12, 4), level(5, 11, 3, "OutOfDate"), level(2, 5, 0, "Revoked")],
    )
    found = forecast((), [recovery(newer)], NEEDS, [TCB, LIST], NOW)
    assert [(each.why, each.when) for each in found] == [
        (Why.NEWER_EVALUATION, NOW),
        (Why.STATUS_CHANGES, NOW + 5 * DAY),
        (Why.STATUS_CHANGES, NOW + 5 * DAY),
    ]
    assert found[0].what == "18 is used, 19 is known"
    day = info().levels[0].date.date().isoformat()
    texts = {each.what for each in found[1:]}
    assert f"{day}: UpToDate → OutOfDate" in texts
    assert any(text.endswith("OutOfDate → Revoked") for text in texts)
    assert found[0].nodes == ("gpu-1", "gpu-2")


def test_the_same_or_an_older_number_is_no_recovery() -> None:
    for number in (17, 18):
        newer = info(tcbEvaluationDataNumber=number, tcbLevels=[level(9, 99, 9)])
        assert forecast((), [recovery(newer)], NEEDS, [TCB, LIST], NOW) == ()


def test_a_level_that_reaches_none_is_not_supported() -> None:
    assert status_changes(info(), info()) == ()
    found = status_changes(info(), info(tcbLevels=[level(5, 11, 3)]))
    assert [text.partition(": ")[2] for text in found] == ["OutOfDate → not supported"]


def test_each_component_decides() -> None:
    used = info().levels[0]
    for changed in (
        replace(used, sgx=(*used.sgx[:15], used.sgx[15] + 1)),
        replace(used, tdx=(used.tdx[0] + 1, *used.tdx[1:])),
        replace(used, pce_svn=used.pce_svn + 1),
    ):
        newer = replace(info(), levels=(changed, replace(used, status=TcbStatus.OUT_OF_DATE)))
        assert status_changes(replace(info(), levels=(used,)), newer)[0].endswith("→ OutOfDate")
