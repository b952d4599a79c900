"""A KEK rotation over many models on one machine: token, inventory, and the process that feeds it.

The process (`python -m support.rotating DIRECTORY CEREMONY`) is keyholder, HSM and control plane of
a rotation in one, so that one kill takes all of them. It prints a line for every batch.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from keyturn.base.encoding import Digest
from keyturn.base.signatures import KeyId
from keyturn.control.rewrapping import Direct, Feeding, feed
from keyturn.hsm.ceremonytasks import Secret, TokenPlace
from keyturn.hsm.client import HsmWorker, WorkerConfig
from keyturn.hsm.kekwork import CeremonyOrder, HsmCeremonies, KekProfile, KekState
from keyturn.hsm.pins import pin_file
from keyturn.keyholder.rewraps import Rewraps
from keyturn.quorum.bodies import Admission
from keyturn.quorum.kinds import Kind
from keyturn.quorum.state import AuthorityState, InForce
from keyturn.quorum.statements import Statement, parse_statement
from keyturn.store import migrate, models
from keyturn.store.database import Database, open_database
from keyturn.wire.ceremonies import RewrapKeys, Rewrapped
from support.authority import START, Authority, Clock
from support.hsmceremonies import LABEL, Desk, order
from support.hsmtoken import Model, admit, make_model, softhsm_module

ROOT = Path(__file__).resolve().parents[2]
STATEMENT = "sha256:" + "00" * 32
CEREMONY = "kek-rotation-1"
STEP = CeremonyOrder(CEREMONY, 4, bytes(32))


def digest_text(model: Model) -> Digest:
    return Digest("sha256:" + model.digest.hex())


@cache
def _admitted() -> Statement:
    authority = Authority(Clock(START))
    body = {
        "model": STATEMENT,
        "name": "m",
        "version": "1",
        "tag": "00" * 32,
        "policy": "serving",
    }
    return parse_statement(authority.propose(Kind.MODEL, STATEMENT, body).raw)


def state_of(
    found: Sequence[tuple[Digest, bytes]], destroyed: frozenset[Digest] = frozenset()
) -> AuthorityState:
    """As after a log that admitted these (model, tag); without the signatures of ten thousand."""
    statement = _admitted()
    body = statement.body
    assert isinstance(body, Admission)
    newest = {}
    for model, tag in found:
        own = replace(statement, subject=model, body=replace(body, model=model, tag=tag))
        newest[(Kind.MODEL, str(model))] = InForce(own, (), frozenset(), 1, START)
    return AuthorityState(Digest(STATEMENT), newest=newest, destroyed=destroyed)


@dataclass
class Rotation:
    """A token with a new active KEK, and an inventory whose DEKs lie under the one before."""

    desk: Desk
    database: Database
    models: list[Model]
    old: KeyId
    new: KeyId
    wrapped: list[bytes]
    """As they were under the old KEK."""

    @property
    def state(self) -> AuthorityState:
        return state_of([(digest_text(each), each.tag) for each in self.models])

    def close(self) -> None:
        self.database.close()


def make_rotation(directory: Path, count: int) -> Rotation:
    desk = Desk.at(directory / "token")
    desk.make(KekProfile.NEVER_EXTRACTABLE, backed_up=False)
    database = open_database(f"sqlite:///{directory}/keyturn.db")
    migrate.make_tables(database)
    with desk.worker() as worker:
        made = [make_model() for _ in range(count)]
        wrapped = [admit(worker, each) for each in made]
        (old,) = worker.keks()
        new = worker.make_kek(order(), KekProfile.NEVER_EXTRACTABLE)
        worker.activate_kek(order(), new.id)
    with database.write() as connection:
        for place, (model, each) in enumerate(zip(made, wrapped, strict=True)):
            kek = old.id if place % 3 else None  # some rows are from before that was noted
            models.set_wrapped_key(connection, digest_text(model), each, STATEMENT, kek)
    rotation = Rotation(desk, database, made, old.id, new.id, wrapped)
    admitted = [[digest_text(each), each.tag.hex()] for each in made]
    (directory / "admitted.json").write_text(json.dumps(admitted))
    pin = directory / "pin"
    pin.write_bytes(desk.held[Secret.PIN])
    return rotation


def asking(rewraps: Rewraps, kek: str) -> Callable[[RewrapKeys], Rewrapped]:
    """What a keyholder answers at the step."""

    def answer(request: RewrapKeys) -> Rewrapped:
        done = rewraps.rewrap(request.items)
        return Rewrapped(done, kek, rewraps.counts().left)

    return answer


def rewraps_of(keks: HsmCeremonies, new: KeyId, state: AuthorityState) -> Rewraps:
    return Rewraps(keks, new, STEP, lambda: state)


def run(directory: Path, batch: int) -> Feeding:
    """Take the rotation as far as it goes."""
    found = json.loads((directory / "admitted.json").read_text())
    state = state_of([(Digest(model), bytes.fromhex(tag)) for model, tag in found])
    place = TokenPlace(softhsm_module(), LABEL, directory / "token" / "softhsm2.conf")
    database = open_database(f"sqlite:///{directory}/keyturn.db")
    descriptor = pin_file(bytearray((directory / "pin").read_bytes()))
    config = WorkerConfig(place.module, LABEL, place.softhsm_configuration)
    with HsmWorker(config, descriptor) as worker:
        os.close(descriptor)
        active = next(each for each in worker.keks() if each.state is KekState.ACTIVE)
        answer = asking(rewraps_of(worker, active.id, state), active.id)

        async def ask(request: RewrapKeys) -> Rewrapped:
            return answer(request)

        def report(feeding: Feeding) -> None:
            print(feeding.under, feeding.left, flush=True)

        return asyncio.run(feed(Direct(database), ask, CEREMONY, report, batch=batch))


if __name__ == "__main__":
    done = run(Path(sys.argv[1]), int(sys.argv[2]))
    print(json.dumps(done.to_data()), flush=True)
