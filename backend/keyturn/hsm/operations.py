"""Keyturn's HSM operations over an open PKCS#11 token. Runs in the HSM worker only.

A DEK is a session object for the length of one operation: opened under the unwrap template,
tag verified inside the token, wrapped again, destroyed. Its value is never read.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from keyturn.base.encoding import sha256
from keyturn.hsm.ckstructs import Mechanism, prepare
from keyturn.hsm.cryptoki import LOST, UNCLEAR, Mech, Rv
from keyturn.hsm.errors import (
    HsmError,
    HsmRequestError,
    HsmUnreachable,
    KeyBindingError,
    TokenError,
    WrappedKeyError,
)
from keyturn.hsm.numbered import read_numbered, store_numbered
from keyturn.hsm.pkcs11 import Handle, Session
from keyturn.hsm.profiles import DEK_FORM, KEY_WRAP, TAG_MAC, Label
from keyturn.hsm.protocol import (
    MAX_MARK,
    MAX_MESSAGE,
    WRAPPED_BY_KEK,
    Admission,
    Assurance,
    KekWrapped,
    OaepHash,
    PublicKey,
    Purpose,
    ReleaseOrder,
    Wrapped,
    model_tag_message,
)
from keyturn.hsm.publickeys import parse_node_key
from keyturn.hsm.selftest import check_canary, node_key_object, oaep
from keyturn.hsm.token import OpenToken

_INGEST_WRAPPED = 384  # bytes: RSA-3072


class TokenHsm:
    """An `Hsm` on one PKCS#11 session; a lock makes it one operation at a time."""

    def __init__(self, token: OpenToken) -> None:
        self._token = token
        self._keys = token.keys
        self._session = token.session
        self._lock = threading.Lock()
        self.keks = token.keys.keks
        self._form = prepare(DEK_FORM)

    @property
    def session(self) -> Session:
        return self._session

    @property
    def assurance(self) -> Assurance:
        return self._token.assurance

    @property
    def release_hash(self) -> OaepHash:
        return self._keys.release_hash

    def public_keys(self) -> Mapping[Purpose, PublicKey]:
        return dict(self._keys.public)

    def rewrap_admission(self, admission: Admission) -> KekWrapped:
        proved = self._keys.public[Purpose.INGEST].oaep_hash
        if admission.oaep_hash is not proved:
            raise HsmRequestError(
                "the key is wrapped with another OAEP hash than the ingest key's",
                found=admission.oaep_hash.value,
                expected=proved.value if proved else "",
            )
        wrapped = admission.ingest_wrapped
        _sized("the key wrapped to the ingest key", wrapped, _INGEST_WRAPPED)
        ingest = self._keys.private[Purpose.INGEST]
        kek = self.keks.active
        with self.operation(), self._opened(oaep(proved), (ingest,), wrapped) as dek:
            self._check_tag(dek, admission.model_digest, admission.tag)
            rewrapped = self._session.wrap(KEY_WRAP, kek.handle, dek)
        if len(rewrapped) != WRAPPED_BY_KEK:
            raise WrappedKeyError(
                "the wrapped key is not a DEK",
                found=f"{len(rewrapped) - 8} bytes",
                expected="32 bytes",
            )
        return KekWrapped(rewrapped, kek.id)

    def release(self, kek_wrapped: bytes, order: ReleaseOrder) -> Wrapped:
        _sized("the key wrapped under the KEK", kek_wrapped, WRAPPED_BY_KEK)
        node = node_key_object(parse_node_key(order.node_rsa_spki))
        keks = tuple(each.handle for each in self.keks.opening())
        with self.operation(), self._opened(KEY_WRAP, keks, kek_wrapped) as dek:
            self._check_tag(dek, order.model_digest, order.tag)
            recipient = self._session.create(node)
            try:
                ciphertext = self._session.wrap(oaep(self.release_hash), recipient, dek)
            finally:
                self._session.destroy(recipient)
        return Wrapped(ciphertext, self.release_hash)

    def sign_log(self, message: bytes) -> bytes:
        _check_message(message)
        software = self._keys.software_log
        with self.operation():
            if software is not None:
                return software.sign(message)
            return self._signed(Purpose.LOG, Mech.EDDSA, message)

    def sign_result(self, message: bytes) -> bytes:
        _check_message(message)
        with self.operation():
            return self._signed(Purpose.RESULT, Mech.ECDSA, sha256(message))

    def store_mark(self, mark: bytes) -> None:
        if not 0 < len(mark) <= MAX_MARK:
            raise HsmRequestError("the mark has a wrong size", found=f"{len(mark)} bytes")
        with self.operation():
            store_numbered(self._session, Label.MARK, mark)

    def load_mark(self) -> bytes | None:
        with self.operation():
            marks = read_numbered(self._session, Label.MARK)
        return marks[0].content if marks else None

    def forget(self) -> None:
        """Wipe what is a secret in this process: nothing is signed for the log afterwards."""
        if self._keys.software_log is not None:
            self._keys.software_log.wipe()

    def _signed(self, purpose: Purpose, mechanism: Mech, data: bytes) -> bytes:
        key = self._keys.private[purpose]
        signature = self._session.sign(Mechanism(mechanism), key, data)
        if len(signature) != 64:
            raise TokenError("a signature has the wrong size", found=f"{len(signature)} bytes")
        return signature

    @contextmanager
    def operation(self) -> Iterator[None]:
        """One at a time; a lost token is *unreachable*, whatever call found it out."""
        with self._lock:
            try:
                yield
            except HsmError as error:
                if error.rv in LOST:
                    raise HsmUnreachable("the token is gone", found=error.found) from error
                raise

    @contextmanager
    def _opened(
        self, mechanism: Mechanism, keys: Sequence[Handle], wrapped: bytes
    ) -> Iterator[Handle]:
        """The DEK as an object of this session, destroyed at the end.

        The keys are tried in turn: RFC 3394 tells which one it lies under.
        """
        for place, key in enumerate(keys, 1):
            try:
                dek = self._session.unwrap(mechanism, key, wrapped, self._form)
                break
            except HsmError as error:
                if error.rv in LOST - UNCLEAR:
                    raise
                if place == len(keys):
                    raise self._not_ours(error) from error
        try:
            yield dek
        finally:
            self._session.destroy(dek)

    def _not_ours(self, cause: HsmError) -> WrappedKeyError:
        """SoftHSM says GENERAL_ERROR for a bad blob and for a bad token: ask the canaries which."""
        try:
            self.prove_canaries()
        except HsmUnreachable as error:
            raise error from cause
        return WrappedKeyError(
            "this HSM does not open the wrapped key",
            found=cause.found,
            expected="a key wrapped to this HSM, whole",
        )

    def prove_canaries(self) -> None:
        """Every KEK still opens its canary. Raises HsmUnreachable."""
        try:
            for each in self.keks.live:
                check_canary(self._session, each.handle, each.canary)
        except TokenError as error:
            raise HsmUnreachable("the token fails its canary", found=error.found) from error

    def _check_tag(self, dek: Handle, model_digest: bytes, tag: bytes) -> None:
        try:
            self._session.verify(TAG_MAC, dek, model_tag_message(model_digest), tag)
        except HsmError as error:
            if error.rv in UNCLEAR:
                self.prove_canaries()
            if error.rv in (Rv.SIGNATURE_INVALID, Rv.SIGNATURE_LEN_RANGE, *UNCLEAR):
                raise KeyBindingError(
                    "the key is not this model's: its tag does not verify",
                    found=error.found,
                    expected="the tag of the admission statement",
                ) from error
            if error.rv == Rv.KEY_SIZE_RANGE:
                raise WrappedKeyError("the wrapped key is too short for a DEK") from error
            raise


def _check_message(message: bytes) -> None:
    if not 0 < len(message) <= MAX_MESSAGE:
        raise HsmRequestError("the message to sign has a wrong size", found=f"{len(message)} bytes")


def _sized(what: str, data: bytes, size: int) -> None:
    if len(data) != size:
        raise WrappedKeyError(
            f"{what} has the wrong size", found=f"{len(data)} bytes", expected=f"{size} bytes"
        )
