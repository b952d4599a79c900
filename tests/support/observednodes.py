"""Last evidence of many nodes: one simulated node's proved claims, varied field by field."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from keyturn.attest.nvidia_claims import GpuClaims
from keyturn.attest.snp import SnpClaims
from keyturn.attest.snp_report import GuestPolicy
from keyturn.base.encoding import Digest, digest_of
from keyturn.policy.findings import met
from keyturn.policy.observed import Observed
from keyturn.policy.shown import Shown, platform_of
from keyturn.quorum.policy_body import Caveat


def a_gpu(like: GpuClaims, number: int, **changed: object) -> GpuClaims:
    """Another device of the same firmware."""
    own = number.to_bytes(8, "big")
    report = replace(like.report, nonce=own * 4, signed=own + like.report.signed)
    return replace(
        like,
        report=report,
        device_id=f"nvidia-gh100-{number:064x}",
        leaf_digest=own * 4,
        **changed,  # type: ignore[arg-type]
    )


def a_cpu(like: SnpClaims, number: int, **changed: object) -> SnpClaims:
    """Another chip; `changed` are fields of the report."""
    chip = number.to_bytes(64, "big")
    report = replace(like.report, chip_id=chip, report_data=chip, **changed)  # type: ignore[arg-type]
    return replace(like, report=report, vek=replace(like.vek, hwid=chip))


def observed(
    name: str,
    model: Digest,
    shown: Shown,
    now: datetime,
    caveats: frozenset[Caveat] = frozenset(),
) -> Observed:
    evidence = digest_of(name.encode())
    shown = replace(shown, challenged=now - timedelta(seconds=3))
    named = met("evidence", evidence, "the request that the log names")
    return Observed(name, model, platform_of(shown.cpu), evidence, now, shown, (named,), caveats)


def varied(
    cpu: SnpClaims,
    gpu: GpuClaims,
    models: Sequence[Digest],
    count: int,
    now: datetime,
    gpus: int = 1,
    seed: int = 1,
) -> list[Observed]:
    """Nodes of a few firmwares, guest policies, drivers and numbers of GPUs."""
    pick = random.Random(seed)
    measured = [cpu.measurement, bytes(48), bytes([7]) * 48]
    found = []
    for number in range(count):
        bits = cpu.report.policy | pick.choice([0, 0, 0, GuestPolicy.DEBUG])
        node = a_cpu(cpu, number, measurement=pick.choice(measured), policy=bits)
        driver = pick.choice([gpu.driver, gpu.driver, "999.99"])
        own = pick.choice([gpus, gpus, 0])
        devices = tuple(a_gpu(gpu, number * 16 + place, driver=driver) for place in range(own))
        name, model = f"node-{number:05d}", models[number % len(models)]
        found.append(observed(name, model, Shown(node, devices), now))
    return found
