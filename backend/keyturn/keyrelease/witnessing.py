"""Whether enough witnesses saw the log lately (I5, our protocol §5.3).

A witness that cosigned a checkpoint has checked it against all that it cosigned before; so its
cosignature stands for every smaller checkpoint of this log as well, and k witnesses stand for
the k-th largest size among theirs. The entry that a release is about to write cannot be among
what they saw: what is hidden from them stays hidden for T at most.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from keyturn.base.encoding import Digest
from keyturn.base.signatures import KeyId
from keyturn.policy.findings import Finding, judged
from keyturn.quorum.roster import Witnesses


@dataclass(frozen=True, slots=True)
class Cosigned:
    """The newest cosignature of one witness that the keyholder keeps, verified against its log."""

    key: KeyId
    size: int
    time: int  # POSIX seconds, by the witness's clock


@dataclass(frozen=True, slots=True)
class Witnessed:
    """All that are kept, and the size that the last release relied on."""

    cosigned: tuple[Cosigned, ...] = ()
    floor: int = 0


NOTHING_WITNESSED = Witnessed()


def asked_for(witnesses: Witnesses, more: int) -> Witnesses:
    """The roster's, as a policy asks for them that wants `more`; fewer it cannot want.

    More than there are keys for cannot be met.
    """
    return replace(witnesses, k=max(witnesses.k, more))


def fresh(witnesses: Witnesses, witnessed: Witnessed, now: datetime) -> tuple[Cosigned, ...]:
    """Those by keys of the roster in force whose time is within T of now: no older, and not so
    far ahead that one of the two clocks must be wrong."""
    keys = {key.key_id for key in witnesses.keys}
    moment = int(now.timestamp())
    return tuple(
        each
        for each in witnessed.cosigned
        if each.key in keys and abs(moment - each.time) <= witnesses.t_seconds
    )


def covered(witnesses: Witnesses, witnessed: Witnessed, now: datetime) -> int | None:
    """The largest size that k witnesses have seen lately; None when fewer than k have, or k = 0."""
    sizes = sorted((each.size for each in fresh(witnesses, witnessed, now)), reverse=True)
    return sizes[witnesses.k - 1] if 0 < witnesses.k <= len(sizes) else None


def witness_findings(
    witnesses: Witnesses, witnessed: Witnessed, now: datetime, roster: Digest
) -> Iterable[Finding]:
    """None where the roster asks for no witness: that is the caveat no-witness."""
    if witnesses.k == 0:
        return
    lately = fresh(witnesses, witnessed, now)
    size = covered(witnesses, witnessed, now)
    yield judged(
        "witnesses",
        size is not None,
        "witness-cosignatures-missing",
        f"{len(lately)} cosignatures within {witnesses.t_seconds} s",
        f"{witnesses.k}",
        statement=roster,
        hint="look whether the witnesses run, cosign this log, and are reached by the control "
        "plane; `keyturn witness` says why it refuses",
    )
    if size is not None:
        yield judged(
            "witnessed size",
            size >= witnessed.floor,
            "witness-checkpoint-older",
            f"a log of {size} entries",
            f"at least {witnessed.floor}, which a release relied on before",
            statement=roster,
            hint="have the newest checkpoint cosigned",
        )
