"""Reading statements: exact form, exact times, exact subject (our protocol §2.1, §2.2)."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.base.dsse import Envelope, parse_envelope
from keyturn.base.encoding import Digest, digest_of
from keyturn.base.errors import MalformedError
from keyturn.quorum.bodies import Platforms
from keyturn.quorum.errors import MalformedStatement
from keyturn.quorum.kinds import Kind
from keyturn.quorum.statements import (
    MAX_STATEMENT,
    Statement,
    compose_payload,
    parse_statement,
    statement_type,
)
from support.authority import START, Authority, Clock
from unit.quorum.authority_log import admission, platforms

MODEL = Digest("sha256:" + "11" * 32)
OLD = Digest("sha256:" + "22" * 32)
AUTHORITY = Digest("sha256:" + "33" * 32)
BODY = platforms("amd-genoa-00")
# Unicode's Bidi_Control and the separators of lines and paragraphs.
BIDI = set("\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
OBEYED = sorted({chr(code) for code in [*range(32), *range(0x7F, 0xA0)]} - set("\n\t") | BIDI)


def payload(**changed: object) -> dict[str, object]:
    """A platforms statement's payload, written from the words of §2.2."""
    fields: dict[str, object] = {
        "type": "platforms",
        "format": 1,
        "authority": AUTHORITY,
        "subject": "eu",
        "version": 2,
        "replaces": OLD,
        "proposer": "ada",
        "time": "2026-11-23T08:00:00Z",
        "proposal_lapses": "2026-11-26T08:00:00Z",
        "expires": "2027-02-21T08:00:00Z",
        "reason": "a new rack",
        "ticket": None,
        "body": BODY,
    }
    return {**fields, **changed}


def read(kind: str = "platforms", /, **changed: object) -> Statement:
    raw = json.dumps(payload(**changed)).encode()
    return parse_statement(envelope(kind, raw))


def envelope(kind: str, raw: bytes) -> bytes:
    return Envelope(f"application/vnd.keyturn.{kind}.v1+json", raw, ()).to_bytes()


def test_every_field_is_read() -> None:
    statement = read(ticket="T-1")

    assert (statement.kind, statement.subject, statement.version) == (Kind.PLATFORMS, "eu", 2)
    assert (statement.replaces, statement.proposer) == (OLD, "ada")
    assert statement.authority == statement.fingerprint == AUTHORITY
    assert statement.time == START
    assert statement.proposal_lapses == START + timedelta(days=3)
    assert statement.expires == START + timedelta(days=90)
    assert (statement.reason, statement.ticket) == ("a new rack", "T-1")
    assert isinstance(statement.body, Platforms)


def test_the_digest_is_of_the_payloads_exact_bytes() -> None:
    compact = json.dumps(payload(), separators=(",", ":")).encode()
    spaced = json.dumps(payload(), indent=1).encode()
    digests = [parse_statement(envelope("platforms", raw)).digest for raw in (compact, spaced)]

    assert digests == [digest_of(compact), digest_of(spaced)]
    assert len(set(digests)) == 2


def test_what_is_composed_reads_back() -> None:
    raw = compose_payload(
        Kind.PLATFORMS,
        "eu",
        authority=AUTHORITY,
        version=2,
        replaces=OLD,
        proposer="ada",
        time=START,
        reason="a new rack",
        body=BODY,
    )
    assert json.loads(raw) == payload()
    assert statement_type(Kind.PLATFORMS) == "application/vnd.keyturn.platforms.v1+json"


@given(
    reason=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=200).filter(
        lambda text: not BIDI & set(text)
    ),
    version=st.integers(2, 2**53 - 1),
    lapse=st.integers(1, 7 * 86_400),
    life=st.integers(1, 400 * 86_400),
)
def test_write_and_read_are_inverse(reason: str, version: int, lapse: int, life: int) -> None:
    raw = compose_payload(
        Kind.PLATFORMS,
        "eu",
        authority=AUTHORITY,
        version=version,
        replaces=OLD,
        proposer="ada",
        time=START,
        reason=reason,
        body=BODY,
        lapses=timedelta(seconds=lapse),
        life=timedelta(seconds=life),
    )
    whole = envelope("platforms", raw)
    found = parse_statement(whole)

    assert (found.reason, found.version, found.raw) == (reason, version, whole)
    assert (found.proposal_lapses - START).total_seconds() == lapse
    assert found.expires is not None
    assert (found.expires - START).total_seconds() == life
    assert found.envelope.to_bytes() == whole


@pytest.mark.parametrize("name", sorted(payload()))
def test_every_field_is_needed(name: str) -> None:
    fields = payload()
    del fields[name]

    with pytest.raises(MalformedError, match=f"field '{name}' is missing"):
        parse_statement(envelope("platforms", json.dumps(fields).encode()))


@pytest.mark.parametrize(
    "changed",
    [
        {"extra": 1},
        {"type": "policy"},
        {"format": 2},
        {"format": True},
        {"authority": ""},
        {"authority": "33" * 32},
        {"authority": f"sha256:{'3A' * 32}"},
        {"authority": [AUTHORITY]},
        {"subject": ""},
        {"subject": "x" * 401},
        {"version": 0},
        {"version": "2"},
        {"version": True},
        {"version": 2**53},
        {"replaces": "22" * 32},
        {"proposer": ""},
        {"time": "2026-11-23 08:00:00Z"},
        {"time": "2026-11-23T08:00:00+00:00"},
        {"time": None},
        {"reason": ""},
        {"reason": "x" * 2001},
        {"ticket": ""},
        {"body": []},
        {"body": {}},
    ],
    ids=str,
)
def test_a_field_of_another_form_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        read(**changed)


def test_the_payload_type_and_the_type_are_the_same_kind() -> None:
    with pytest.raises(MalformedError, match="'type' is wrong"):
        read("policy")


@pytest.mark.parametrize(
    ("lapses", "good"),
    [
        ("2026-11-23T08:00:00Z", False),
        ("2026-11-23T07:59:59Z", False),
        ("2026-11-23T08:00:01Z", True),
        ("2026-11-30T08:00:00Z", True),
        ("2026-11-30T08:00:01Z", False),
    ],
)
def test_a_proposal_lapses_within_seven_days(lapses: str, good: bool) -> None:
    check(good, "proposal_lapses", proposal_lapses=lapses)


@pytest.mark.parametrize(
    ("expires", "good"),
    [
        ("2026-11-23T08:00:00Z", False),
        ("2026-11-23T08:00:01Z", True),
        ("2027-12-28T08:00:00Z", True),
        ("2027-12-28T08:00:01Z", False),
        (None, False),
    ],
)
def test_a_statement_expires_within_400_days(expires: str | None, good: bool) -> None:
    check(good, "expires", expires=expires)


@pytest.mark.parametrize(
    ("version", "replaces", "good"),
    [(1, None, True), (1, OLD, False), (2, None, False), (2, OLD, True)],
)
def test_the_first_version_replaces_nothing(version: int, replaces: str | None, good: bool) -> None:
    check(good, "replaces", version=version, replaces=replaces)


@pytest.mark.parametrize(
    ("kind", "version", "authority", "good"),
    [
        ("roster", 1, None, True),
        ("roster", 1, AUTHORITY, False),
        ("roster", 2, None, False),
        ("roster", 2, AUTHORITY, True),
        ("platforms", 1, None, False),
        ("platforms", 2, None, False),
        ("platforms", 1, AUTHORITY, True),
    ],
)
def test_only_the_first_roster_names_no_authority(
    kind: str, version: int, authority: str | None, good: bool
) -> None:
    roster = Authority(Clock()).roster_body()
    changed: dict[str, object] = {
        "type": kind,
        "subject": "roster" if kind == "roster" else "eu",
        "version": version,
        "replaces": None if version == 1 else OLD,
        "authority": authority,
        "body": roster if kind == "roster" else BODY,
    }
    if not good:
        with pytest.raises(MalformedStatement, match="authority") as refused:
            read(kind, **changed)
        assert refused.value.found == str(authority)
        assert refused.value.expected == "null for version 1 of the roster, and only there"
        return
    found = read(kind, **changed)
    assert found.authority == authority
    assert found.fingerprint == (authority or found.digest)


def check(good: bool, match: str, **changed: object) -> None:
    if good:
        assert read(**changed).kind is Kind.PLATFORMS
        return
    with pytest.raises(MalformedStatement, match=match):
        read(**changed)


def revocation(**changed: object) -> Statement:
    fields: dict[str, object] = {
        "type": "revocation",
        "subject": "node:n1",
        "expires": None,
        "body": {"target_kind": "node", "target": "n1"},
    }
    return read("revocation", **{**fields, **changed})


def test_a_revocation_never_expires() -> None:
    assert revocation().expires is None
    assert not revocation().expired(START + timedelta(days=10_000))
    with pytest.raises(MalformedStatement, match="expires"):
        revocation(expires="2027-02-21T08:00:00Z")


@pytest.mark.parametrize("subject", ["n1", "node:n2", "platform:n1", "node:n1 "])
def test_a_revocations_subject_is_its_target(subject: str) -> None:
    with pytest.raises(MalformedStatement, match="subject"):
        revocation(subject=subject)
    assert revocation().subject == "node:n1"


def test_an_admissions_subject_is_its_model() -> None:
    found = read("model", type="model", subject=MODEL, body=admission(MODEL))
    assert found.subject == MODEL

    with pytest.raises(MalformedStatement, match="subject"):
        read("model", type="model", subject=OLD, body=admission(MODEL))


@pytest.mark.parametrize("subject", ["roster", "Trust-Anchors", "trust-anchors2"])
def test_some_kinds_have_one_subject_only(subject: str) -> None:
    body = {"hardware": "pinned", "simulated": []}

    with pytest.raises(MalformedStatement, match="subject"):
        read("trust-anchors", type="trust-anchors", subject=subject, body=body)
    found = read("trust-anchors", type="trust-anchors", subject="trust-anchors", body=body)
    assert found.kind is Kind.TRUST_ANCHORS


def test_it_is_expired_from_the_very_second() -> None:
    statement = read()
    assert not statement.expired(START + timedelta(days=90, seconds=-1))
    assert statement.expired(START + timedelta(days=90))


def test_an_envelope_of_more_than_a_mebibyte_is_refused() -> None:
    """§2.1: the limit is the envelope's."""
    raw = json.dumps(payload()).encode()
    room = MAX_STATEMENT - len(envelope("platforms", raw))
    fits = raw + b" " * (room * 3 // 4 - 8)
    too_large = raw + b" " * (room * 3 // 4 + 8)

    assert parse_statement(envelope("platforms", fits)).kind is Kind.PLATFORMS
    assert len(too_large) < MAX_STATEMENT
    with pytest.raises(MalformedError, match="too large"):
        parse_statement(envelope("platforms", too_large))


@pytest.mark.parametrize("cut", [0, 1, 2, 100, -1])
def test_a_cut_statement_is_refused(cut: int) -> None:
    raw = read().raw
    with pytest.raises(MalformedError):
        parse_statement(raw[:cut])


def test_a_longer_statement_is_refused() -> None:
    raw = read().raw
    with pytest.raises(MalformedError):
        parse_statement(raw + b"{}")
    assert parse_envelope(raw).to_bytes() == raw


@pytest.mark.parametrize("hidden", OBEYED, ids=ascii)
def test_no_text_holds_what_a_terminal_obeys(hidden: str) -> None:
    with pytest.raises(MalformedStatement, match=r"obeyed, not shown"):
        read(reason=f"routine{hidden}2K")


@pytest.mark.parametrize(
    "changed",
    [
        {"subject": "eu\x1b[2K"},
        {"ticket": "T\x1b[2K"},
        {"proposer": "ada\x1b"},
        {"body": platforms("amd-genoa-00") | {"n\x1b": 1}},
        {"body": {"platforms": [{"id": "amd-genoa-00", "site": "a\x9bb", "note": ""}]}},
        {"body": {"platforms": [{"id": "amd-genoa-00", "site": "a", "note": "\u202e"}]}},
    ],
    ids=ascii,
)
def test_wherever_the_text_stands(changed: dict[str, object]) -> None:
    with pytest.raises(MalformedStatement, match=r"obeyed, not shown"):
        read(**changed)


def test_lines_and_tabs_and_other_scripts_are_texts() -> None:
    text = "one\n\ttwo: שלום مرحبا 你好 é 👍"
    assert read(reason=text).reason == text
