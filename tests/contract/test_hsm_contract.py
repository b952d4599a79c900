"""One contract for every HSM: what Keyturn asks for works, and everything else is refused.

`cryptography` is the oracle on the other side of each wrap and signature. Operations are asked
of every token in `TOKENS`, with what each cannot do said there. Processes, PINs and files are
SoftHSM's: of the others none carries Keyturn (`test_hsm_preflight.py`).
"""

import base64
import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from keyturn.exposure.memscan import NotSearchedError, find_in_process
from keyturn.hsm.client import HsmWorker
from keyturn.hsm.errors import (
    HsmError,
    HsmRequestError,
    HsmUnreachable,
    KeyBindingError,
    PinRefused,
    TokenError,
    WrappedKeyError,
)
from keyturn.hsm.genesis import make_softhsm_token
from keyturn.hsm.pool import HsmPool
from keyturn.hsm.protocol import (
    Admission,
    Assurance,
    KeyAlgorithm,
    OaepHash,
    PublicKey,
    Purpose,
    ReleaseOrder,
    der_signature,
)
from keyturn.hsm.selftest import oaep_padding
from support.hsmtoken import (
    LABEL,
    MakeToken,
    Model,
    Node,
    Orders,
    TestToken,
    admit,
    make_model,
    make_softhsm,
    sealed_to,
    spki,
)
from support.nsstoken import make_nss


@dataclass(frozen=True, slots=True)
class Contract:
    """A token, and what it cannot do."""

    make: Callable[[Path], "WithWorker"]
    signs_log: bool = True
    """False: no Ed25519 in the token."""
    keeps_mark: bool = True
    """False: no private data objects."""
    pads: frozenset[int] = frozenset()
    """Sizes of keys that its AES key wrap takes though RFC 3394 does not."""


class WithWorker(Protocol):
    def worker(self) -> AbstractContextManager[HsmWorker]: ...


TOKENS = {
    "softhsm": Contract(make_softhsm),
    "nss": Contract(make_nss, signs_log=False, keeps_mark=False, pads=frozenset({31})),
}


@pytest.fixture(scope="session", params=sorted(TOKENS))
def contract(request: pytest.FixtureRequest) -> Contract:
    return TOKENS[request.param]


@pytest.fixture(scope="session")
def make_token() -> MakeToken:
    return make_softhsm


@pytest.fixture(scope="session")
def pristine(make_token: MakeToken, tmp_path_factory: pytest.TempPathFactory) -> TestToken:
    """A new token that nobody logs in to: to be copied."""
    return make_token(tmp_path_factory.mktemp("hsm") / "pristine")


@pytest.fixture(scope="session")
def token(pristine: TestToken) -> TestToken:
    """One token for all tests that leave it as it was."""
    return pristine.copied_to(pristine.directory.with_name("token"))


@pytest.fixture(scope="session")
def worker(contract: Contract, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HsmWorker]:
    with contract.make(tmp_path_factory.mktemp("contract") / "token").worker() as worker:
        yield worker


@pytest.fixture
def fresh(pristine: TestToken, tmp_path: Path) -> TestToken:
    """A token that the test may destroy. It has the keys of `token`."""
    return pristine.copied_to(tmp_path / "token")


@pytest.fixture(scope="session")
def node() -> Node:
    return Node()


@pytest.fixture(scope="session")
def model() -> Model:
    return make_model()


@pytest.fixture(scope="session")
def admitted(worker: HsmWorker, model: Model) -> bytes:
    return admit(worker, model)


@pytest.fixture(scope="session")
def kept(token: TestToken, model: Model) -> bytes:
    """As `admitted`, by `token`."""
    with token.worker() as worker:
        return admit(worker, model)


@pytest.fixture(scope="session")
def orders() -> Orders:
    return Orders()


# What works, against another implementation


def test_public_keys_are_what_their_algorithms_say(worker: HsmWorker) -> None:
    keys = worker.public_keys()
    ingest, log, result = (
        serialization.load_der_public_key(keys[purpose].spki) for purpose in Purpose
    )
    assert isinstance(ingest, rsa.RSAPublicKey)
    assert (ingest.key_size, ingest.public_numbers().e) == (3072, 65537)
    assert isinstance(log, ed25519.Ed25519PublicKey)
    assert isinstance(result, ec.EllipticCurvePublicKey)
    assert isinstance(result.curve, ec.SECP256R1)
    assert [keys[p].algorithm for p in Purpose] == list(KeyAlgorithm)
    assert keys[Purpose.LOG].oaep_hash is keys[Purpose.RESULT].oaep_hash is None


def test_a_sealed_key_reaches_the_node_unchanged(
    worker: HsmWorker, model: Model, admitted: bytes, node: Node, orders: Orders
) -> None:
    wrapped = worker.release(admitted, orders(model, node.spki))
    assert node.open(wrapped) == model.dek
    assert wrapped.oaep_hash is worker.hello.release_hash


def test_admission_gives_forty_bytes_that_are_not_the_key(admitted: bytes, model: Model) -> None:
    assert len(admitted) == 40
    assert model.dek[:8] not in admitted


def test_an_rsa_4096_node_is_served(
    worker: HsmWorker, model: Model, admitted: bytes, orders: Orders
) -> None:
    large = Node(4096)
    assert large.open(worker.release(admitted, orders(model, large.spki))) == model.dek


def test_log_signature_verifies_or_the_token_has_none(
    worker: HsmWorker, contract: Contract
) -> None:
    if not contract.signs_log:
        with pytest.raises(HsmError, match="C_SignInit"):
            worker.sign_log(b"keyturn.example/log")
        return
    key = serialization.load_der_public_key(worker.public_keys()[Purpose.LOG].spki)
    assert isinstance(key, ed25519.Ed25519PublicKey)
    key.verify(
        worker.sign_log(b"keyturn.example/log\n7\nroot\n"), b"keyturn.example/log\n7\nroot\n"
    )


def test_result_signature_verifies(worker: HsmWorker) -> None:
    key = serialization.load_der_public_key(worker.public_keys()[Purpose.RESULT].spki)
    assert isinstance(key, ec.EllipticCurvePublicKey)
    raw = worker.sign_result(b"an attestation result")
    key.verify(der_signature(raw), b"an attestation result", ec.ECDSA(hashes.SHA256()))


def test_a_software_token_is_called_software(worker: HsmWorker) -> None:
    assert worker.assurance is Assurance.SOFTWARE


# What is refused: the wrong key for a model


def test_release_with_another_tag_is_refused(
    worker: HsmWorker, model: Model, admitted: bytes, node: Node, orders: Orders
) -> None:
    order = orders(model, node.spki)
    with pytest.raises(KeyBindingError, match="tag does not verify"):
        worker.release(admitted, replace(order, tag=bytes(32)))
    again = worker.release(admitted, orders(model, node.spki))
    assert node.open(again) == model.dek


def test_release_for_another_model_is_refused(
    worker: HsmWorker, model: Model, admitted: bytes, node: Node, orders: Orders
) -> None:
    other = replace(model, digest=secrets.token_bytes(32))
    with pytest.raises(KeyBindingError):
        worker.release(admitted, orders(other, node.spki))


def test_another_models_key_in_this_models_row_is_refused(
    worker: HsmWorker, model: Model, node: Node, orders: Orders
) -> None:
    exchanged = admit(worker, make_model())
    with pytest.raises(KeyBindingError):
        worker.release(exchanged, orders(model, node.spki))


def test_admission_with_another_tag_is_refused(worker: HsmWorker, model: Model) -> None:
    wrapped, hash_ = sealed_to(worker, model.dek)
    with pytest.raises(KeyBindingError):
        worker.rewrap_admission(Admission(wrapped, hash_, model.digest, bytes(32)))
    assert worker.rewrap_admission(Admission(wrapped, hash_, model.digest, model.tag))


# What is refused: blobs that this HSM did not make


@pytest.mark.parametrize("place", [0, 7, 8, 20, 39])
def test_one_changed_byte_under_the_kek_is_refused(
    worker: HsmWorker, model: Model, admitted: bytes, node: Node, orders: Orders, place: int
) -> None:
    changed = bytearray(admitted)
    changed[place] ^= 1
    with pytest.raises(WrappedKeyError, match="does not open"):
        worker.release(bytes(changed), orders(model, node.spki))


@pytest.mark.parametrize("size", [0, 8, 24, 32, 39, 41, 48])
def test_another_length_under_the_kek_is_refused(
    worker: HsmWorker, model: Model, admitted: bytes, node: Node, orders: Orders, size: int
) -> None:
    with pytest.raises(WrappedKeyError, match="wrong size"):
        worker.release((admitted + bytes(8))[:size], orders(model, node.spki))


def test_another_tokens_wrapped_key_is_refused(
    worker: HsmWorker,
    contract: Contract,
    tmp_path: Path,
    model: Model,
    node: Node,
    orders: Orders,
) -> None:
    with contract.make(tmp_path / "other").worker() as other:
        foreign = admit(other, model)
    with pytest.raises(WrappedKeyError):
        worker.release(foreign, orders(model, node.spki))


def test_one_changed_byte_to_the_ingest_key_is_refused(worker: HsmWorker, model: Model) -> None:
    wrapped, hash_ = sealed_to(worker, model.dek)
    changed = wrapped[:-1] + bytes([wrapped[-1] ^ 1])
    with pytest.raises(WrappedKeyError):
        worker.rewrap_admission(Admission(changed, hash_, model.digest, model.tag))


def test_a_key_sealed_to_another_ingest_key_is_refused(worker: HsmWorker, model: Model) -> None:
    hash_ = worker.hello.keys[Purpose.INGEST].oaep_hash
    assert hash_ is not None
    foreign = rsa.generate_private_key(65537, 3072).public_key()
    wrapped = foreign.encrypt(model.dek, oaep_padding(hash_))
    with pytest.raises(WrappedKeyError):
        worker.rewrap_admission(Admission(wrapped, hash_, model.digest, model.tag))


@pytest.mark.parametrize("size", [0, 383, 385, 512])
def test_another_length_to_the_ingest_key_is_refused(
    worker: HsmWorker, model: Model, size: int
) -> None:
    wrapped, hash_ = sealed_to(worker, model.dek)
    with pytest.raises(WrappedKeyError, match="wrong size"):
        worker.rewrap_admission(
            Admission((wrapped + bytes(200))[:size], hash_, model.digest, model.tag)
        )


@pytest.mark.parametrize("size", [1, 16, 31, 33, 64])
def test_a_sealed_key_that_is_no_dek_is_refused(
    worker: HsmWorker, contract: Contract, size: int
) -> None:
    short = make_model(secrets.token_bytes(size))
    if size in contract.pads:  # with zeros, as HMAC does: it stays the key of its tag
        assert len(admit(worker, short)) == 40
        return
    with pytest.raises((WrappedKeyError, HsmError)):
        admit(worker, short)


def test_another_oaep_hash_than_the_proved_one_is_refused(worker: HsmWorker, model: Model) -> None:
    wrapped, hash_ = sealed_to(worker, model.dek)
    (other,) = set(OaepHash) - {hash_}
    with pytest.raises(HsmRequestError) as refused:
        worker.rewrap_admission(Admission(wrapped, other, model.digest, model.tag))
    assert (refused.value.found, refused.value.expected) == (other.value, hash_.value)


# What is refused: node keys


def _rsa_spki(bits: int, exponent: int = 65537) -> bytes:
    """An SPKI of that shape; nobody has its private key."""
    modulus = (1 << (bits - 1)) | (secrets.randbits(bits - 2) << 1) | 1
    return spki(rsa.RSAPublicNumbers(exponent, modulus).public_key())


@pytest.mark.parametrize(
    ("name", "node_spki"),
    [
        ("2048 bits", _rsa_spki(2048)),
        ("3071 bits", _rsa_spki(3071)),
        ("4104 bits", _rsa_spki(4104)),
        ("exponent 3", _rsa_spki(3072, 3)),
        ("a curve", spki(ec.generate_private_key(ec.SECP256R1()).public_key())),
        ("a byte more", _rsa_spki(3072) + b"\0"),
        ("cut", _rsa_spki(3072)[:-1]),
        ("empty", b""),
    ],
)
def test_other_node_keys_are_refused(
    worker: HsmWorker, model: Model, admitted: bytes, orders: Orders, name: str, node_spki: bytes
) -> None:
    with pytest.raises(HsmRequestError, match="node's"):
        worker.release(admitted, orders(model, node_spki))


def test_one_grant_is_answered_once(
    worker: HsmWorker, model: Model, admitted: bytes, node: Node, orders: Orders
) -> None:
    order = orders(model, node.spki)
    assert node.open(worker.release(admitted, order)) == model.dek
    with pytest.raises(HsmRequestError, match="answered once"):
        worker.release(admitted, order)


@pytest.mark.parametrize("size", [0, (32 << 10) + 1])
def test_messages_of_another_size_are_not_signed(worker: HsmWorker, size: int) -> None:
    with pytest.raises(HsmRequestError):
        worker.sign_log(bytes(size))
    with pytest.raises(HsmRequestError):
        worker.sign_result(bytes(size))


# The mark


def test_a_mark_is_kept_or_refused(worker: HsmWorker, contract: Contract) -> None:
    if not contract.keeps_mark:
        with pytest.raises(HsmError, match="C_CreateObject"):
            worker.store_mark(b"checkpoint")
        assert worker.load_mark() is None
        return
    worker.store_mark(b"checkpoint")
    assert worker.load_mark() == b"checkpoint"


def test_the_mark_outlives_its_worker(fresh: TestToken) -> None:
    with fresh.worker() as first:
        assert first.load_mark() is None
        first.store_mark(b"checkpoint 1")
        first.store_mark(b"checkpoint 2" * 1000)
    with fresh.worker() as second:
        assert second.load_mark() == b"checkpoint 2" * 1000


def test_a_mark_is_seen_by_other_workers(fresh: TestToken) -> None:
    with fresh.worker() as first, fresh.worker() as second:
        first.store_mark(b"a")
        assert second.load_mark() == b"a"
        second.store_mark(b"b")
        assert first.load_mark() == b"b"


@pytest.mark.parametrize("size", [0, (16 << 10) + 1])
def test_marks_of_another_size_are_refused(worker: HsmWorker, size: int) -> None:
    with pytest.raises(HsmRequestError):
        worker.store_mark(bytes(size))


# PINs and tokens


def test_a_wrong_pin_is_refused_and_not_told(token: TestToken) -> None:
    wrong = b"0123456789abcdef" * 2
    with token.pin_fd(wrong) as descriptor, pytest.raises(PinRefused) as refused:
        HsmWorker(token.config, descriptor)
    assert wrong.decode() not in repr(refused.value)


def test_another_label_is_no_token(token: TestToken) -> None:
    config = replace(token.config, token_label="somebody-else")
    with token.pin_fd() as descriptor, pytest.raises(HsmUnreachable, match="somebody-else"):
        HsmWorker(config, descriptor)


def test_a_module_that_is_none_is_unreachable(token: TestToken, tmp_path: Path) -> None:
    (tmp_path / "module.so").write_bytes(b"not a library")
    config = replace(token.config, module=tmp_path / "module.so")
    with token.pin_fd() as descriptor, pytest.raises(HsmUnreachable, match="cannot load"):
        HsmWorker(config, descriptor)


def test_genesis_never_overwrites(fresh: TestToken) -> None:
    with fresh.pin_fd() as descriptor, pytest.raises(TokenError, match="already"):
        make_softhsm_token(fresh.directory, fresh.config.module, LABEL, descriptor, descriptor)
    with fresh.worker() as worker:
        assert worker.public_keys()


def test_a_tokens_files_are_its_users_alone(fresh: TestToken) -> None:
    loose = [
        path
        for path in (fresh.directory, *fresh.directory.rglob("*"))
        if path.stat().st_mode & 0o077
    ]
    assert loose == []


def test_a_deleted_token_is_unreachable_and_comes_back(
    fresh: TestToken, model: Model, node: Node, tmp_path: Path
) -> None:
    orders = Orders()
    with fresh.pin_fd() as descriptor, HsmPool(fresh.config, descriptor, 1) as pool:
        kek_wrapped = admit(pool, model)
        shutil.move(fresh.directory / "tokens", tmp_path / "away")
        with pytest.raises(HsmUnreachable):
            pool.release(kek_wrapped, orders(model, node.spki))
        with pytest.raises(HsmUnreachable):
            pool.release(kek_wrapped, orders(model, node.spki))
        shutil.move(tmp_path / "away", fresh.directory / "tokens")
        assert node.open(pool.release(kek_wrapped, orders(model, node.spki))) == model.dek


# Workers that die


def test_a_killed_worker_is_unreachable_and_stays_so(token: TestToken) -> None:
    with token.worker() as worker:
        os.kill(worker.pid, signal.SIGKILL)
        for _ in range(2):
            with pytest.raises(HsmUnreachable):
                worker.sign_log(b"message")
        assert not worker.is_alive


def test_a_worker_killed_in_the_middle_hangs_nobody(token: TestToken) -> None:
    caught: list[BaseException] = []

    def ask(worker: HsmWorker) -> None:
        try:
            worker.sign_log(b"message")
        except HsmUnreachable as error:
            caught.append(error)

    with token.worker() as worker:
        os.kill(worker.pid, signal.SIGSTOP)
        thread = threading.Thread(target=ask, args=(worker,))
        thread.start()
        os.kill(worker.pid, signal.SIGKILL)
        thread.join(10)
        assert not thread.is_alive()
    assert len(caught) == 1


def test_a_silent_worker_is_given_up(token: TestToken) -> None:
    with token.worker(answer_seconds=0.1, stop_seconds=0.1) as worker:
        os.kill(worker.pid, signal.SIGSTOP)
        with pytest.raises(HsmUnreachable, match="did not answer"):
            worker.sign_log(b"message")
        assert not Path(f"/proc/{worker.pid}").exists()


def test_a_closed_worker_ends_by_itself(token: TestToken) -> None:
    with token.pin_fd() as descriptor:
        worker = HsmWorker(token.config, descriptor)
    worker.close()
    assert worker._process.returncode == 0


def test_a_pool_replaces_a_killed_worker(
    token: TestToken, model: Model, kept: bytes, node: Node
) -> None:
    orders = Orders()
    with token.pin_fd() as descriptor, HsmPool(token.config, descriptor, 1) as pool:
        with pool.checkout() as worker:
            os.kill(worker.pid, signal.SIGKILL)
            with pytest.raises(HsmUnreachable):
                worker.sign_log(b"message")
        assert node.open(pool.release(kept, orders(model, node.spki))) == model.dek


def test_a_pool_with_a_wrong_pin_leaves_no_process(token: TestToken) -> None:
    before = _children()
    with token.pin_fd(b"wrong" * 6) as descriptor, pytest.raises(PinRefused):
        HsmPool(token.config, descriptor, 2)
    assert _children() == before


def _children() -> set[str]:
    """Our child processes; proc(5), /proc/PID/stat: the fourth field is the parent."""
    ours = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # gone since it was listed
        if int(after_name[1]) == os.getpid():
            ours.add(path.parent.name)
    return ours


def test_a_pool_never_tries_a_refused_pin_again(fresh: TestToken, tmp_path: Path) -> None:
    """The token is exchanged for another while the pool runs: its PIN is another."""
    other = make_softhsm(tmp_path / "other")
    with fresh.pin_fd() as descriptor, HsmPool(fresh.config, descriptor, 1) as pool:
        with pool.checkout() as worker:
            os.kill(worker.pid, signal.SIGKILL)
        shutil.rmtree(fresh.directory / "tokens")
        shutil.copytree(other.directory / "tokens", fresh.directory / "tokens")
        seen = []
        for _ in range(3):
            with pytest.raises((PinRefused, HsmUnreachable)) as refused:
                pool.sign_log(b"message")
            seen.append(type(refused.value))
        assert PinRefused in seen[:2]
        assert seen[2] is HsmUnreachable


def test_workers_that_start_together_all_start(token: TestToken) -> None:
    """SoftHSM's logins disturb each other unless they take turns (one in thirty, measured)."""
    with token.pin_fd() as descriptor:
        for _ in range(3):
            with HsmPool(token.config, descriptor, 4) as pool:
                assert pool.public_keys() == token_keys(token)


def token_keys(token: TestToken) -> Mapping[Purpose, PublicKey]:
    with token.worker() as worker:
        return worker.public_keys()


def test_a_login_killed_while_softhsm_rewrites_its_token_loses_nothing(
    fresh: TestToken, model: Model, node: Node
) -> None:
    """The state that such a kill leaves: `token.object` emptied and not written yet."""
    with fresh.worker() as first:
        wrapped = admit(first, model)
    (torn,) = fresh.directory.rglob("token.object")
    torn.write_bytes(b"")
    with fresh.worker() as second:
        assert node.open(second.release(wrapped, Orders()(model, node.spki))) == model.dek


def test_a_mark_killed_while_it_is_written_leaves_the_one_before(fresh: TestToken) -> None:
    before = set(fresh.directory.rglob("*.object"))
    with fresh.worker() as first:
        first.store_mark(b"old")
    (file,) = set(fresh.directory.rglob("*.object")) - before
    raw = file.read_bytes()
    for place, size in enumerate((0, 20, len(raw) - 1)):
        (file.parent / f"{place:08x}-0000-0000-0000-000000000000.object").write_bytes(raw[:size])
    with fresh.worker() as second:
        assert second.load_mark() == b"old"
        second.store_mark(b"new")
        assert second.load_mark() == b"new"


# Threads


@pytest.mark.parametrize("size", [1, 2])
def test_two_threads_get_the_right_answers(
    token: TestToken, model: Model, kept: bytes, node: Node, size: int
) -> None:
    other = make_model()
    opened: dict[str, list[bool]] = {"a": [], "b": []}

    def ask(pool: HsmPool, name: str, mine: Model, wrapped: bytes, orders: Orders) -> None:
        for _ in range(20):
            opened[name].append(
                node.open(pool.release(wrapped, orders(mine, node.spki))) == mine.dek
            )

    with token.pin_fd() as descriptor, HsmPool(token.config, descriptor, size) as pool:
        its_blob = admit(pool, other)
        threads = [
            threading.Thread(target=ask, args=(pool, "a", model, kept, Orders(0))),
            threading.Thread(target=ask, args=(pool, "b", other, its_blob, Orders(1000))),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert opened == {"a": [True] * 20, "b": [True] * 20}


# Secrets stay where they belong (I1, I8)

_BROKER = """
import base64, os, sys
from pathlib import Path
from keyturn.hsm.client import HsmWorker, WorkerConfig
from keyturn.hsm.protocol import ReleaseOrder
module, conf, label, pin_fd = sys.argv[1:]
blob, digest, tag, spki = (base64.b64decode(sys.stdin.readline()) for _ in range(4))
with HsmWorker(WorkerConfig(Path(module), label, Path(conf)), int(pin_fd)) as worker:
    print(worker.pid, flush=True)
    for index in range(1_000_000):
        worker.release(blob, ReleaseOrder(digest, tag, spki, index, bytes(32)))
        if index % 50 == 0:
            print(index, flush=True)
"""

_HOLDER = """
import sys
held = sys.stdin.buffer.read(32)
print("ready", flush=True)
sys.stdin.buffer.read()
"""


def test_a_broker_that_releases_never_holds_key_or_pin(
    token: TestToken, model: Model, kept: bytes, node: Node
) -> None:
    """Scans are samples; the control shows that the search finds what is there."""
    needles = {"dek": model.dek, "pin": token.pin}
    conf = str(token.config.softhsm_configuration)
    with token.pin_fd() as pin_fd:
        command = [sys.executable, "-c", _BROKER, str(token.config.module), conf, LABEL]
        broker = _child([*command, str(pin_fd)], pin_fd)
    lines = (kept, model.digest, model.tag, node.spki)
    with broker:
        assert broker.stdin is not None
        assert broker.stdout is not None
        broker.stdin.write(b"".join(base64.b64encode(each) + b"\n" for each in lines))
        broker.stdin.flush()
        worker_pid = int(broker.stdout.readline())
        found: set[str] = set()
        for _ in range(5):
            broker.stdout.readline()  # fifty more releases were made
            found |= find_in_process(broker.pid, needles).found
        told = _told(broker.pid) + _told(worker_pid)
        worker_holds = _held_by_worker(worker_pid, {"pin": token.pin})
        broker.kill()
    assert found == set()
    assert token.pin not in told
    assert worker_holds == set()
    assert _control(model.dek) == {"dek"}


def _told(pid: int) -> bytes:
    """Command line and environment; a worker's environment is closed to its own user."""
    folder = Path(f"/proc/{pid}")
    told = folder.joinpath("cmdline").read_bytes()
    try:
        return told + folder.joinpath("environ").read_bytes()
    except PermissionError:
        return told


def _held_by_worker(pid: int, needles: dict[str, bytes]) -> frozenset[str]:
    """A worker's memory is closed to its own user; root looks."""
    if os.geteuid() == 0:
        return find_in_process(pid, needles).found
    with pytest.raises(NotSearchedError):
        find_in_process(pid, needles)
    return frozenset()


def _control(dek: bytes) -> frozenset[str]:
    holder = _child([sys.executable, "-c", _HOLDER])
    with holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        holder.stdin.write(dek)
        holder.stdin.flush()
        holder.stdout.readline()
        return find_in_process(holder.pid, {"dek": dek}).found


def _child(command: list[str], *passed: int) -> "subprocess.Popen[bytes]":
    backend = str(Path(sys.modules["keyturn"].__file__ or "").parents[1])
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=passed,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": backend},
    )


def test_core_dumps_of_a_worker_are_off(worker: HsmWorker) -> None:
    limits = Path(f"/proc/{worker.pid}/limits").read_text()
    (core,) = (line.split() for line in limits.splitlines() if line.startswith("Max core"))
    assert core[4:6] == ["0", "0"]
    status = Path(f"/proc/{worker.pid}/status").read_text()
    assert "NoNewPrivs:\t1" in status


# Attributes that were changed behind our back (files of a software token)


_CLASS, _KEY_TYPE = 0x0, 0x100  # CKA_CLASS, CKA_KEY_TYPE
_WHICH = {  # labels of private objects are encrypted: told apart by class and kind of key
    "keyturn-kek": {_CLASS: 4, _KEY_TYPE: 0x1F},
    "keyturn-ingest": {_CLASS: 3, _KEY_TYPE: 0x0},
    "keyturn-log": {_CLASS: 3, _KEY_TYPE: 0x40},
    "keyturn-result": {_CLASS: 3, _KEY_TYPE: 0x3},
    "keyturn-canary": {_CLASS: 0},
}


def _u64(*values: int) -> bytes:
    return b"".join(value.to_bytes(8, "big") for value in values)


def _object_file(token: TestToken, label: str) -> Path:
    """SoftHSM 2.6.1, File.cpp: u64 attribute, u64 kind (1 boolean, 2 number, 3 bytes), value."""
    wanted = [_u64(attribute, 2, value) for attribute, value in _WHICH[label].items()]
    (found,) = (
        path
        for path in token.directory.rglob("*.object")
        if "token.object" not in path.name and all(each in path.read_bytes() for each in wanted)
    )
    return found


@pytest.mark.parametrize(
    ("label", "attribute", "name"),
    [
        ("keyturn-kek", 0x162, "EXTRACTABLE"),
        ("keyturn-kek", 0x170, "MODIFIABLE"),
        ("keyturn-ingest", 0x105, "DECRYPT"),
        ("keyturn-log", 0x162, "EXTRACTABLE"),
        ("keyturn-result", 0x171, "COPYABLE"),
    ],
)
def test_a_changed_attribute_is_named_at_the_next_open(
    fresh: TestToken, label: str, attribute: int, name: str
) -> None:
    """One byte of a file, no PIN: what a software token's attributes are worth by themselves."""
    path, head = _object_file(fresh, label), _u64(attribute, 1)
    raw = path.read_bytes()
    place = raw.index(head) + len(head)
    path.write_bytes(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])
    with pytest.raises(TokenError, match=f"{label}: attribute {name}"), fresh.worker():
        pass
    path.write_bytes(raw)
    with fresh.worker() as worker:
        assert worker.public_keys()


@pytest.mark.parametrize("label", sorted(_WHICH))
def test_a_missing_object_is_named_at_the_next_open(fresh: TestToken, label: str) -> None:
    _object_file(fresh, label).unlink()
    with pytest.raises(TokenError, match=label), fresh.worker():
        pass


@pytest.mark.parametrize("label", ["keyturn-kek", "keyturn-ingest", "keyturn-log"])
def test_half_a_key_is_not_opened(fresh: TestToken, label: str) -> None:
    path = _object_file(fresh, label)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises((TokenError, HsmError)), fresh.worker():
        pass


def test_a_release_order_wants_all_its_fields() -> None:
    with pytest.raises(HsmRequestError, match="entry digest"):
        ReleaseOrder(bytes(32), bytes(32), b"", 1, b"")
