"""Proposal files: verified by the fingerprint alone, and signed where there is no network."""

import json
import os
from pathlib import Path

import pytest

from keyturn.base.encoding import b64
from keyturn.base.errors import KeyturnError
from keyturn.client.errors import (
    AuthorityRolledBack,
    FileUnusable,
    MalformedAnswer,
    NotEntitled,
    ServerLied,
)
from keyturn.client.memory import Memory
from keyturn.client.offline import (
    ProposalFile,
    read_file,
    read_proposal_file,
    with_decision,
    write_new_file,
)
from keyturn.officerkeys.signer import OfficerSigner
from keyturn.quorum.approvals import Decision
from keyturn.quorum.bundle import make_bundle
from keyturn.quorum.kinds import Kind
from support.authority import Clock, policy_body
from unit.client.scripted_server import ScriptedServer

SERVER = ScriptedServer(Clock())
MADE = SERVER.authority.propose(Kind.POLICY, "serving", policy_body())
BELAS = SERVER.authority.approval(MADE.digest, "bela")


def document(**changed: object) -> bytes:
    fields = {
        "type": "proposal-export",
        "format": 1,
        "statement": b64(MADE.raw),
        "approvals": [b64(BELAS)],
        "bundle": b64(make_bundle(SERVER.state)),
    }
    return json.dumps({**fields, **changed}).encode()


def read(raw: bytes, memory: Memory | None = None) -> ProposalFile:
    memory = memory or Memory(SERVER.fingerprint)
    return read_proposal_file(raw, SERVER.fingerprint, memory, SERVER.clock())


def test_a_file_is_read_signed_and_read_again() -> None:
    file = read(document())
    assert (file.approved_by, file.needed) == (("bela",), 2)
    signer = OfficerSigner(SERVER.secrets["chen"])
    signed = with_decision(file, signer, Decision.APPROVE, "on paper", SERVER.clock())
    again = read(signed.to_bytes())
    assert again.approved_by == ("bela", "chen")
    assert again.approvals[-1].comment == "on paper"
    assert again.statement.raw == MADE.raw
    # The keyholder's own judgement agrees.
    assert SERVER.state.submit(again.statement, again.approvals, SERVER.clock()) == {"bela", "chen"}


def test_a_rejection_takes_an_approval_back() -> None:
    signer = OfficerSigner(SERVER.secrets["bela"])
    signed = with_decision(read(document()), signer, Decision.REJECT, "", SERVER.clock())
    assert signed.approved_by == ()


def test_whose_approval_would_not_count_does_not_sign() -> None:
    stranger = OfficerSigner(ScriptedServer(Clock()).secrets["chen"])
    with pytest.raises(NotEntitled, match="would not count"):
        with_decision(read(document()), stranger, Decision.APPROVE, "", SERVER.clock())


def test_an_officer_of_the_new_roster_may_approve_it() -> None:
    newcomer = ScriptedServer(Clock())
    zoe = newcomer.secrets["ada"].public.roster_entry(["approver"])
    body = SERVER.authority.roster_body()
    officers = body["officers"]
    assert isinstance(officers, list)
    made = SERVER.authority.propose(
        Kind.ROSTER, "roster", {**body, "officers": [*officers, {**zoe, "id": "zoe"}]}
    )

    class Zoe(OfficerSigner):
        @property
        def officer(self) -> str:
            return "zoe"

    file = read(document(statement=b64(made.raw), approvals=[]))
    signer = Zoe(newcomer.secrets["ada"])
    signed = with_decision(file, signer, Decision.APPROVE, "", SERVER.clock())
    assert signed.approved_by == ("zoe",)


OTHER = ScriptedServer(Clock())
FORGED = OTHER.authority.approval(MADE.digest, "bela")


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (document(bundle=b64(make_bundle(OTHER.state))), ServerLied),
        (
            document(statement=b64(OTHER.authority.propose(Kind.POLICY, "s", policy_body()).raw)),
            ServerLied,
        ),
        (document(approvals=[b64(FORGED)]), ServerLied),
        (document(approvals=[1]), MalformedAnswer),
        (document(extra=1), MalformedAnswer),
        (document(format=2), MalformedAnswer),
        (b"{}", MalformedAnswer),
        (document()[:-1], MalformedAnswer),
    ],
)
def test_anything_else_is_refused(raw: bytes, error: type[KeyturnError]) -> None:
    with pytest.raises(error):
        read(raw)


def test_a_file_with_an_older_roster_than_seen_is_refused() -> None:
    memory = Memory(SERVER.fingerprint)
    memory.keep_versions(2, 1)
    with pytest.raises(AuthorityRolledBack):
        read(document(), memory)


def test_files_are_never_overwritten_and_never_endless(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_new_file(path, b"12345")
    with pytest.raises(FileUnusable, match="cannot write"):
        write_new_file(path, b"x")
    assert read_file(path, 5) == b"12345"
    with pytest.raises(FileUnusable, match="too large"):
        read_file(path, 4)
    with pytest.raises(FileUnusable, match="cannot read"):
        read_file(tmp_path)


def test_a_full_disk_leaves_no_half_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "signed.json"

    def full(_stream: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileUnusable, match="No space"):
        write_new_file(path, b"{}")
    assert not path.exists()
    monkeypatch.undo()
    write_new_file(path, b"{}")
    with pytest.raises(FileUnusable, match="exists"):
        write_new_file(path, b"{}")
    assert path.read_bytes() == b"{}"
