"""Pre-flight on every token that can be had here, as an operator runs it; and what red means.

What each token is found to do is data (`FOUND`): a token that changes shows here. NSS softoken
takes the templates of Keyturn's keys and enforces nothing of them, so it is the example of a
token on which Keyturn must not run (docs/decisions/0035).
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from keyturn.ceremony.tokeninventory import KeyProfile, parse_inventory
from keyturn.ceremony.tokenreport import Level, parse_report, report_digest
from support.hsmtoken import LABEL, TestToken, make_softhsm
from support.nsstoken import NssToken, make_nss

_COMMAND = """
import sys, typer
from keyturn.cli.hsm import register
app = typer.Typer()
register(app)
app(sys.argv[1:])
"""
_GREEN, _AMBER, _RED = Level.GREEN, Level.AMBER, Level.RED

FOUND: dict[str, dict[str, Level]] = {
    "softhsm": {
        "assurance": _AMBER,
        "version": _GREEN,
        "login model": _GREEN,
        "wrong PINs": _AMBER,
        "FIPS mode": _AMBER,
        "clock": _GREEN,
        "free space": _AMBER,
        "keys kept on the token": _GREEN,
        "KEK attributes": _GREEN,
        "KEK restrictions enforced": _GREEN,
        "recoverable KEK restricted": _GREEN,
        "unwrap template enforced": _GREEN,
        "unwrap template enforced, ingest key": _GREEN,
        "AES key wrap is RFC 3394": _GREEN,
        "tag verified in the token": _GREEN,
        "RSA-OAEP to a node": _AMBER,
        "RSA-OAEP from a sealer": _AMBER,
        "Ed25519 log key": _GREEN,
        "P-256 result key": _GREEN,
        "mark on the token": _GREEN,
        "keys of the ceremony": _GREEN,
    },
    "nss": {
        "assurance": _AMBER,
        "version": _GREEN,
        "login model": _RED,
        "wrong PINs": _AMBER,
        "FIPS mode": _AMBER,
        "clock": _GREEN,
        "free space": _AMBER,
        "keys kept on the token": _RED,
        "KEK attributes": _RED,
        "KEK restrictions enforced": _RED,
        "recoverable KEK restricted": _RED,
        "unwrap template enforced": _RED,
        "unwrap template enforced, ingest key": _RED,
        "AES key wrap is RFC 3394": _GREEN,
        "tag verified in the token": _GREEN,
        "RSA-OAEP to a node": _GREEN,
        "RSA-OAEP from a sealer": _RED,
        "Ed25519 log key": _RED,
        "P-256 result key": _RED,
        "mark on the token": _RED,
        "keys of the ceremony": _AMBER,
    },
}
_MACHINE = "memory locked"  # amber or green by the machine that runs the tests


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    output: bytes

    def document(self) -> dict[str, Any]:
        document = json.loads(self.output)
        assert isinstance(document, dict)
        return document

    def levels(self) -> dict[str, Level]:
        return {each["name"]: Level(each["level"]) for each in self.document()["checks"]}


Preflight = Callable[..., Answer]


def _softhsm_environment(token: TestToken) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(sys.modules["keyturn"].__file__ or "").parents[1]),
        "SOFTHSM2_CONF": str(token.config.softhsm_configuration),
    }


def _softhsm_preflight(token: TestToken, *more: str, pin: bytes | None = None) -> Answer:
    with token.pin_fd(pin) as descriptor:
        options = ["--token-label", LABEL, "--module", str(token.config.module)]
        options += ["--pin-fd", str(descriptor), *more]
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                _COMMAND,
                "hsm",
                "preflight",
                *options,
                "--pin-fd",
                f"{descriptor}",
            ],
            stdout=subprocess.PIPE,
            pass_fds=(descriptor,),
            env=_softhsm_environment(token),
            check=False,
        )
    return Answer(done.returncode, done.stdout)


_NSS_COMMAND = """
import sys, typer
from keyturn.cli.hsm import register
module, directory, pin_fd = sys.argv[1:4]
app = typer.Typer()
register(app)
app(["hsm", "preflight", "--module", module, "--token-directory", directory,
     "--pin-fd", pin_fd, "--token-label", "NSS Certificate DB", *sys.argv[4:]])
"""


def _nss_preflight(token: NssToken, *more: str, pin: bytes | None = None) -> Answer:
    done = token.run(_NSS_COMMAND, *more, pin=pin)
    return Answer(done.status, done.output)


@pytest.fixture(scope="module")
def softhsm(tmp_path_factory: pytest.TempPathFactory) -> TestToken:
    return make_softhsm(tmp_path_factory.mktemp("softhsm") / "token")


@pytest.fixture(scope="module")
def nss(tmp_path_factory: pytest.TempPathFactory) -> NssToken:
    return make_nss(tmp_path_factory.mktemp("nss") / "token")


@pytest.fixture(scope="module", params=sorted(FOUND))
def preflight(request: pytest.FixtureRequest) -> Iterator[tuple[str, Path, Preflight]]:
    """(name, directory, how to run it) of each token."""
    token = request.getfixturevalue(request.param)
    if isinstance(token, NssToken):
        yield request.param, token.directory, lambda *a, **k: _nss_preflight(token, *a, **k)
    else:
        yield request.param, token.directory, lambda *a, **k: _softhsm_preflight(token, *a, **k)


Tried = tuple[str, Path, Preflight]


def test_every_check_finds_what_is_known_of_the_token(preflight: Tried) -> None:
    name, _, run = preflight
    answer = run("--json")
    levels = answer.levels()
    assert levels.pop(_MACHINE) in (Level.GREEN, Level.AMBER)
    assert levels == FOUND[name]
    assert answer.status == (1 if Level.RED in levels.values() else 0)
    assert answer.document()["vendor"]["tested"] is True
    assert answer.document()["assurance"] == "software"


def test_whatever_is_not_green_says_what_was_expected_and_what_to_do(preflight: Tried) -> None:
    for check in preflight[2]("--json").document()["checks"]:
        assert check["found"]
        if check["level"] != "green":
            assert check["expected"]
            assert check["hint"]


def test_nothing_is_left_on_the_token(preflight: Tried) -> None:
    _, directory, run = preflight
    before = _shape(directory)
    run("--json")
    assert _shape(directory) == before


def _shape(directory: Path) -> list[tuple[str, int]]:
    """Names and sizes; the times of a login are elsewhere."""
    return sorted((str(each), each.stat().st_size) for each in directory.rglob("*"))


def test_the_report_is_kept_read_back_and_never_overwritten(
    preflight: Tried, tmp_path: Path
) -> None:
    _, _, run = preflight
    path = tmp_path / "report.json"
    printed = run("-o", str(path)).output.decode()
    raw = path.read_bytes()
    report = parse_report(raw)
    assert report_digest(raw) in printed
    assert report.level in (Level.AMBER, Level.RED)
    again = run("-o", str(path), "--json")
    assert again.status == 1
    assert again.document()["error"]["kind"] == "ReportExists"
    assert path.read_bytes() == raw


def test_a_wrong_pin_is_said(preflight: Tried) -> None:
    answer = preflight[2]("--json", pin=b"wrong" * 6)
    assert (answer.status, answer.document()["error"]["kind"]) == (1, "PinRefused")


# What red means: Keyturn does not run there

_FOUND_KEYS = """
import sys
from pathlib import Path
from keyturn.base.errors import KeyturnError
from keyturn.hsm.cryptoki import Attr, ObjectClass
from keyturn.hsm.ckstructs import Template
from keyturn.hsm.genesis import make_keys
from keyturn.hsm.kekwork import KekProfile
from keyturn.hsm.pins import read_pin
from keyturn.hsm.token import log_in
from keyturn.hsm.vendors import start_module
library = start_module(Path(sys.argv[1]), Path(sys.argv[2]))
token = library.tokens()[1]
with library.session(token.slot) as session:
    log_in(session, read_pin(int(sys.argv[3])))
    try:
        make_keys(session, KekProfile.NEVER_EXTRACTABLE)
    except KeyturnError as error:
        print(type(error).__name__, error)
    print("keys", session.find(Template(((Attr.CLASS, ObjectClass.SECRET_KEY),))))
"""


def test_a_genesis_on_nss_makes_no_key(nss: NssToken) -> None:
    done = nss.run(_FOUND_KEYS)
    assert done.status == 0, done.errors
    assert b"HsmError" in done.output
    assert b"keys ()" in done.output


_RELEASES = """
import secrets, sys
from pathlib import Path
from keyturn.base.errors import KeyturnError
from keyturn.hsm.ckstructs import Template
from keyturn.hsm.cryptoki import Attr
from keyturn.hsm.pins import read_pin
from keyturn.hsm.profiles import KEK, KEK_GENERATOR, Label, named
from keyturn.hsm.token import check_keys, log_in
from keyturn.hsm.vendors import NSS, start_module
library = start_module(Path(sys.argv[1]), Path(sys.argv[2]))
token = library.tokens()[1]
with library.session(token.slot) as session:
    log_in(session, read_pin(int(sys.argv[3])))
    kept = tuple(each for each in named(KEK, Label.KEK).items
                 if each[0] not in NSS.unknown_attributes)
    kek = session.generate(KEK_GENERATOR, Template(kept))
    try:
        check_keys(session)
    except KeyturnError as error:
        print(type(error).__name__, error)
    finally:
        session.destroy(kek)
"""


def test_a_kek_of_another_form_on_nss_is_not_opened(nss: NssToken) -> None:
    """Somebody makes the keys by hand, without what NSS does not take: no worker opens them."""
    done = nss.run(_RELEASES)
    assert done.status == 0, done.errors
    assert b"TokenError" in done.output


_UNTOLD = """
import sys
from pathlib import Path
from keyturn.hsm.errors import HsmUnreachable
from keyturn.hsm.pkcs11 import Library
try:
    Library(Path(sys.argv[1]))
except HsmUnreachable as error:
    print("unreachable", error)
"""


def test_nss_without_its_words_does_not_start(nss: NssToken) -> None:
    """A worker tells a module nothing: none can be pointed at a key database of NSS."""
    done = nss.run(_UNTOLD)
    assert b"unreachable" in done.output
    assert b"CKR_ARGUMENTS_BAD" in done.output


# Attacks that are seen

_CLASS, _KEY_TYPE, _EXTRACTABLE = 0x0, 0x100, 0x162


def _u64(*values: int) -> bytes:
    return b"".join(value.to_bytes(8, "big") for value in values)


def test_preflight_is_red_for_a_changed_key(softhsm: TestToken, tmp_path: Path) -> None:
    """One byte of the KEK's file, no PIN. SoftHSM 2.6.1, File.cpp: u64 attribute, kind, value."""
    fresh = softhsm.copied_to(tmp_path / "changed")
    wanted = (_u64(_CLASS, 2, 4), _u64(_KEY_TYPE, 2, 0x1F))
    (path,) = (
        each
        for each in fresh.directory.rglob("*.object")
        if "token.object" not in each.name and all(w in each.read_bytes() for w in wanted)
    )
    raw, head = path.read_bytes(), _u64(_EXTRACTABLE, 1)
    place = raw.index(head) + len(head)
    path.write_bytes(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])
    answer = _softhsm_preflight(fresh, "--json")
    (red,) = (each for each in answer.document()["checks"] if each["level"] == "red")
    assert answer.status == 1
    assert "keyturn-kek: attribute EXTRACTABLE" in red["found"]


def test_what_a_killed_preflight_left_is_removed(softhsm: TestToken, tmp_path: Path) -> None:
    fresh = softhsm.copied_to(tmp_path / "littered")
    before = len(list(fresh.directory.rglob("*.object")))
    program = """
import os, sys
from pathlib import Path
from keyturn.hsm.pins import read_pin
from keyturn.hsm.pkcs11 import Library
from keyturn.hsm.profiles import Label, data_object
from keyturn.hsm.token import find_token, log_in
library = Library(Path(sys.argv[1]))
session = library.open_session(find_token(library, sys.argv[2]).slot)
log_in(session, read_pin(int(sys.argv[3])))
session.create(data_object(Label.TRIAL, b"left"))
os._exit(0)
"""
    with fresh.pin_fd() as descriptor:
        subprocess.run(
            [sys.executable, "-c", program, str(fresh.config.module), LABEL, str(descriptor)],
            pass_fds=(descriptor,),
            env=_softhsm_environment(fresh),
            check=True,
        )
    assert len(list(fresh.directory.rglob("*.object"))) == before + 1
    _softhsm_preflight(fresh, "--json")
    assert len(list(fresh.directory.rglob("*.object"))) == before


# `keyturn hsm list`


def _softhsm_list(token: TestToken, *more: str, pin: bytes | None = None) -> Answer:
    with token.pin_fd(pin) as descriptor:
        options = ["--module", str(token.config.module), "--pin-fd", str(descriptor), *more]
        done = subprocess.run(
            [sys.executable, "-c", _COMMAND, "hsm", "list", *options],
            stdout=subprocess.PIPE,
            pass_fds=(descriptor,),
            env=_softhsm_environment(token),
            check=False,
        )
    return Answer(done.returncode, done.stdout)


def test_a_tokens_keys_are_listed_with_attributes_and_states(softhsm: TestToken) -> None:
    answer = _softhsm_list(softhsm, "--token-label", LABEL, "--json")
    inventory = parse_inventory(answer.output)
    assert inventory.active is not None
    assert inventory.active.profile is KeyProfile.NEVER_EXTRACTABLE
    said = {each.name: each.value for each in inventory.active.attributes}
    assert (said["EXTRACTABLE"], said["UNWRAP"], said["DECRYPT"]) == ("False", "True", "False")
    labels = {(each.label, each.part) for each in inventory.keys}
    assert ("keyturn-ingest", "private") in labels
    assert all(a.as_made for each in inventory.keys for a in each.attributes)
    assert inventory.workers is None


def test_a_list_for_people_says_what_the_words_are_worth(softhsm: TestToken) -> None:
    text = _softhsm_list(softhsm, "--token-label", LABEL).output.decode()
    assert "software assurance: attributes are what a software token says" in text
    assert "never-extractable" in text


def test_tokens_are_listed_without_a_pin(softhsm: TestToken) -> None:
    document = _softhsm_list(softhsm, "--json").document()
    (token,) = (each for each in document["tokens"] if each["label"] == LABEL)
    assert token["vendor"] == {
        "name": "SoftHSM 2",
        "tested": True,
        "source": token["vendor"]["source"],
    }


def test_a_list_with_a_wrong_pin_shows_nothing(softhsm: TestToken) -> None:
    answer = _softhsm_list(softhsm, "--token-label", LABEL, "--json", pin=b"wrong" * 6)
    assert (answer.status, answer.document()["error"]["kind"]) == (1, "PinRefused")


def test_an_empty_key_database_is_listed_as_empty(nss: NssToken) -> None:
    done = nss.run(_NSS_COMMAND.replace('"preflight"', '"list"'), "--json")
    inventory = parse_inventory(done.output)
    assert (inventory.keks, inventory.keys) == ((), ())
