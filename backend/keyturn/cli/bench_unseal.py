"""`keyturn bench unseal`: from the last custodian's share to the first key released (DESIGN §5.10).

A real keyholder on a real token is sealed and unsealed again and again, by custodians' programs in
this process; a simulated node then asks for a key. Everything is counted that a person waits for:
the token's start, what is new of the log, the node's evidence, every check, the opened DEK.
"""

import secrets
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from keyturn.ceremony.plan import ShareGroup, ShareScheme
from keyturn.ceremony.script import Part, ShareUse
from keyturn.ceremony.shares import split
from keyturn.cli.bench_release_desk import Desk
from keyturn.cli.bench_release_place import KINDS, Place, made_place
from keyturn.cli.output import errors_explained, print_json, stderr, stdout
from keyturn.client.unsealdoor import LocalUnsealDoor
from keyturn.client.unsealing import look_at, seal_order, share_for
from keyturn.keyholder.ceremonies.sharing import sets_document
from keyturn.keyholder.config import load_config
from keyturn.keyholder.server import local_socket
from keyturn.keyholder.sharefinding import FILE
from keyturn.officerkeys.signer import OfficerSigner
from keyturn.quorum.roster import OfficerId
from keyturn.seal.keys import wipe

GOAL_MS = 1000.0
NEEDED = 3


def register_bench(bench: typer.Typer) -> None:
    bench.command("unseal")(unseal)


@dataclass
class _Custodians:
    """Officers, their shares, and the way to their keyholder."""

    signers: tuple[OfficerSigner, ...] = ()
    words: dict[str, bytearray] = field(default_factory=dict, repr=False)
    door: LocalUnsealDoor | None = None

    def founded(self, desk: Desk) -> None:
        """Split the new token's PIN, and say so beside the settings."""
        self.signers = desk.signers
        members = tuple(OfficerId(each.officer) for each in desk.signers)
        scheme = ShareScheme(1, (ShareGroup(NEEDED, members),))
        secret = bytearray.fromhex(desk.founded.pin.decode())
        share_set, dealt = split(
            secret, scheme, ShareUse.USER, rehearsal=False, random=secrets.token_bytes
        )
        wipe(secret)
        self.words = {each.member.officer: each.words for each in dealt}
        (desk.founded.config.parent / FILE).write_bytes(sets_document((share_set,)))
        config = load_config(desk.founded.config, {})
        self.door = LocalUnsealDoor(local_socket(config.socket), config.fingerprint, None)

    def wipe(self) -> None:
        for each in self.words.values():
            wipe(each)


@dataclass(frozen=True, slots=True)
class _Round:
    """Milliseconds: the last share's answer, and the release behind it."""

    unseal: float
    release: float


def unseal(
    rounds: Annotated[int, typer.Option(min=1, help="How often it is sealed and unsealed.")] = 7,
    directory: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Where to work.")
    ] = None,
    module: Annotated[Path | None, typer.Option(help="PKCS#11 module; default SoftHSM 2.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Time from the last share to the first release."""
    parent = directory.resolve() if directory else None
    custodians = _Custodians()
    with (
        errors_explained(as_json=as_json),
        tempfile.TemporaryDirectory(prefix="keyturn-bench-", dir=parent) as scratch,
    ):
        stderr.print("Genesis: token, officers, statements …")
        try:
            with made_place(Path(scratch), 1, 1, module, custodians.founded) as place:
                measured = [_round(place, custodians) for _ in range(rounds)]
        finally:
            custodians.wipe()
    report = _report(measured)
    if as_json:
        print_json(report)
        return
    for name in ("unseal_ms", "release_ms", "total_ms"):
        stdout.print(f"{name:<12} median {report[name]}", markup=False)
    verdict = "meets" if report["met"] else "misses"
    stdout.print(f"{verdict} the goal of {GOAL_MS:.0f} ms from last share to first release")


def _round(place: Place, custodians: _Custodians) -> _Round:
    door = custodians.door
    assert door is not None
    first = custodians.signers[0]
    door.seal(seal_order(door.news(), first, Part.ADMINISTRATOR, "bench", _now()))
    *others, last = custodians.signers[:NEEDED]
    for each in others:
        found = look_at(door, each.officer, _now())
        door.hand(share_for(found, each, custodians.words[each.officer], _now()))
    found = look_at(door, last.officer, _now())
    share = share_for(found, last, custodians.words[last.officer], _now())
    began = time.perf_counter()
    door.hand(share)
    unsealed = time.perf_counter()
    job = {"do": "whole", "variant": KINDS[0].name, "count": 1, "connections": 1}
    place.load.ask(dict(job))
    return _Round(1000 * (unsealed - began), 1000 * (time.perf_counter() - unsealed))


def _report(measured: list[_Round]) -> dict[str, object]:
    totals = [each.unseal + each.release for each in measured]
    return {
        "rounds": len(measured),
        "unseal_ms": round(statistics.median(each.unseal for each in measured), 1),
        "release_ms": round(statistics.median(each.release for each in measured), 1),
        "total_ms": round(statistics.median(totals), 1),
        "worst_ms": round(max(totals), 1),
        "goal_ms": GOAL_MS,
        "met": max(totals) <= GOAL_MS,
    }


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
