"""A keyholder process starts sealed; custodians open it from their own desks, through a control
plane that only forwards, and that is played by an attacker too. Nothing of a share stays behind.
"""

import contextlib
import hashlib
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from keyturn.base.encoding import digest_of
from keyturn.base.errors import UntrustedError
from keyturn.base.strictjson import parse_object
from keyturn.ceremony.errors import CeremonyRefused
from keyturn.ceremony.hostdocument import HOST_TYPE, parse_host
from keyturn.ceremony.script import Part
from keyturn.ceremony.shareboxes import make_host_key
from keyturn.ceremony.shareerrors import ShareFault, ShareRefused
from keyturn.client.client import KeyturnClient
from keyturn.client.errors import ServerRefused
from keyturn.client.profile import Places, Profile
from keyturn.client.unsealdoor import Known, LocalUnsealDoor, ServerUnsealDoor
from keyturn.client.unsealing import (
    KeyholderUnproved,
    SealedKeyholder,
    check_keyholder,
    look_at,
    seal_order,
    share_for,
)
from keyturn.exposure.memscan import find_in_process, find_in_tree
from keyturn.keyholder.identity import FILE as IDENTITY
from keyturn.keyholder.identity import load_identity
from keyturn.officerkeys.location import InKeyring
from keyturn.officerkeys.signer import OfficerSigner
from keyturn.tlog.checkpoints import Checkpoint
from keyturn.tlog.merkle import Hash
from keyturn.wire.errors import PeerRefused
from keyturn.wire.keyholder import AskChallenge, AskHello
from keyturn.wire.tls import Pin, pinned_client
from keyturn.wire.unsealing import AskSeal, HandShare, ShareTaken, UnsealNews
from support.custodians import Custodians, share_out
from support.founded import (
    KeyholderProcess,
    RealClock,
    command,
    environment,
    keyholder,
    make_founded,
    wait_for,
)

pytestmark = pytest.mark.timeout(300)
now = RealClock()


@dataclass
class World:
    """A sealed keyholder, a control plane before it, and a desk for each officer."""

    directory: Path
    custodians: Custodians
    keyholder: KeyholderProcess
    control: "subprocess.Popen[bytes]"
    url: str
    pin: Pin
    desks: dict[str, KeyturnClient]

    def door(self, name: str) -> ServerUnsealDoor:
        return ServerUnsealDoor(self.desks[name])

    def signer(self, name: str) -> OfficerSigner:
        return OfficerSigner(self.custodians.secret(name))

    def look(self, name: str) -> SealedKeyholder:
        return look_at(self.door(name), name, now())

    def hand(self, name: str) -> ShareTaken:
        words = bytearray(self.custodians.words[name])
        share = share_for(self.look(name), self.signer(name), words, now())
        return self.door(name).hand(share)

    def sealed(self) -> bool | None:
        return self.desks["ada"].hello().sealed

    def caught_up(self) -> bool:
        """Whether the server has read the log."""
        with pinned_client(self.url, self.pin) as anybody:
            return anybody.get("/healthz").status_code == 200

    def unseal(self, *names: str) -> None:
        for name in names or ("ada", "bela", "chen"):
            self.hand(name)
        wait_for(lambda: self.sealed() is False)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with contextlib.ExitStack() as stack:
        custodians = share_out(make_founded(tmp_path / "kh"))
        running = stack.enter_context(keyholder(custodians.founded, sealed=True))
        yield stack.enter_context(_before(custodians, running, tmp_path))


@contextlib.contextmanager
def _before(custodians: Custodians, running: KeyholderProcess, directory: Path) -> Iterator[World]:
    founded, config = custodians.founded, directory / "control.toml"
    config.write_text(
        f'data = "{directory / "control"}"\nkeyholder = "{founded.socket}"\n'
        f'fingerprint = "{founded.fingerprint}"\nport = 0\npoll_seconds = 0.05\n',
        encoding="utf-8",
    )
    ready = directory / "control" / "ready.json"
    with contextlib.ExitStack() as stack:
        log = stack.enter_context((directory / "control.log").open("ab"))
        process = subprocess.Popen(
            command("control", "--config", str(config)),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment(),
        )
        stack.callback(process.wait, 20)
        stack.callback(process.terminate)
        wait_for(lambda: ready.exists() or process.poll() is not None)
        said = parse_object(ready.read_bytes().strip(), limit=4096, what="ready")
        url, pin = said.text("url"), Pin(said.text("pin"))
        desks = {
            name: stack.enter_context(_desk(custodians, url, pin, directory, name))
            for name in founded.secrets
        }
        world = World(directory, custodians, running, process, url, pin, desks)
        wait_for(world.caught_up)
        yield world


def _desk(custodians: Custodians, url: str, pin: Pin, directory: Path, name: str) -> KeyturnClient:
    founded = custodians.founded
    place = directory / "desks" / name
    profile = Profile(url, pin, founded.fingerprint, name, InKeyring(name))
    signer = OfficerSigner(custodians.secret(name))
    return KeyturnClient.open(profile, Places(place, place), now=now, signer=lambda: signer)


def test_custodians_unseal_from_their_own_desks(world: World) -> None:
    """Sign-in, the log and the state in force are there while it is sealed; no key is."""
    assert world.sealed() is True
    assert world.desks["bela"].seen().state.roster is not None
    with pinned_client(world.url, world.pin) as node:
        assert node.post("/v1/challenges", json={}).status_code == 503
    found = world.look("ada")
    assert found.verdict.caveats
    assert [each.value for each in found.caveats] == ["keyholder-host-trusted"]
    assert (found.news.missing, found.member is not None) == (3, True)

    assert world.hand("ada") == ShareTaken(("ada",), 2, sealed=True)
    assert world.hand("emil").missing == 1
    assert world.look("ada").entered
    assert not world.hand("chen").sealed

    assert world.keyholder.ask(AskChallenge()).challenge
    wait_for(lambda: world.sealed() is False)
    with pinned_client(world.url, world.pin) as node:
        assert node.post("/v1/challenges", json={}).status_code == 200


def test_a_custodian_seals_it_and_a_killed_one_is_sealed(world: World) -> None:
    world.unseal()
    door = world.door("dora")
    order = seal_order(door.news(), world.signer("dora"), Part.CUSTODIAN, "a drill", now())
    index = door.seal(order)
    wait_for(lambda: world.sealed() is True)
    assert world.keyholder.ask(AskHello()).size > index  # a sign-in may have come after it
    with pytest.raises(ServerRefused):
        door.seal(order)
    world.unseal("bela", "dora", "emil")

    world.keyholder.kill()
    wait_for(lambda: world.sealed() is None)
    with keyholder(world.custodians.founded, sealed=True) as again:
        wait_for(lambda: world.sealed() is True)
        world.unseal()
        assert not again.ask(AskHello()).sealed


# ---- attackers ----


@dataclass
class Lying:
    """A control plane that shows custodians what it likes."""

    honest: ServerUnsealDoor
    shown: UnsealNews
    local: bool = False

    def news(self) -> UnsealNews:
        return self.shown

    def known(self) -> Known:
        return self.honest.known()

    def hand(self, share: HandShare) -> ShareTaken:
        return self.honest.hand(share)

    def seal(self, order: AskSeal) -> int:
        return self.honest.seal(order)


def refuses(world: World, shown: UnsealNews) -> UntrustedError:
    """The custodian's program seals nothing."""
    with pytest.raises(UntrustedError) as caught:
        look_at(Lying(world.door("ada"), shown), "ada", now())
    return caught.value


def test_a_control_plane_that_swaps_the_unseal_key_gets_no_share(world: World) -> None:
    honest = world.door("ada").news()
    said = parse_host(honest.host)
    swapped = replace(said.document, key=make_host_key(secrets.token_bytes(96))[1]).to_payload()
    assert said.envelope is not None
    unsigned = replace(honest, host=swapped)
    assert "not signed by the keyholder" in refuses(world, unsigned).message
    forged = replace(said.envelope, payload=swapped).to_bytes()
    assert "not signed by the keyholder" in refuses(world, replace(honest, host=forged)).message
    own = world.signer("bela").sign(HOST_TYPE, swapped).to_bytes()
    assert "not signed by the keyholder" in refuses(world, replace(honest, host=own)).message


def test_an_older_boots_key_or_record_is_refused(world: World) -> None:
    """What the keyholder signed for a session that is over is signed well, and too old."""
    before = world.door("ada").news()
    world.keyholder.kill()
    with keyholder(world.custodians.founded, sealed=True):
        wait_for(lambda: world.sealed() is True)
        honest = world.door("ada").news()
        assert honest.session != before.session
        assert "another session" in refuses(world, replace(honest, host=before.host)).message
        mixed = replace(before, record=honest.record)
        assert isinstance(refuses(world, mixed), KeyholderUnproved)
        # All of it: the custodian cannot tell, and the keyholder refuses what was signed for it.
        words = bytearray(world.custodians.words["ada"])
        old = look_at(Lying(world.door("ada"), before), "ada", now())
        share = share_for(old, world.signer("ada"), words, now())
        with pytest.raises(ServerRefused, match="another session"):
            world.door("ada").hand(share)


def test_evidence_that_is_none_is_refused_whatever_policy(world: World) -> None:
    honest = world.door("ada").news()
    assert isinstance(refuses(world, replace(honest, evidence=b"{}")), KeyholderUnproved)


def test_a_rolled_back_log_is_seen_by_the_custodians_program(world: World) -> None:
    honest, known = world.door("ada").news(), world.door("ada").known()
    at = known.checkpoint.checkpoint
    newer = Checkpoint(at.origin, at.size + 1, Hash(hashlib.sha256(b"more").digest()))
    other = Checkpoint(at.origin, at.size, Hash(hashlib.sha256(b"other").digest()))
    for seen in (newer, other):
        signed = replace(known.checkpoint, checkpoint=seen)
        with pytest.raises(CeremonyRefused, match="log"):
            check_keyholder(honest, "ada", Known(known.state, signed), now(), local=False)


def test_a_database_administrator_with_everything_opens_nothing(world: World) -> None:
    """All ciphertexts, all envelopes, the control plane's own key, two custodians' shares."""
    world.hand("ada")
    world.hand("bela")
    with pytest.raises(ServerRefused) as caught:
        world.hand("bela")
    assert caught.value.status in (403, 502)
    news = world.door("chen").news()
    forged = world.custodians.share(news, "chen", signer="bela")
    with pytest.raises(ServerRefused):
        world.door("chen").hand(forged)
    borrowed = world.custodians.share(news, "chen", words=world.custodians.words["ada"])
    with pytest.raises(ServerRefused):
        world.door("chen").hand(borrowed)
    assert world.sealed() is True


def test_a_share_of_another_authority_does_not_leave_the_desk(world: World) -> None:
    other = share_out(world.custodians.founded, write=False)
    words = bytearray(other.words["ada"])
    with pytest.raises(ShareRefused) as caught:
        share_for(world.look("ada"), world.signer("ada"), words, now())
    assert caught.value.fault is ShareFault.OTHER_SET


def test_without_a_keyholder_key_only_the_machine_itself_will_do(world: World) -> None:
    honest, known = world.door("ada").news(), world.door("ada").known()
    unnamed = _without_keyholder_key(known)
    with pytest.raises(KeyholderUnproved, match="no keyholder key"):
        check_keyholder(honest, "ada", unnamed, now(), local=False)
    found = check_keyholder(honest, "ada", unnamed, now(), local=True)
    assert "keyholder-host-trusted" in [each.value for each in found.caveats]


def _without_keyholder_key(known: Known) -> Known:
    (chain, newest) = next(
        (chain, each) for chain, each in known.state.newest.items() if chain[1] == "keys"
    )
    body = newest.statement.body
    keys = {purpose: key for purpose, key in body.keys.items() if purpose.value != "keyholder"}  # type: ignore[union-attr]
    statement = replace(newest.statement, body=replace(body, keys=keys))  # type: ignore[type-var]
    changed = {**known.state.newest, chain: replace(newest, statement=statement)}
    return Known(replace(known.state, newest=changed), known.checkpoint)


def test_at_the_keyholders_own_machine(world: World) -> None:
    founded = world.custodians.founded
    door = LocalUnsealDoor(
        founded.socket.with_name(founded.socket.name + ".local"), founded.fingerprint, None
    )
    for name in ("ada", "bela", "chen"):
        found = look_at(door, name, now())
        words = bytearray(world.custodians.words[name])
        taken = door.hand(share_for(found, world.signer(name), words, now()))
    assert not taken.sealed
    with pytest.raises(PeerRefused):
        door.seal(AskSeal(b"{}"))
    order = seal_order(door.news(), world.signer("ada"), Part.ADMINISTRATOR, "over", now())
    assert door.seal(order)
    seen = Checkpoint("test.example/log", 10_000, Hash(bytes(32)))
    behind = LocalUnsealDoor(door._path, founded.fingerprint, seen)
    with pytest.raises(UntrustedError, match="shorter"):
        behind.known()


def test_no_share_stays_in_the_control_plane_its_files_or_the_logs(world: World) -> None:
    """Searched for by the same call that finds what did pass there."""
    news = world.door("ada").news()
    world.unseal("ada", "bela", "chen")
    secrets = {name: words for name, words in world.custodians.words.items()}
    secrets["pin"] = world.custodians.founded.pin
    secrets["secret"] = bytes.fromhex(world.custodians.founded.pin.decode())
    passed = {"session": news.session.encode(), "control": b'"port"'}

    memory = find_in_process(world.control.pid, {**secrets, "session": passed["session"]})
    assert memory.found == {"session"}
    marker = digest_of(news.record).removeprefix("sha256:").encode()
    places = find_in_tree(world.directory, {**secrets, "record": marker})
    assert places.found == {"record"}


def test_an_identity_key_that_keys_does_not_name_starts_nothing(tmp_path: Path) -> None:
    founded = share_out(make_founded(tmp_path / "kh")).founded
    assert load_identity(founded.directory / IDENTITY) is not None
    (founded.directory / IDENTITY).unlink()
    done = subprocess.run(
        command("keyholder", "--config", str(founded.config)),
        env=environment(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert b"keyholder.key" in done.stderr
    with keyholder(founded) as running:  # with the PIN it starts: somebody must be able to mend it
        assert not running.ask(AskHello()).sealed
