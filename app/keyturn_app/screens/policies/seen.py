"""What the fleet shows now that a policy can ask for: offered beside the fields, set by nobody.

All of it was verified on this machine; what was not, is not offered.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from keyturn.attest.snp import SnpClaims
from keyturn.attest.tdx_claims import TdxClaims
from keyturn.policy.observed import Observed
from keyturn.policy.shown import workload_of
from keyturn.quorum.bodies import Platforms
from keyturn.quorum.kinds import Kind
from keyturn.quorum.state import AuthorityState
from keyturn_app import wording
from keyturn_app.i18n import _, n_
from keyturn_app.screens.policies.bodies import Value


@dataclass(frozen=True, slots=True)
class Offered:
    """A value that can be taken over by one key, and on how many nodes it was seen."""

    value: Value
    text: str


def offers(observed: Sequence[Observed] | None) -> Mapping[str, tuple[Offered, ...]]:
    """By place in the body; empty while nothing is known."""
    seen = [each for each in observed or () if each.measurable and each.shown is not None]
    cpus = [each.shown.cpu for each in seen if each.shown is not None]
    snps = [each for each in cpus if isinstance(each, SnpClaims)]
    tdxs = [each for each in cpus if isinstance(each, TdxClaims)]
    gpus = [gpu for each in seen if each.shown is not None for gpu in each.shown.gpus]
    found = {
        "snp.products": _named(each.product.value for each in snps),
        "gpu.architectures": _named(each.arch for each in gpus),
        "gpu.drivers": _named(each.driver for each in gpus),
        "gpu.vbioses": _named(each.vbios for each in gpus),
        "gpu.count": _counts(each.shown.gpu_count for each in seen if each.shown is not None),
        "gpu.switches": _counts(each.shown.switch_count for each in seen if each.shown is not None),
        "workloads": _named(workload_of(each)[:32].hex() for each in cpus),
        "tdx.min_evaluation_number": _counts(each.evaluation_number for each in tdxs),
    }
    for product in {each.product.value for each in snps}:
        found[f"snp.min_tcb.{product}"] = _floors(
            each.committed_tcb.parts for each in snps if each.product.value == product
        )
    return {place: each for place, each in found.items() if each}


def sites(state: AuthorityState) -> tuple[str, ...]:
    """Of every platform list."""
    bodies = (each.statement.body for each in state.newest.values())
    lists = (each for each in bodies if isinstance(each, Platforms))
    return tuple(sorted({each.site for body in lists for each in body.platforms.values()}))


def subjects(state: AuthorityState, kind: Kind) -> tuple[str, ...]:
    return tuple(sorted(subject for each, subject in state.newest if each is kind))


def _named(values: Iterable[str]) -> tuple[Offered, ...]:
    """The most frequent first."""
    return tuple(
        Offered((value,), _seen(wording.digest(value), count))
        for value, count in Counter(values).most_common(12)
    )


def _counts(values: Iterable[int]) -> tuple[Offered, ...]:
    found = sorted(Counter(values).items())
    return tuple(Offered(value, _seen(str(value), count)) for value, count in found[:12])


def _floors(values: Iterable[tuple[int, ...]]) -> tuple[Offered, ...]:
    """What every node that was seen reaches, and what the best one has."""
    seen = list(values)
    lowest = tuple(min(parts) for parts in zip(*seen, strict=True))
    highest = tuple(max(parts) for parts in zip(*seen, strict=True))
    reach = sum(all(has >= low for has, low in zip(each, highest, strict=True)) for each in seen)
    offered = [Offered(lowest, _("every node reaches {floor}").format(floor=dotted(lowest)))]
    if highest != lowest:
        text = n_("{count} node reaches", "{count} nodes reach", reach)
        offered.append(Offered(highest, f"{text} {dotted(highest)}"))
    return tuple(offered)


def dotted(parts: Sequence[int]) -> str:
    return ".".join(map(str, parts))


def _seen(text: str, count: int) -> str:
    return f"{text} · " + n_("{count} node", "{count} nodes", count)
