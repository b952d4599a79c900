"""The process that does one ceremony task, and ends: `python -m keyturn.hsm.ceremonychild`.

Hardened like a worker. A restore's KEK and a backup's private key are in clear here and nowhere
else; what can be overwritten is, what Python and the module copied is not, and the process ends
at once. It is started by `ceremonytasks.run_task`.
"""

import argparse
import os
import secrets
import sys
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa

from keyturn.base.encoding import b64
from keyturn.base.errors import KeyturnError
from keyturn.base.signatures import KeyId
from keyturn.base.strictjson import dump
from keyturn.hsm import ceremonytasks as tasks
from keyturn.hsm.backup import (
    SECRET_SIZE,
    BackupKey,
    KekBackup,
    check_backup_spki,
    open_backup_key,
    seal_backup_key,
)
from keyturn.hsm.ceremonytasks import MAX_TASK, AnyTask, Secret, TokenMade, Who, parse_task
from keyturn.hsm.cryptoki import Attr, ObjectClass
from keyturn.hsm.errors import BackupRefused, HsmError, HsmRequestError, PinRefused, TokenError
from keyturn.hsm.genesis import check_no_keys, initialise, make_keys, make_pairs
from keyturn.hsm.hardening import die_with_parent, harden
from keyturn.hsm.kekid import kek_id_of
from keyturn.hsm.kekmaking import begin_kek, finish_kek, trusted_keys, wrap_out
from keyturn.hsm.kekmessages import kek_document
from keyturn.hsm.keks import OpenKek, load_record, open_keks, store_record
from keyturn.hsm.kekwork import (
    KekOrigin,
    KekProfile,
    KekReport,
    KekState,
    RewrapItem,
    RewrapOutcome,
    TokenReport,
)
from keyturn.hsm.messages import error_document
from keyturn.hsm.pins import read_pin
from keyturn.hsm.pkcs11 import Library, Session, wipe
from keyturn.hsm.profiles import (
    BACKUP_BITS,
    Label,
    kek_unwrapped,
    kek_value,
    key_query,
    label_query,
    named,
    transport_pair,
    trusted_key,
)
from keyturn.hsm.publickeys import EXPONENT, rsa_key, spki_of
from keyturn.hsm.rewrap import Rewrapper
from keyturn.hsm.selftest import check_canary, oaep, oaep_padding, parse_canary
from keyturn.hsm.softhsm import login_turn
from keyturn.hsm.token import PIN_ERRORS, check_keys, find_token, log_in, report_pairs

Pins = Mapping[Secret, bytearray]


class Child:
    """One task on one token. `pins` are the caller's to wipe."""

    def __init__(self, module: Path, label: str, pins: Pins) -> None:
        self._module = module
        self._label = label
        self._pins = pins

    def do(self, task: AnyTask) -> dict[str, object]:
        """The fields of the answer. Raises KeyturnError."""
        match task:
            case tasks.MakeToken(profile):
                return tasks.made_document(self._make_token(profile))
            case tasks.SetPin(who):
                return self._set_pin(who)
            case tasks.MakeBackupKey():
                return {"backup_key": b64(self._make_backup_key().to_bytes())}
            case tasks.TrustKey(spki):
                return self._trust_key(spki)
            case tasks.Restore(backup):
                return tasks.made_document(self._restore(backup))
            case tasks.ProveRestore(backup, models):
                return kek_document(self._prove_restore(backup, models))
            case tasks.Zeroise():
                return {"destroyed": self._zeroise()}
            case tasks.MakeTransport():
                return {"spki": b64(self._make_transport())}
            case tasks.ImportKek():
                return kek_document(self._import_kek(task))

    def _make_token(self, profile: KekProfile) -> TokenMade:
        backed_up = Secret.BACKUP_SECRET in self._pins
        if backed_up and profile is not KekProfile.RECOVERABLE:
            raise HsmRequestError("a KEK that never leaves its token is not backed up")
        key = self._sealed_key() if backed_up else None
        with login_turn():
            library = self._initialised()
            if key is not None:
                self._put_trusted(library, key.spki)
            with self._user(library) as session:
                make_keys(session, profile)
                return self._made(library, session, key)

    def _made(self, library: Library, session: Session, key: BackupKey | None) -> TokenMade:
        checked = check_keys(session)
        wrapped = None
        if key is not None:
            wrapped = wrap_out(session, checked.keks.active, key.spki, checked.release_hash)
        report = TokenReport(checked.keks.reports(), report_pairs(session))
        serial = find_token(library, self._label).serial
        return TokenMade(serial, dict(checked.public), report, key, wrapped)

    def _set_pin(self, who: Who) -> dict[str, object]:
        name = Secret.PIN if who is Who.USER else Secret.SO_PIN
        old = self._pins.get(name)
        if old is None:
            raise HsmRequestError("the PIN in use until now is missing", expected=name.value)
        with login_turn():
            library = Library(self._module)
            with self._logged_in(library, old, officer=who is Who.SO) as session:
                session.set_pin(old, self._pins[Secret.NEW_PIN])
        return {"done": tasks.SetPin.name}

    def _make_backup_key(self) -> BackupKey:
        key = self._sealed_key()
        with login_turn():
            self._put_trusted(Library(self._module), key.spki)
        return key

    def _trust_key(self, spki: bytes) -> dict[str, object]:
        check_backup_spki(spki)
        with login_turn():
            self._put_trusted(Library(self._module), spki)
        return {"done": tasks.TrustKey.name}

    def _restore(self, backup: KekBackup) -> TokenMade:
        private = open_backup_key(backup.key, self._secret())
        value = bytearray(_decrypted(private, backup))
        try:
            if kek_id_of(value) != backup.wrapped.kek:
                raise BackupRefused(
                    "the backup holds another KEK than it says",
                    found=kek_id_of(value),
                    expected=backup.wrapped.kek,
                )
            with login_turn():
                library = self._initialised()
                self._put_trusted(library, backup.key.spki)
                with self._user(library) as session:
                    check_no_keys(session)
                    self._put_kek(session, backup, value)
                    make_pairs(session)
                    return self._made(library, session, None)
        finally:
            wipe(value)

    def _put_kek(self, session: Session, backup: KekBackup, value: bytearray) -> None:
        profile = KekProfile.RECOVERABLE
        record, begun = begin_kek(session, profile, KekOrigin.RESTORED)
        template = named(kek_value(profile, bytes(value)), Label.KEK, begun.name)
        handle = session.create(template)
        finish_kek(session, record, begun, handle, backup.wrapped.kek)
        check_canary(session, handle, parse_canary(backup.wrapped.canary))
        store_record(session, load_record(session).activated(backup.wrapped.kek))

    def _prove_restore(self, backup: KekBackup, models: tuple[RewrapItem, ...]) -> KekReport:
        with login_turn():
            library = Library(self._module)
            with self._user(library) as session:
                keks = check_keys(session).keks
                kek = keks.by_id(backup.wrapped.kek)
                check_canary(session, kek.handle, parse_canary(backup.wrapped.canary))
                _prove_models(session, kek, models)
                return kek.report

    def _zeroise(self) -> int:
        with login_turn():
            library = Library(self._module)
            slot, count = find_token(library, self._label).slot, 0
            if Secret.PIN in self._pins:
                with self._user(library) as session:
                    count = _destroy_ours(session)
            try:
                library.init_token(slot, self._pins[Secret.SO_PIN], self._label)
            except HsmError as error:
                raise _of_so_pin(error) from error
            with self._logged_in(library, self._pins[Secret.SO_PIN], officer=True) as session:
                left = [each for label in Label for each in session.find(label_query(label))]
            if left:
                raise TokenError("the token still has objects of ours", found=f"{len(left)}")
        return count

    def _make_transport(self) -> bytes:
        pair = transport_pair()
        public = pair.public.plus(*pair.parameters.items)
        with login_turn():
            library = Library(self._module)
            with self._user(library) as session:
                _destroy_transport(session)
                made, _ = session.generate_pair(
                    pair.generator, named(public, pair.label), named(pair.private, pair.label)
                )
                modulus = session.read(made, Attr.MODULUS)
                return spki_of(rsa_key(modulus, session.read(made, Attr.PUBLIC_EXPONENT)))

    def _import_kek(self, task: tasks.ImportKek) -> KekReport:
        wrapped, profile = task.wrapped, KekProfile.RECOVERABLE
        with login_turn():
            library = Library(self._module)
            with self._user(library) as session:
                if _came_in(session, wrapped.kek):  # and a kill cut off what follows
                    return _settled(session, task)
                private = session.find(key_query(Label.TRANSPORT, ObjectClass.PRIVATE_KEY))
                if len(private) != 1:
                    raise TokenError("the token has no transport key", found=str(len(private)))
                record, begun = begin_kek(session, profile, KekOrigin.IMPORTED)
                template = named(kek_unwrapped(profile), Label.KEK, begun.name)
                try:
                    handle = session.unwrap(
                        oaep(wrapped.oaep_hash), private[0], wrapped.value, template
                    )
                except HsmError as error:
                    raise BackupRefused(
                        "the transport key does not open what was wrapped to it", found=error.found
                    ) from error
                finish_kek(session, record, begun, handle, wrapped.kek)
                check_canary(session, handle, parse_canary(wrapped.canary))
                return _settled(session, task)

    def _sealed_key(self) -> BackupKey:
        """A new backup key; its private half is nowhere but in this process and the result."""
        private = rsa.generate_private_key(EXPONENT, BACKUP_BITS)
        return seal_backup_key(
            private, self._secret(), secrets.token_bytes(32), secrets.token_bytes(12)
        )

    def _secret(self) -> bytearray:
        """The backup secret, given as hex. Raises BackupRefused."""
        try:
            secret = bytearray.fromhex(self._pins[Secret.BACKUP_SECRET].decode("ascii"))
        except ValueError as error:
            raise BackupRefused("a backup secret is given as 64 hex digits") from error
        if len(secret) != SECRET_SIZE:
            raise BackupRefused("a backup secret has 32 bytes", found=f"{len(secret)} bytes")
        return secret

    def _initialised(self) -> Library:
        library = Library(self._module)
        initialise(library, self._label, self._pins[Secret.SO_PIN], self._pins[Secret.PIN])
        return library

    def _put_trusted(self, library: Library, spki: bytes) -> None:
        modulus = check_backup_spki(spki).public_numbers().n.to_bytes(BACKUP_BITS // 8, "big")
        with self._logged_in(library, self._pins[Secret.SO_PIN], officer=True) as session:
            if spki not in trusted_keys(session):
                session.create(named(trusted_key(modulus), Label.BACKUP))
            if spki not in trusted_keys(session):
                raise TokenError("the token does not call the key TRUSTED that was made so")

    def _user(self, library: Library) -> "Login":
        return self._logged_in(library, self._pins[Secret.PIN], officer=False)

    def _logged_in(self, library: Library, pin: bytearray, *, officer: bool) -> "Login":
        return Login(library, self._label, pin, officer=officer)


class Login:
    """A session that somebody is logged in to, and nobody at its end."""

    def __init__(self, library: Library, label: str, pin: bytearray, *, officer: bool) -> None:
        self._session = library.open_session(find_token(library, label).slot)
        self._pin = pin
        self._officer = officer

    def __enter__(self) -> Session:
        try:
            if self._officer:
                self._log_in_officer()
            else:
                log_in(self._session, self._pin)
        except BaseException:
            self._session.close()
            raise
        return self._session

    def __exit__(self, *_: object) -> None:
        with suppress(HsmError):
            self._session.logout()
        self._session.close()

    def _log_in_officer(self) -> None:
        try:
            self._session.login(self._pin, security_officer=True)
        except HsmError as error:
            raise _of_so_pin(error) from error


def _of_so_pin(error: HsmError) -> HsmError | PinRefused:
    if error.rv in PIN_ERRORS:
        return PinRefused("the token refused the SO PIN", found=error.found)
    return error


def _decrypted(private: rsa.RSAPrivateKey, backup: KekBackup) -> bytes:
    padding = oaep_padding(backup.wrapped.oaep_hash)
    try:
        value = private.decrypt(backup.wrapped.value, padding)
    except ValueError as error:
        raise BackupRefused("the backup key does not open the wrapped KEK") from error
    if len(value) != 32:
        raise BackupRefused("the backup holds no KEK", found=f"{len(value)} bytes")
    return value


def _prove_models(session: Session, kek: OpenKek, models: tuple[RewrapItem, ...]) -> None:
    """Each model's key opens under this KEK, and is that model's. Raises BackupRefused."""
    proving = Rewrapper(session, kek, (kek,))
    for each in models:
        outcome = proving.rewrap(each).outcome
        if outcome is not RewrapOutcome.ALREADY:
            raise BackupRefused(
                f"a model's key does not open: {outcome.name.lower().replace('_', ' ')}",
                found=f"model sha256:{each.model_digest.hex()}",
            )


def _came_in(session: Session, kek: KeyId) -> bool:
    """Whether an import of this KEK was finished before, as far as the key goes."""
    found = (each for each in load_record(session) if each.id == kek)
    return any(each.is_there and each.origin is KekOrigin.IMPORTED for each in found)


def _settled(session: Session, task: tasks.ImportKek) -> KekReport:
    """Its state; the transport key goes. Done again it does no more."""
    kek, record = task.wrapped.kek, load_record(session)
    found = record.by_id(kek)
    if task.activate:
        store_record(session, record.activated(kek))
    elif found.state is KekState.PRE_ACTIVATION:
        retired = replace(found, state=KekState.DEACTIVATED)
        store_record(session, record.changed(found.name, retired))
    _destroy_transport(session)
    return next(each for each in open_keks(session).reports() if each.id == kek)


def _destroy_ours(session: Session) -> int:
    found = [each for label in Label for each in session.find(label_query(label))]
    for each in found:
        session.destroy(each)
    return len(found)


def _destroy_transport(session: Session) -> None:
    for each in session.find(label_query(Label.TRANSPORT)):
        session.destroy(each)


def main(arguments: list[str]) -> int:
    """The process. Prints one JSON document: `ok` with the task's answer, or `error`."""
    parser = argparse.ArgumentParser(prog="keyturn.hsm.ceremonychild")
    parser.add_argument("--module", type=Path, required=True)
    parser.add_argument("--label", required=True)
    parser.add_argument("--parent", type=int)
    for each in Secret:
        parser.add_argument(f"--{each.value}-fd", type=int)
    options = parser.parse_args(arguments)
    if options.parent is not None:
        die_with_parent(options.parent)
    with ExitStack() as stack:
        document: dict[str, object]
        try:
            harden()
            pins: dict[Secret, bytearray] = {}
            for each in Secret:
                descriptor = getattr(options, each.value.replace("-", "_") + "_fd")
                if descriptor is not None:
                    pins[each] = read_pin(descriptor)
                    stack.callback(wipe, pins[each])
                    os.close(descriptor)
            task = parse_task(sys.stdin.buffer.read(MAX_TASK + 1))
            document = {"ok": Child(options.module, options.label, pins).do(task)}
        except KeyturnError as error:
            document = {"error": error_document(error)}
    sys.stdout.buffer.write(dump(document))
    return 1 if "error" in document else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
