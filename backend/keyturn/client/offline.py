"""Proposals as files: an officer without a network reads, checks and signs one, and sends it back.

The file is the server's `GET /v1/proposals/{digest}/export`: `{type: "proposal-export", format: 1,
statement, approvals, bundle}`, all base64. Everything in it is verified against the pinned
fingerprint; what the log would add (is it overtaken, is it in force) cannot be known here.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from keyturn.base.encoding import Digest, b64, unb64
from keyturn.base.errors import MalformedError, UntrustedError
from keyturn.base.strictjson import Fields, dump, parse_object
from keyturn.client.authority import check_not_older, keys_known, rosters_of
from keyturn.client.errors import FileUnusable, MalformedAnswer, NotEntitled, ServerLied
from keyturn.client.memory import Memory
from keyturn.client.proposals import count, read_signed
from keyturn.officerkeys.signer import Signer
from keyturn.quorum.approvals import (
    APPROVAL_TYPE,
    Approval,
    Decision,
    approval_payload,
    parse_approval,
)
from keyturn.quorum.bundle import Authority, load_bundle
from keyturn.quorum.kinds import Role
from keyturn.quorum.roster import OfficerId, Roster
from keyturn.quorum.statements import Statement, parse_statement

TYPE = "proposal-export"
MAX_EXPORT = 64 << 20


@dataclass(frozen=True, slots=True)
class ProposalFile:
    """A verified export. `raw_bundle` is kept as received, to be written out again."""

    statement: Statement
    approvals: tuple[Approval, ...]
    authority: Authority
    raw_bundle: bytes

    @property
    def approved_by(self) -> tuple[OfficerId, ...]:
        return count(self.statement, self.approvals, self.authority.roster)[0]

    @property
    def needed(self) -> int:
        return self.authority.roster.thresholds[self.statement.kind]

    def to_bytes(self) -> bytes:
        return dump(
            {
                "type": TYPE,
                "format": 1,
                "statement": b64(self.statement.raw),
                "approvals": [b64(each.raw) for each in self.approvals],
                "bundle": b64(self.raw_bundle),
            }
        )


def read_proposal_file(
    raw: bytes, fingerprint: Digest, memory: Memory, now: datetime, *, remember: bool = True
) -> ProposalFile:
    """Verify an export against the pinned authority.

    Raises MalformedAnswer, ServerLied for anything forged in it, AuthorityRolledBack.
    """
    try:
        fields = parse_object(raw, limit=MAX_EXPORT, what="proposal file")
    except MalformedError as error:
        raise MalformedAnswer(error.message, found=error.found, expected=error.expected) from error
    return file_of(fields, fingerprint, memory, now, remember=remember)


def file_of(
    fields: Fields, fingerprint: Digest, memory: Memory, now: datetime, *, remember: bool = True
) -> ProposalFile:
    """As `read_proposal_file`, of a document that is read already."""
    try:
        statement, approvals, bundle = _parts(fields)
    except MalformedError as error:
        raise MalformedAnswer(error.message, found=error.found, expected=error.expected) from error
    _check_readable(statement, approvals)
    try:
        authority = load_bundle(bundle, fingerprint, now, keys_known(memory), lenient=True)
    except UntrustedError as error:
        raise ServerLied(
            f"the file's authority is not the pinned one: {error.message}",
            found=error.found,
            expected=error.expected or fingerprint,
        ) from error
    check_not_older(authority, memory, remember=remember)
    read, seen = read_signed(statement, approvals, fingerprint, rosters_of(authority.state))
    return ProposalFile(read, seen, authority, bundle)


def with_decision(
    file: ProposalFile,
    signer: Signer,
    decision: Decision,
    comment: str,
    now: datetime,
    *,
    preview: Digest | None = None,
) -> ProposalFile:
    """The file with one more approval or rejection. Raises NotEntitled."""
    check_may_decide(file.statement, file.authority.roster, signer)
    raw = sign_decision(file.statement.digest, signer, decision, comment, now, preview=preview)
    statement, approvals = read_signed(
        file.statement.raw,
        [*(each.raw for each in file.approvals), raw],
        file.authority.fingerprint,
        rosters_of(file.authority.state),
    )
    return ProposalFile(statement, approvals, file.authority, file.raw_bundle)


def sign_decision(
    statement: Digest,
    signer: Signer,
    decision: Decision,
    comment: str,
    now: datetime,
    *,
    preview: Digest | None = None,
) -> bytes:
    """The envelope of one approval or rejection. `preview`: of the impact that was looked at."""
    payload = approval_payload(
        statement,
        decision,
        officer=signer.officer,
        time=now,
        comment=comment,
        preview=preview,
    )
    return signer.sign(APPROVAL_TYPE, payload).to_bytes()


def check_may_decide(statement: Statement, roster: Roster, signer: Signer) -> None:
    """Spare the officer a refusal: raises NotEntitled when the keyholder would not count them."""
    new = [statement.body] if isinstance(statement.body, Roster) else []
    for each in (roster, *new):
        officer = each.officer_of(signer.key_id)
        if officer is not None and officer.id == signer.officer and Role.APPROVER in officer.roles:
            return
    raise NotEntitled(
        "your approval would not count",
        found=f"{signer.officer}, key {signer.key_id[:16]}",
        expected="the key of an officer with the role approver, in the roster in force",
    )


def write_new_file(path: Path, data: bytes, *, private: bool = False) -> None:
    """Write a file that is not there yet, whole or not at all; `private`: for its owner alone.

    Raises FileUnusable.
    """
    mode = 0o600 if private else 0o666
    try:
        with open(path, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as stream:
            try:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            except OSError:
                path.unlink(missing_ok=True)
                raise
    except FileExistsError as error:
        raise FileUnusable(
            f"cannot write {path}: {error.strerror}", hint="Name a file that is not there yet."
        ) from error
    except OSError as error:
        raise FileUnusable(f"cannot write {path}: {error.strerror}") from error


def read_file(path: Path, limit: int = MAX_EXPORT) -> bytes:
    """Raises FileUnusable when it cannot be read or is too large."""
    try:
        with path.open("rb") as stream:
            raw = stream.read(limit + 1)
    except OSError as error:
        raise FileUnusable(f"cannot read {path}: {error.strerror}") from error
    if len(raw) > limit:
        raise FileUnusable(f"{path} is too large", expected=f"at most {limit} bytes")
    return raw


def _check_readable(statement: bytes, approvals: Sequence[bytes]) -> None:
    """Say which part of a file is damaged. Raises MalformedAnswer."""
    try:
        part = "the statement"
        parse_statement(statement)
        for place, each in enumerate(approvals, start=1):
            part = f"approval {place} of {len(approvals)}"
            parse_approval(each)
    except MalformedError as error:
        raise MalformedAnswer(
            f"proposal file: {part} cannot be read: {error.message}",
            found=error.found,
            expected=error.expected,
            hint="Carry the file again; if it stays so, have it signed anew.",
        ) from error


def _parts(fields: Fields) -> tuple[bytes, list[bytes], bytes]:
    fields.literal("type", TYPE)
    fields.literal("format", 1)
    statement = fields.b64("statement", limit=4 << 20)
    approvals = []
    for place, each in enumerate(fields.items("approvals", limit=1000)):
        if not isinstance(each, str):
            raise MalformedError(f"proposal file: approvals[{place}] is not text")
        approvals.append(unb64(each, what=f"proposal file: approvals[{place}]"))
    bundle = fields.b64("bundle", limit=32 << 20)
    fields.done()
    return statement, approvals, bundle
