"""Google's Tink as oracle: it opens what we seal, and we open what it seals, at every edge."""

import io
import json
from hashlib import shake_128

import pytest

from keyturn.base.encoding import digest_of
from keyturn.seal.contents import ContentEntry, Contents
from keyturn.seal.keys import model_tag
from keyturn.seal.manifest import FileEntry, Manifest, Provenance
from keyturn.seal.paths import CONTENTS_PATH, ModelPath
from keyturn.vault.opener import open_model

tink = pytest.importorskip("tink", reason="Tink is only in the test environment")

from tink import cleartext_keyset_handle, streaming_aead  # noqa: E402
from tink.proto import (  # noqa: E402
    aes_gcm_hkdf_streaming_pb2,
    common_pb2,
    tink_pb2,
)

MIB = 1 << 20
FIRST = MIB - 40 - 16
EDGES = [FIRST + more for more in (-1, 0, 1)] + [FIRST + MIB - 16 + more for more in (-1, 0, 1)]
SIZES = [0, 1, 100, *EDGES, 5_000_000]


def tink_with(dek):
    """Tink's own implementation with this key material (AES256_GCM_HKDF_1MB)."""
    parameters = aes_gcm_hkdf_streaming_pb2.AesGcmHkdfStreamingParams(
        ciphertext_segment_size=MIB, derived_key_size=32, hkdf_hash_type=common_pb2.SHA256
    )
    key = aes_gcm_hkdf_streaming_pb2.AesGcmHkdfStreamingKey(
        version=0, params=parameters, key_value=bytes(dek)
    )
    keyset = tink_pb2.Keyset(
        primary_key_id=1,
        key=[
            tink_pb2.Keyset.Key(
                key_data=tink_pb2.KeyData(
                    type_url="type.googleapis.com/google.crypto.tink.AesGcmHkdfStreamingKey",
                    value=key.SerializeToString(),
                    key_material_type=tink_pb2.KeyData.SYMMETRIC,
                ),
                status=tink_pb2.ENABLED,
                key_id=1,
                output_prefix_type=tink_pb2.RAW,
            )
        ],
    )
    streaming_aead.register()
    handle = cleartext_keyset_handle.read(tink.BinaryKeysetReader(keyset.SerializeToString()))
    return handle.primitive(streaming_aead.StreamingAead)


class KeptOpen(io.BytesIO):
    """Tink closes what it writes to; the bytes are read afterwards."""

    def close(self):
        self.kept = self.getvalue()
        super().close()


def tink_seal(dek, path, plain):
    target = KeptOpen()
    with tink_with(dek).new_encrypting_stream(target, associated(path)) as stream:
        stream.write(plain)
    return target.kept


def tink_open(dek, path, sealed):
    source = io.BytesIO(sealed)
    with tink_with(dek).new_decrypting_stream(source, associated(path)) as stream:
        return stream.read()


def associated(path):
    return b"keyturn/1\0tiny\0" + path.encode()


@pytest.fixture
def plain_files():
    return {f"size/{size}.bin": shake_128(str(size).encode()).digest(size) for size in SIZES}


def test_tink_opens_what_we_seal(make_sample, plain_files):
    sample = make_sample(plain_files, threads=3)
    for path, plain in plain_files.items():
        sealed = (sample.out / f"{path}.sealed").read_bytes()
        assert tink_open(sample.dek, path, sealed) == plain
    listing = (sample.out / f"{CONTENTS_PATH}.sealed").read_bytes()
    listed = json.loads(tink_open(sample.dek, CONTENTS_PATH, listing))["files"]
    assert {each["path"]: each["sha256"] for each in listed} == {
        path: digest_of(plain) for path, plain in plain_files.items()
    }


def test_we_open_what_tink_seals(tmp_path, seal_kwargs, plain_files):
    dek, entries = seal_kwargs["dek"], []
    contents = Contents(
        tuple(
            ContentEntry(ModelPath(path), len(plain), digest_of(plain))
            for path, plain in sorted(plain_files.items())
        )
    )
    for path, plain in sorted((plain_files | {CONTENTS_PATH: contents.to_bytes()}).items()):
        sealed = tink_seal(dek, path, plain)
        place = tmp_path / f"{path}.sealed"
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(sealed)
        entries.append(FileEntry(ModelPath(path), len(plain), len(sealed), digest_of(sealed)))
    provenance = Provenance("tink", "1", len(plain_files), sum(map(len, plain_files.values())))
    manifest = Manifest(seal_kwargs["identity"], seal_kwargs["created"], tuple(entries), provenance)
    raw = manifest.to_bytes()
    (tmp_path / "keyturn.json").write_bytes(raw)
    digest = digest_of(raw)
    with open_model(tmp_path, dek, digest, model_tag(dek, digest), threads=3) as opened:
        assert {path: bytes(view) for path, view in opened.items()} == plain_files


def test_tink_refuses_our_file_under_another_path(sample):
    sealed = (sample.out / "weights.bin.sealed").read_bytes()
    with pytest.raises(tink.TinkError):
        tink_open(sample.dek, "config/config.json", sealed)
