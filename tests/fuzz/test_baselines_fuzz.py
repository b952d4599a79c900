"""Firmware images, event logs and manifests that become values: typed refusals, bounded cost."""

import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyturn.attest.errors import REFUSALS
from keyturn.attest.eventlog import parse_event_log
from keyturn.attest.tpm_algorithms import HashAlgorithm
from keyturn.base.encoding import digest_of
from keyturn.client.snplaunch import LaunchUnusable, SnpLaunch, launch_digest
from keyturn.policy.boot_values import NotInTheLog, TpmChoice, boot_events, values_of_log
from keyturn.rim.corim_references import corim_references, read_signer
from keyturn.rim.tdvf import mrtd
from keyturn_sim.bootlog import SimBoot
from support.fuzzing import examples
from unit.client.test_snplaunch import SECTIONS, firmware
from unit.rim.test_corim_references import SPKI, jwk, signed, triple
from unit.rim.test_tdvf import GOOD, image

NOW = datetime(2026, 11, 29, tzinfo=UTC)
MEBIBYTE = 1 << 20
SIGNER = read_signer(jwk(), digest_of(SPKI), NOW)
CHOICE = TpmChoice(applications=True, authorities=True, variables=frozenset({"db", "PK"}))


def _mrtd(raw: bytes) -> None:
    with suppress(*REFUSALS):
        assert len(mrtd(raw)) == 48


def _launch(raw: bytes) -> None:
    with suppress(LaunchUnusable):
        assert len(launch_digest(raw, SnpLaunch(1, "EPYC-v4"))) == 48


def _log(raw: bytes) -> None:
    with suppress(*REFUSALS, NotInTheLog):
        log = parse_event_log(raw)
        for each in boot_events(log, HashAlgorithm.SHA256):
            assert each.said.isprintable()
        values_of_log(log, CHOICE, digest_of(raw), NOW, None)


def _corim(raw: bytes) -> None:
    with suppress(*REFUSALS):
        corim_references(raw, SIGNER, obtained=NOW, until=None)


TARGETS: dict[str, tuple[Callable[[bytes], None], bytes]] = {
    "TDVF": (_mrtd, image(*GOOD)),
    "OVMF": (_launch, firmware(*SECTIONS)),
    "event log": (_log, SimBoot().log()),
    "CoRIM": (_corim, signed(triple("AMD", 641, b"\x01\x02" * 24))),
}


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=examples(150), deadline=None)
@given(data=st.data())
def test_whatever_is_changed_is_refused_with_a_typed_error(name: str, data: st.DataObject) -> None:
    target, good = TARGETS[name]
    raw = bytearray(good)
    # Structure stands at the end of an image and everywhere in the others.
    low = max(0, len(raw) - 2100) if name in ("TDVF", "OVMF") else 0
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(low, len(raw) - 1))] = data.draw(st.integers(0, 255))
    target(bytes(raw[: data.draw(st.integers(0, len(raw)))] if data.draw(st.booleans()) else raw))


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=examples(60), deadline=None)
@given(raw=st.binary(max_size=400))
def test_any_bytes(name: str, raw: bytes) -> None:
    TARGETS[name][0](raw)


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("filler", [b"\0", b"\xff", b"TDVF", b"\x04\0\0\0"])
def test_a_mebibyte_costs_little(name: str, filler: bytes) -> None:
    target, good = TARGETS[name]
    size = MEBIBYTE - MEBIBYTE % 4096
    for raw in (filler * (size // len(filler)), (filler * size)[: size - len(good)] + good):
        tracemalloc.start()
        began = time.process_time()
        target(raw)
        spent = time.process_time() - began
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 64 * MEBIBYTE
        assert spent < 5, "1 s is allowed; tracing memory slows this down"
