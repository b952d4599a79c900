"""Ten thousand nodes and an authority for the impact bench: recorded claims, varied.

The claims were proved of recorded evidence, then changed field by field: they are no evidence of
anything, and the authority is made up, unsigned, in memory only.
"""

import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from keyturn.attest.nvidia_claims import GpuClaims
from keyturn.attest.snp import SnpClaims
from keyturn.attest.snp_report import GuestPolicy
from keyturn.base.encoding import Digest, digest_of
from keyturn.policy.drafts import Draft, entered, made_up
from keyturn.policy.findings import met
from keyturn.policy.observed import Observed
from keyturn.policy.shown import Shown, platform_of
from keyturn.quorum.bodies import Admission, Body, Keys, Platform, Platforms
from keyturn.quorum.kinds import DEFAULT_THRESHOLDS, Kind
from keyturn.quorum.origin import Origin
from keyturn.quorum.policy_body import Caveat, Policy
from keyturn.quorum.reference_bodies import GpuReference, ReferenceValues
from keyturn.quorum.roster import Roster, Witnesses
from keyturn.quorum.separation import STRICT
from keyturn.quorum.state import AuthorityState
from keyturn.quorum.tee_rules import GpuRule, MinTcb, SnpRule

MODELS = 20
GPUS = 8
_NOWHERE = Digest("sha256:" + "0" * 64)


@dataclass(frozen=True, slots=True)
class Fleet:
    """`draft` asks for one GPU fewer than the policy in force."""

    state: AuthorityState
    draft: Draft
    observed: tuple[Observed, ...]
    now: datetime


def made_fleet(snp: SnpClaims, gpu: GpuClaims, count: int, now: datetime) -> Fleet:
    """Nodes of three firmwares, some under debug, of two drivers, with all GPUs or one fewer."""
    models = [digest_of(b"model %d" % number) for number in range(MODELS)]
    nodes = tuple(_nodes(snp, gpu, models, count, now))
    state = _authority(snp, gpu, models, nodes, now)
    body = _policy(snp, GPUS - 1)
    statement = made_up(Kind.POLICY, "serving", body, state, now, payload=b"bench")
    return Fleet(state, Draft(statement, None, statement.digest), nodes, now)


def _nodes(
    snp: SnpClaims, gpu: GpuClaims, models: list[Digest], count: int, now: datetime
) -> list[Observed]:
    pick = random.Random(count)  # noqa: S311 (the same nodes in every run)
    found = []
    for number in range(count):
        gpus = GPUS - pick.choice((0, 0, 0, 1))
        driver = pick.choice((gpu.driver, gpu.driver, "0.0"))
        devices = tuple(_gpu(gpu, number * GPUS + each, driver) for each in range(gpus))
        value = pick.choice((snp.measurement, snp.measurement, bytes(48)))
        debug = pick.choice((0, 0, 0, int(GuestPolicy.DEBUG)))
        cpu = _cpu(snp, number, value, debug)
        evidence = digest_of(b"node %d" % number)
        shown = Shown(cpu, devices, challenged=now - timedelta(seconds=pick.randrange(60)))
        named = met("evidence", evidence, "made up")
        found.append(
            Observed(
                f"node-{number:06d}",
                models[number % len(models)],
                platform_of(cpu),
                evidence,
                now,
                shown,
                (named,),
                frozenset({Caveat.BOOT_TIME_ONLY, Caveat.NO_DEVICE_BINDING_HARDWARE}),
            )
        )
    return found


def _cpu(like: SnpClaims, number: int, measurement: bytes, debug: int) -> SnpClaims:
    chip = number.to_bytes(64, "big")
    report = replace(
        like.report,
        chip_id=chip,
        report_data=chip,
        measurement=measurement,
        policy=like.report.policy & ~int(GuestPolicy.DEBUG) | debug,
    )
    return replace(like, report=report, vek=replace(like.vek, hwid=chip))


def _gpu(like: GpuClaims, number: int, driver: str) -> GpuClaims:
    own = number.to_bytes(32, "big")
    report = replace(like.report, nonce=own, signed=own)
    device = f"nvidia-gh100-{own.hex()}"
    return replace(like, report=report, device_id=device, leaf_digest=own, driver=driver)


def _authority(
    snp: SnpClaims, gpu: GpuClaims, models: list[Digest], nodes: tuple[Observed, ...], now: datetime
) -> AuthorityState:
    listed = {
        each.platform: Platform(each.platform, f"site-{place % 5}", "")
        for place, each in enumerate(nodes)
    }
    measured = {index: frozenset({value.hex()}) for index, value in gpu.measurements.items()}
    origin = Origin("recorded")
    reference = GpuReference(gpu.arch, gpu.driver, gpu.vbios, measured, origin)
    values = ReferenceValues({snp.measurement.hex(): origin}, (reference,))
    bodies: list[tuple[Kind, str, Body]] = [
        (Kind.ROSTER, "roster", _roster()),
        (Kind.KEYS, "keys", Keys("bench", "software", {})),
        (Kind.REFERENCE_VALUES, "firmware", values),
        (Kind.PLATFORMS, "all", Platforms(listed)),
        (Kind.POLICY, "serving", _policy(snp, GPUS)),
    ]
    bodies += [
        (Kind.MODEL, each, Admission(each, f"model {place}", "1", bytes(32), "serving"))
        for place, each in enumerate(models)
    ]
    state = AuthorityState(_NOWHERE)
    for place, (kind, subject, body) in enumerate(bodies):
        statement = made_up(kind, subject, body, state, now, payload=b"%d" % place)
        state = entered(state, statement, now)
    return state


def _roster() -> Roster:
    return Roster(
        simulation=True,
        officers={},
        thresholds=dict(DEFAULT_THRESHOLDS),
        proposer_may_approve=frozenset(),
        witnesses=Witnesses((), 0, 300),
        separation=STRICT,
        compromised=frozenset(),
    )


def _policy(snp: SnpClaims, gpus: int) -> Policy:
    product = snp.product.value
    rule = SnpRule(
        frozenset({product}),
        {product: MinTcb(0, 0, 0, 0, 0)},
        debug=False,
        migrate_ma=True,
        smt=True,
        alias_check=False,
        vlek=False,
        max_vmpl=3,
    )
    return Policy(
        rule,
        GpuRule(gpus),
        ("firmware",),
        None,
        ("all",),
        600,
        frozenset(Caveat),
        sites=frozenset(f"site-{number}" for number in range(4)),
    )
