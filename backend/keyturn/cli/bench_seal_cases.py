"""What `keyturn bench seal` measures: decryption, loading, and others' encrypted loaders.

All keys here are made for the bench. The rivals are optional: what is not installed is
reported as absent, never guessed.
"""

import ctypes
import importlib
import importlib.util
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keyturn.base.signatures import KeyId
from keyturn.cli.bench_rounds import Case
from keyturn.seal.identity import ModelId, ModelIdentity
from keyturn.seal.paths import sealed_name
from keyturn.seal.sealedkey import OaepHash, WrappedDek
from keyturn.seal.stream import BLOCK_SIZE, CAPACITY, associated_data
from keyturn.vault.arena import Arena
from keyturn.vault.files import opened
from keyturn.vault.opener import DIRECT_THREADS, open_model
from keyturn.vault.parallel import Stop, in_parallel
from keyturn.vault.sealer import SealedModel, seal_directory

WORKING_SET = 256
"""Segments of 1 MiB: far more than caches hold."""

C_LOOP = Path(__file__).parents[3] / "tests" / "bench" / "gcm_loop.c"
_PREFIX = b"bench-7"


class Decryption:
    """The same sealed segments, decrypted by our way and by the loop in C."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._key = secrets.token_bytes(32)
        self._source, self._target = Arena(WORKING_SET * BLOCK_SIZE), Arena(WORKING_SET * CAPACITY)
        self._aead = AESGCM(self._key)
        plain = os.urandom(CAPACITY)
        for number in range(WORKING_SET):
            block = self._source.view[number * BLOCK_SIZE : (number + 1) * BLOCK_SIZE]
            self._aead.encrypt_into(_nonce(number), plain, None, block)

    def ours(self) -> Case:
        return Case("decrypt: ours", WORKING_SET * CAPACITY, self._run_ours)

    def in_c(self, loop: ctypes.CDLL) -> Case:
        return Case("decrypt: C loop", WORKING_SET * CAPACITY, lambda: self._run_c(loop))

    def copied(self) -> Case:
        return Case("decrypt: memcpy", WORKING_SET * CAPACITY, self._run_copy)

    def _pieces(self) -> Iterator[tuple[int, memoryview, memoryview]]:
        for number in range(WORKING_SET):
            source = self._source.view[number * BLOCK_SIZE : (number + 1) * BLOCK_SIZE]
            yield number, source, self._target.view[number * CAPACITY : (number + 1) * CAPACITY]

    def _run_ours(self) -> None:
        pieces = list(self._pieces())
        numbers = count()

        def work(_: Stop) -> None:
            while (number := next(numbers)) < WORKING_SET:
                source, target = pieces[number][1:]
                self._aead.decrypt_into(_nonce(number), source, None, target)

        in_parallel(work, self._threads)

    def _run_copy(self) -> None:
        pieces = list(self._pieces())
        numbers = count()

        def work(_: Stop) -> None:
            while (number := next(numbers)) < WORKING_SET:
                source, target = pieces[number][1:]
                ctypes.memmove(_address(target), _address(source), CAPACITY)

        in_parallel(work, self._threads)

    def _run_c(self, loop: ctypes.CDLL) -> None:
        counter = ctypes.c_uint32(0)
        source, target = _address(self._source.view), _address(self._target.view)

        def work(_: Stop) -> None:
            wrong = loop.gcm_loop_run(
                self._key,
                _PREFIX,
                ctypes.byref(counter),
                ctypes.c_uint32(WORKING_SET),
                ctypes.c_void_p(source),
                ctypes.c_uint64(BLOCK_SIZE),
                ctypes.c_void_p(target),
                ctypes.c_int(CAPACITY),
            )
            if wrong:
                raise RuntimeError(f"the C loop found {wrong} wrong tags")

        in_parallel(work, self._threads)


class Loading:
    """A sealed model of one file in the page cache, and all the ways to load it."""

    def __init__(self, folder: Path, size: int, threads: int) -> None:
        self._threads = threads
        self.size = size
        source = folder / "plain"
        source.mkdir()
        self.plain = source / "weights.bin"
        _write_random(self.plain, size)
        self._dek = bytearray(secrets.token_bytes(32))
        self._folder = folder
        self.sealed: SealedModel = self._seal("sealed")
        self._path = self.sealed.manifest.model_files[0].path
        self.file = self.sealed.directory / sealed_name(self._path)
        self._pool: dict[int, Arena] = {}
        self._numbers = count()

    def sealing(self) -> Case:
        return Case("seal", self.size, lambda: shutil.rmtree(self._seal("again").directory))

    def ours(self) -> Case:
        return Case("load: ours", self.size, lambda: self._open(self._pooled))

    def ours_fresh(self) -> Case:
        """With memory that was never touched: page faults included."""
        return Case("load: ours, fresh memory", self.size, lambda: self._open(Arena).wipe())

    def copy(self) -> Case:
        return Case("load: copy", self.size, lambda: self._copy(self._threads))

    def ours_cold(self) -> Case:
        return Case(
            "cold: ours", self.size, lambda: self._open(self._pooled, direct=True), self._evict
        )

    def copy_cold(self) -> Case:
        run = lambda: self._copy(DIRECT_THREADS, os.O_DIRECT)  # noqa: E731
        return Case("cold: read", self.size, run, self._evict)

    def tink(self) -> Case | None:
        """Tink's own decrypting stream on the same file; None when it is not installed."""
        if not _installed("tink"):
            return None
        primitive = _tink_primitive(bytes(self._dek))
        context = associated_data(self.sealed.manifest.identity.model_id, self._path)
        return Case("load: tink-py", self.size, lambda: self._run_tink(primitive, context))

    def _seal(self, name: str) -> SealedModel:
        return seal_directory(
            self._folder / "plain",
            self._folder / name,
            dek=self._dek,
            identity=ModelIdentity(ModelId("bench"), "Bench", "1"),
            created=datetime.now(UTC),
            randomness=secrets.token_bytes,
            wrap=lambda _: WrappedDek(KeyId("00" * 32), OaepHash.SHA256, bytes(384)),
        )

    def _open(self, memory: Callable[[int], Arena], *, direct: bool = False) -> Any:
        return open_model(
            self.sealed.directory,
            self._dek,
            self.sealed.model_digest,
            self.sealed.key.tag,
            threads=DIRECT_THREADS if direct else self._threads,
            direct=direct,
            memory=memory,
        )

    def _pooled(self, size: int) -> Arena:
        """Memory that was touched before, as every case here gets it."""
        if size not in self._pool:
            self._pool[size] = _Kept(size)
        return self._pool[size]

    def _copy(self, threads: int, flags: int = 0) -> None:
        """Every block of the sealed file into memory, by as many threads."""
        target = self._pooled(self.file.stat().st_size + BLOCK_SIZE).view
        numbers = count()
        with opened(self.file, os.O_RDONLY | flags) as descriptor:

            def work(_: Stop) -> None:
                while (at := next(numbers) * BLOCK_SIZE) < self.size:
                    os.preadv(descriptor, [target[at : at + BLOCK_SIZE]], at)

            in_parallel(work, threads)

    def _evict(self) -> None:
        with opened(self.file) as descriptor:
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)

    def _run_tink(self, primitive: Any, context: bytes) -> None:
        target, at = self._pooled(self.size).view, 0
        with (
            self.file.open("rb") as file,
            primitive.new_decrypting_stream(file, context) as stream,
        ):
            while piece := stream.read(BLOCK_SIZE):
                target[at : at + len(piece)] = piece
                at += len(piece)


class _Kept(Arena):
    """Memory that stays: wiping and giving back are not what is measured."""

    def wipe(self) -> None:
        return

    def release(self) -> None:
        return


class Tensorizer:
    """CoreWeave tensorizer's encrypted load of tensors of the same total size."""

    def __init__(self, folder: Path, size: int) -> None:
        self._module = importlib.import_module("tensorizer")
        torch = importlib.import_module("torch")
        self._place = folder / "model.tensors"
        self._key = secrets.token_bytes(32)
        module = torch.nn.ParameterDict(
            {
                f"t{number}": torch.nn.Parameter(
                    torch.frombuffer(bytearray(os.urandom(32 << 20)), dtype=torch.uint8),
                    requires_grad=False,
                )
                for number in range(max(1, size >> 25))
            }
        )
        self.size = sum(each.numel() for each in module.values())
        serializer = self._module.TensorSerializer(
            str(self._place), encryption=self._module.EncryptionParams(key=self._key)
        )
        serializer.write_module(module)
        serializer.close()

    def case(self, readers: int) -> Case:
        return Case("load: tensorizer encrypted", self.size, lambda: self._run(readers))

    def _run(self, readers: int) -> None:
        tensors = self._module.TensorDeserializer(
            str(self._place),
            device="cpu",
            encryption=self._module.DecryptionParams.from_key(self._key),
            num_readers=readers,
        )
        tensors.close()


def tensorizer(folder: Path, size: int, readers: int) -> Case | None:
    """None when tensorizer or torch is not installed."""
    if not (_installed("tensorizer") and _installed("torch")):
        return None
    return Tensorizer(folder, size).case(readers)


def c_loop() -> tuple[ctypes.CDLL, str] | str:
    """The compiled loop and the OpenSSL it runs on, or why there is none."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or not C_LOOP.is_file():
        return "no C compiler" if compiler is None else "not run from a checkout"
    with tempfile.TemporaryDirectory(prefix="keyturn-bench-") as folder:
        library = Path(folder, "gcm_loop.so")
        subprocess.run(
            [compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(C_LOOP), "-ldl"],
            check=True,
        )
        loop = ctypes.CDLL(str(library))
    loop.gcm_loop_version.restype = ctypes.c_char_p
    newest = max(_libcryptos(loop), default=None)
    if newest is None:
        return "no libcrypto found"
    loop.gcm_loop_open(newest[1].encode())
    return loop, f"{newest[0]} ({Path(newest[1]).name})"


def _libcryptos(loop: ctypes.CDLL) -> Iterator[tuple[str, str]]:
    """Version and place of each libcrypto: other wheels bundle newer ones than the system has."""
    places = [str(p) for each in sys.path for p in Path(each or ".").glob("*.libs/libcrypto-*.so*")]
    for place in [*places, "libcrypto.so.3"]:
        if loop.gcm_loop_open(place.encode()) == 0:
            yield loop.gcm_loop_version().decode(), place


def _tink_primitive(dek: bytes) -> Any:
    tink = importlib.import_module("tink")
    streaming = importlib.import_module("tink.streaming_aead")
    handles = importlib.import_module("tink.cleartext_keyset_handle")
    gcm = importlib.import_module("tink.proto.aes_gcm_hkdf_streaming_pb2")
    proto = importlib.import_module("tink.proto.tink_pb2")
    common = importlib.import_module("tink.proto.common_pb2")
    streaming.register()
    key = gcm.AesGcmHkdfStreamingKey(
        params=gcm.AesGcmHkdfStreamingParams(
            ciphertext_segment_size=BLOCK_SIZE, derived_key_size=32, hkdf_hash_type=common.SHA256
        ),
        key_value=dek,
    )
    entry = proto.Keyset.Key(
        key_data=proto.KeyData(
            type_url="type.googleapis.com/google.crypto.tink.AesGcmHkdfStreamingKey",
            value=key.SerializeToString(),
            key_material_type=proto.KeyData.SYMMETRIC,
        ),
        status=proto.ENABLED,
        key_id=1,
        output_prefix_type=proto.RAW,
    )
    keyset = proto.Keyset(primary_key_id=1, key=[entry])
    handle = handles.read(tink.BinaryKeysetReader(keyset.SerializeToString()))
    return handle.primitive(streaming.StreamingAead)


def _write_random(place: Path, size: int) -> None:
    piece = os.urandom(BLOCK_SIZE)
    with place.open("wb") as file:
        for at in range(0, size, BLOCK_SIZE):
            file.write(piece[: min(BLOCK_SIZE, size - at)])


def _nonce(number: int) -> bytes:
    return _PREFIX + number.to_bytes(4, "big") + b"\0"


def _address(view: memoryview) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(view))


def _installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None
