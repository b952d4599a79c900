"""The bodies that the bench's officers sign, read by the parsers that judge them."""

from keyturn.base.strictjson import Fields
from keyturn.cli.bench_release_desk import BASELINE, Firmware, _baseline, _policy
from keyturn.quorum.bodies import parse_body
from keyturn.quorum.kinds import Kind
from keyturn.quorum.policy_body import Caveat, parse_policy


def test_the_policy_asks_for_so_many_gpus_and_names_the_baseline():
    policy = parse_policy(Fields(_policy(1), "policy"))
    assert policy.gpu_count == 1
    assert policy.baselines == (BASELINE,)
    assert policy.accepted_caveats == frozenset(Caveat)


def test_the_baseline_holds_the_firmware_of_the_run():
    firmware = Firmware(bytes(range(48)), {3: b"\x07" * 48})
    body = parse_body(Kind.REFERENCE_VALUES, Fields(_baseline(firmware), "baseline"))
    assert list(body.snp) == [bytes(range(48)).hex()]
    assert body.gpu[0].measurements[3] == {"07" * 48}
