"""From what an officer has at hand to values; each says how it was come by."""

from datetime import UTC, datetime

import pytest

from keyturn.attest.anchors import HARDWARE_ANCHORS
from keyturn.base.encoding import digest_of
from keyturn.base.errors import KeyturnError, MalformedError
from keyturn.client.baselines import Term, observed_file, of_event_log, of_firmware, of_tdvf
from keyturn.client.snplaunch import SnpLaunch
from keyturn.policy.boot_values import TpmChoice
from keyturn.policy.capturing import Choices, NotCapturable, captured
from keyturn.policy.trust import anchors_in_force
from keyturn.quorum.origin import Method
from keyturn.rim.tdvf import PageOrder
from keyturn_sim.bootlog import SimBoot
from unit.client.test_snplaunch import SECTIONS, firmware
from unit.keyrelease.release_desk import Desk
from unit.rim.test_tdvf import GOOD, image

TERM = Term(datetime(2026, 11, 29, tzinfo=UTC))


def test_computed_values_name_the_image_and_every_parameter() -> None:
    raw = firmware(*SECTIONS)
    ((value, origin),) = of_firmware(raw, SnpLaunch(2, "EPYC-v4"), TERM).snp.items()
    assert len(value) == 96
    assert origin.provenance is not None
    assert (origin.provenance.method, origin.provenance.document) == (
        Method.COMPUTED,
        digest_of(raw),
    )
    assert "2 × EPYC-v4, guest features 0x1, VMM QEMU" in origin.source
    (td,) = of_tdvf(image(*GOOD), PageOrder.SECTION, TERM).tdx
    assert "extended by section" in td.origin.source
    raw = SimBoot().log()
    (tpm,) = of_event_log(raw, TpmChoice(pcrs=(7,)), TERM).tpm
    assert tpm.origin.provenance is not None
    assert tpm.origin.provenance.document == digest_of(raw)
    with pytest.raises(KeyturnError):
        of_event_log(raw[:50], TpmChoice(), TERM)


def test_a_request_in_a_file_is_verified_and_gives_no_tpm() -> None:
    desk = Desk()
    request, state = desk.request(), desk.log.state
    anchors, _ = anchors_in_force(state, desk.clock())
    observed = observed_file(request.raw, anchors, state, desk.clock())
    values = captured(observed, obtained=TERM.obtained, until=None, choices=Choices())
    cpu = desk.verified(request).cpu
    assert cpu is not None
    assert values.snp.keys() == {cpu.measurement.hex()}
    with pytest.raises(NotCapturable):
        captured(observed, obtained=TERM.obtained, until=None, choices=Choices(tpm=TpmChoice()))
    strange = observed_file(request.raw, HARDWARE_ANCHORS, state, desk.clock())
    with pytest.raises(NotCapturable):
        captured(strange, obtained=TERM.obtained, until=None, choices=Choices())
    with pytest.raises(MalformedError):
        observed_file(request.raw[:-1], anchors, state, desk.clock())
