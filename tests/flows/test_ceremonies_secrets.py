"""What a ceremony leaves of its secrets: nothing in files, records or output, at its end or abort.

Every search has a positive control: what is looked for is found where it was put.
"""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from keyturn.ceremony.course import CourseState
from keyturn.ceremony.plan import KekProfile
from keyturn.ceremony.script import Part, ShareUse
from keyturn.ceremony.shares import Gathering
from keyturn.wire.errors import PeerRefused
from support.ceremonies import Cast
from support.ceremonies_host import Stage, Table, genesis_plan, host_here, host_process

FEW_WORDS = 5


def secrets_of(table: Table) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of everything that nobody but its custodian may know, as it might be left."""
    sets = table.read().share_sets
    for (officer, use), words in table.words.items():
        parts = words.split(b" ")
        yield f"{officer}'s {use.value} share", b" ".join(parts[4 : 4 + FEW_WORDS])
    for share_set in sets:
        gathering = Gathering(share_set)
        for member in share_set.members:
            gathering.add(member.officer, table.words[member.officer, share_set.use])
        secret = bytes(gathering.combine())
        name = f"the {share_set.use.value} secret"
        yield name, secret
        yield f"{name} in hex", secret.hex().encode()
        yield f"{name} in base64", base64.b64encode(secret)[:-2]


def found_in(secrets: list[tuple[str, bytes]], *places: Path) -> list[str]:
    """Where any of them lies: in files, their names, or below directories."""
    files = [
        each
        for place in places
        for each in ([place] if place.is_file() else sorted(place.rglob("*")))
        if each.is_file()
    ]
    return [
        f"{name} in {path.name}" for path in files for name, value in secrets
        if value in path.read_bytes()
    ]  # fmt: skip


def started(table: Table) -> None:
    table.open(genesis_plan(table.cast, kek_profile=KekProfile.RECOVERABLE))
    table.run(until="prove-shares")
    table.collect_all()


def check_search(secrets: list[tuple[str, bytes]], place: Path) -> None:
    """The positive control."""
    for name, value in secrets:
        planted = place / "planted"
        planted.write_bytes(b"before " + value + b" after")
        assert f"{name} in planted" in found_in(secrets, place)
        planted.unlink()


def test_a_genesis_leaves_no_secret(tmp_path: Path) -> None:
    directory = tmp_path / "host"
    with host_process(directory) as process:
        table = Table(process.door, Cast())
        started(table)
        secrets = list(secrets_of(table))
        assert len(secrets) == 11 + 9
        assert found_in(secrets, directory, process.output) == []  # boxes are ciphertexts
        assert list(directory.rglob("boxes.json"))
        table.run()
        assert table.state is CourseState.DONE
        transcript = tmp_path / "transcript.json"
        transcript.write_bytes(table.file("transcript.json"))
        assert process.end() == 0
    assert found_in(secrets, directory, process.output, transcript) == []
    assert not list(directory.rglob("boxes.json"))
    check_search(secrets, directory)


def test_an_abort_leaves_no_secret(tmp_path: Path) -> None:
    directory = tmp_path / "host"
    with host_process(directory) as process:
        table = Table(process.door, Cast())
        started(table)
        secrets = list(secrets_of(table))
        for officer in ("ada", "bela", "chen"):
            table.sign(officer, Part.CUSTODIAN)
        table.abort()
        assert process.end() == 0
    assert found_in(secrets, directory, process.output) == []
    check_search(secrets, directory)


@pytest.mark.parametrize(
    ("officer", "words", "why"),
    [
        ("ada", ("bela", ShareUse.USER), "another custodian's"),
        ("dora", ("farid", ShareUse.SO), "one of the SO PIN"),
        ("dora", "another ceremony", "of another set"),
        ("dora", "changed", "the checksum is wrong"),
    ],
)
def test_a_wrong_share_is_refused_and_neither_kept_nor_shown(
    genesis_stages: dict[str, Stage],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    officer: str,
    words: object,
    why: str,
) -> None:
    stage = genesis_stages["prove-shares"]
    directory = stage.copied_to(tmp_path / "host")
    with host_here(directory) as door:
        table = stage.table(door)
        table.resume()
        key = (officer, ShareUse.USER)
        right = table.words[key]
        wrong = _wrong(stage, words, right)
        own = {use: each for (who, use), each in table.words.items() if who == officer}
        typed = {**own, ShareUse.USER: wrong}
        attached = tuple(table.unchecked(officer, use, each) for use, each in typed.items())
        with pytest.raises(PeerRefused, match=why) as refused:
            table.door.ask(table.raw_step(officer, Part.CUSTODIAN, attached=attached))
        said = f"{refused.value}{refused.value.hint}{caplog.text}".encode()
        assert right not in said
        assert wrong not in said
        waiting = table.read().waiting
        assert waiting is not None
        assert (waiting.signed, waiting.entered) == ((), ())
        table.sign(officer, Part.CUSTODIAN)
        with pytest.raises(PeerRefused, match="has signed this step"):
            table.sign(officer, Part.CUSTODIAN)


def _wrong(stage: Stage, words: object, right: bytes) -> bytes:
    if isinstance(words, tuple):
        return stage.words[words]
    if words == "changed":
        first, rest = right.split(b" ", 1)
        return (b"academic" if first != b"academic" else b"acid") + b" " + rest
    return _OTHER


_OTHER = (
    b"duckling enlarge academic academic agency result length solution fridge kidney coal piece "
    b"deal husband erode duke ajar critical decision keyboard"
)
"""A share of SLIP-39's own vectors."""
