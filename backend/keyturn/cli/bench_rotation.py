"""`keyturn bench rotation`: how many DEKs a second go from one KEK under another.

A real SoftHSM token, one worker, an inventory in SQLite. Rounds go through every case in turn, so
that a neighbour's load meets all alike. The yardstick is the cryptography alone, in this process:
AES key unwrap, HMAC-SHA256 and AES key wrap of each DEK.
"""

import asyncio
import hmac
import os
import secrets
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap, aes_key_wrap
from cryptography.hazmat.primitives.serialization import load_der_public_key

from keyturn.base.dsse import Envelope
from keyturn.base.encoding import Digest, digest_bytes
from keyturn.cli.bench_rounds import machine
from keyturn.cli.output import errors_explained, print_json, stderr, stdout
from keyturn.hsm.ceremonytasks import MakeToken, Secret, TokenPlace, run_task
from keyturn.hsm.client import HsmWorker, WorkerConfig
from keyturn.hsm.genesis import write_configuration
from keyturn.hsm.kekwork import MAX_BATCH, CeremonyOrder, KekProfile, RewrapItem, RewrapOutcome
from keyturn.hsm.modules import check_module, find_softhsm
from keyturn.hsm.pins import new_pin, pin_file
from keyturn.hsm.protocol import Admission as HsmAdmission
from keyturn.hsm.protocol import Purpose, model_tag_message
from keyturn.hsm.selftest import oaep_padding
from keyturn.keyholder.rewraps import Rewraps
from keyturn.quorum.bodies import Admission
from keyturn.quorum.kinds import Kind
from keyturn.quorum.roster import OfficerId
from keyturn.quorum.state import AuthorityState, InForce
from keyturn.quorum.statements import Statement

GOAL = 5000
"""DEKs a second, of the whole path."""
LABEL = "bench"
CEREMONY = "kek-rotation-bench"
ALONE, WORKER, WHOLE = "cryptography alone", "HSM worker", "inventory, keyholder and HSM worker"
_STATEMENT = Digest("sha256:" + "00" * 32)


def register_bench(bench: typer.Typer) -> None:
    """Add `rotation` to `keyturn bench`."""
    bench.command("rotation")(rotation)


@dataclass(slots=True)
class Figures:
    """DEKs a second, by case, one for each round; and a second of CPU time of all processes."""

    rates: dict[str, list[float]] = field(default_factory=dict)
    by_cpu: dict[str, list[float]] = field(default_factory=dict)

    def add(
        self, case: str, count: int, run: Callable[[], object], cpu: Callable[[], float]
    ) -> None:
        began, used = time.perf_counter(), cpu()
        run()
        seconds, busy = time.perf_counter() - began, cpu() - used
        self.rates.setdefault(case, []).append(count / seconds)
        self.by_cpu.setdefault(case, []).append(count / max(busy, 1e-3))

    def median(self, case: str) -> float:
        return statistics.median(self.rates[case])

    def cpu_median(self, case: str) -> float:
        return statistics.median(self.by_cpu[case])

    def to_data(self) -> dict[str, object]:
        return {
            name: {
                "median": round(self.median(name)),
                "min": round(min(rates)),
                "max": round(max(rates)),
                "median_by_cpu_time": round(self.cpu_median(name)),
            }
            for name, rates in self.rates.items()
        }


def rotation(
    keys: Annotated[int, typer.Option(min=1, help="DEKs of a round.")] = 2000,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds.")] = 5,
    module: Annotated[
        Path | None, typer.Option(help="SoftHSM 2's PKCS#11 module; default where it is usual.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Measure a KEK rotation: HSM worker alone, and the whole path from inventory to inventory."""
    with (
        errors_explained(as_json=as_json),
        tempfile.TemporaryDirectory(prefix="keyturn-bench-") as scratch,
    ):
        stderr.print("A token, and DEKs under its first KEK …")
        with _Bench(Path(scratch), keys, module) as bench:
            figures = bench.measure(rounds)
    report = {
        "machine": machine(),
        "keys": keys,
        "rounds": rounds,
        "rates": figures.to_data(),
        "goal": GOAL,
        "met": figures.median(WHOLE) >= GOAL,
        "met_by_cpu_time": figures.cpu_median(WHOLE) >= GOAL,
        "worker_to_cryptography": round(figures.median(WORKER) / figures.median(ALONE), 3),
        "whole_to_worker": round(figures.median(WHOLE) / figures.median(WORKER), 3),
    }
    if as_json:
        print_json(report)
        return
    for name, rates in figures.rates.items():
        spread = f"{min(rates):,.0f} to {max(rates):,.0f}"
        cpu = f"{figures.cpu_median(name):,.0f} by CPU time"
        line = f"{name:40} {figures.median(name):>9,.0f} DEKs/s ({spread}), {cpu}"
        stdout.print(line, markup=False)
    verdict = "met" if report["met"] else "not met"
    stdout.print(f"goal {GOAL:,} DEKs/s on the whole path: {verdict}", markup=False)


class _Bench:
    """A token with as many DEKs under its first KEK, each with a model of its own."""

    def __init__(self, directory: Path, keys: int, module: Path | None) -> None:
        found = check_module(module) if module else find_softhsm()
        place = TokenPlace(found, LABEL, write_configuration(directory / "token"))
        pins = [pin_file(new_pin(secrets.token_bytes(16))) for _ in range(2)]
        try:
            both = {Secret.SO_PIN: pins[0], Secret.PIN: pins[1]}
            run_task(MakeToken(KekProfile.NEVER_EXTRACTABLE), place, both)
            config = WorkerConfig(place.module, LABEL, place.softhsm_configuration)
            self._worker = HsmWorker(config, pins[1])
        finally:
            for each in pins:
                os.close(each)
        self._directory = directory
        self._seq = 0
        self._items = [self._admitted() for _ in range(keys)]
        self._state = _state(self._items)

    def __enter__(self) -> "_Bench":
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.close()

    def measure(self, rounds: int) -> Figures:
        figures, count = Figures(), len(self._items)
        for number in range(rounds):
            stderr.print(f"Round {number + 1} …")
            new = self._rotate()
            figures.add(ALONE, count, self._alone, time.process_time)
            figures.add(WORKER, count, self._by_worker, self._cpu)
            self._whole(figures, new)
            self._worker.destroy_kek(self._order(), self._worker.keks()[-2].id)
        return figures

    def _order(self) -> CeremonyOrder:
        self._seq += 1
        return CeremonyOrder(CEREMONY, self._seq, bytes(32))

    def _rotate(self) -> str:
        made = self._worker.make_kek(self._order(), KekProfile.NEVER_EXTRACTABLE)
        return self._worker.activate_kek(self._order(), made.id).id

    def _admitted(self) -> RewrapItem:
        ingest = self._worker.public_keys()[Purpose.INGEST]
        key, hash_ = load_der_public_key(ingest.spki), ingest.oaep_hash
        if not isinstance(key, rsa.RSAPublicKey) or hash_ is None:
            raise TypeError("an ingest key is RSA, and its hash is proved")
        dek, model = secrets.token_bytes(32), secrets.token_bytes(32)
        tag = hmac.digest(dek, model_tag_message(model), "sha256")
        sealed = key.encrypt(dek, oaep_padding(hash_))
        wrapped = self._worker.rewrap_admission(HsmAdmission(sealed, hash_, model, tag))
        return RewrapItem(model, tag, wrapped.value)

    def _alone(self) -> None:
        """The same steps in clear, with keys of this process."""
        old, new, dek = (secrets.token_bytes(32) for _ in range(3))
        wrapped = aes_key_wrap(old, dek)
        for each in self._items:
            opened = aes_key_unwrap(old, wrapped)
            hmac.digest(opened, model_tag_message(each.model_digest), "sha256")
            aes_key_wrap(new, opened)

    def _cpu(self) -> float:
        """CPU seconds of this process and of the worker."""
        words = Path(f"/proc/{self._worker.pid}/stat").read_text().rpartition(")")[2].split()
        ticks = int(words[11]) + int(words[12])  # utime, stime (proc(5))
        return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")

    def _by_worker(self) -> None:
        kek = self._worker.keks()[-1].id
        for start in range(0, len(self._items), MAX_BATCH):
            batch = self._items[start : start + MAX_BATCH]
            done = self._worker.rewrap(self._order(), kek, batch)
            if any(each.outcome is not RewrapOutcome.REWRAPPED for each in done):
                raise ValueError(f"a DEK did not come under {kek}")

    def _whole(self, figures: Figures, new: str) -> None:
        """As a rotation does it: rows out, through keyholder and worker, rows in. The next round
        starts from what this one left."""
        from keyturn.control.rewrapping import Direct, feed  # not installed with every part
        from keyturn.store import migrate, models
        from keyturn.store.database import open_database
        from keyturn.wire.ceremonies import RewrapKeys, Rewrapped

        kek = self._worker.keks()[-1].id
        rewraps = Rewraps(self._worker, kek, self._order(), lambda: self._state)
        database = open_database(f"sqlite:///{self._directory}/{new[:16]}.db")
        try:
            migrate.make_tables(database)
            with database.write() as connection:
                for each in self._items:
                    name = _name(each)
                    models.set_wrapped_key(connection, name, each.kek_wrapped, _STATEMENT, None)

            async def ask(request: RewrapKeys) -> Rewrapped:
                return Rewrapped(rewraps.rewrap(request.items), kek, rewraps.counts().left)

            def run() -> None:
                done = asyncio.run(feed(Direct(database), ask, CEREMONY, lambda _: None))
                if not done.done or done.rewrapped != len(self._items):
                    raise ValueError(f"{done.left} DEKs are left")

            figures.add(WHOLE, len(self._items), run, self._cpu)
            with database.read() as connection:
                rows = models.wrapped_rows(
                    connection, kek, under=True, after="", limit=len(self._items)
                )
        finally:
            database.close()
        found = {row.model: row.wrapped for row in rows}
        self._items = [replace(each, kek_wrapped=found[_name(each)]) for each in self._items]


def _name(item: RewrapItem) -> Digest:
    return Digest("sha256:" + item.model_digest.hex())


def _state(items: list[RewrapItem]) -> AuthorityState:
    """As after a log that admitted these: what stands in a statement's place is unsigned."""
    newest = {}
    now = datetime.now(UTC)
    for each in items:
        model = _name(each)
        body = Admission(model, "bench", "1", each.tag, "bench")
        envelope = Envelope("", digest_bytes(model), ())
        statement = Statement(
            Kind.MODEL,
            _STATEMENT,
            model,
            1,
            None,
            OfficerId("bench"),
            now,
            now,
            None,
            "",
            None,
            body,
            envelope,
            b"",
        )
        newest[(Kind.MODEL, str(model))] = InForce(statement, (), frozenset(), 1, now)
    return AuthorityState(_STATEMENT, newest=newest)
