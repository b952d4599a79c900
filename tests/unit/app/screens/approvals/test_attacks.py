"""A proposer who writes for the eye, a server that hides, a file of another time: no success."""

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from keyturn.base.encoding import b64
from keyturn.client.offline import ProposalFile
from keyturn.client.proposals import Status
from keyturn.quorum.kinds import Kind
from keyturn.quorum.statements import parse_statement
from keyturn_app.questions import Confirm, Confirmed
from keyturn_app.screens.approvals.asking import _typed
from keyturn_app.screens.approvals.case import case_of_file
from keyturn_app.screens.approvals.outcome import Outcome
from keyturn_app.screens.approvals.viewmodel import changes_view, standing
from keyturn_app.screens.approvals.waiting import waiting_for_me
from support.authority import Clock, policy_body
from unit.app.screens.approvals.test_lies import page
from unit.client.scripted_server import Document, ScriptedServer

DIGEST = "sha256:" + "ab" * 32


@pytest.fixture
def server() -> ScriptedServer:
    return ScriptedServer(Clock())


def snp(**changed: object) -> dict[str, object]:
    rule = policy_body()["snp"]
    assert isinstance(rule, dict)
    return {**rule, **changed}


def said(server: ScriptedServer, kind: Kind, subject: str, body: Document) -> list[str]:
    """Everything that the checks of a proposal point at."""
    made = server.authority.propose(kind, subject, body)
    server.post(made)
    presenter, _officer, _desk = page(server)
    presenter.open(made.digest)
    detail = presenter.view().detail
    assert detail is not None
    bad = (Outcome.WARNING, Outcome.NOT_MET)
    return [
        " ".join((each.text, each.found, each.expected))
        for each in detail.checks
        if each.outcome in bad
    ]


# what is not in force is never shown as in force


def test_what_expired_since_it_was_asked_is_not_in_force(server: ScriptedServer) -> None:
    digest = server.enact(Kind.POLICY, "serving", policy_body())
    presenter, _officer, _desk = page(server)
    presenter.open(digest)
    detail = presenter.view().detail
    assert detail is not None
    assert detail.in_force
    server.clock.advance(days=91)  # and nothing was heard meanwhile
    detail = presenter.view().detail
    assert detail is not None
    assert not detail.in_force
    assert "NOT IN FORCE" in detail.standing
    assert detail.status.word != "In force"


@pytest.mark.parametrize("end", ["expired", "revoked"])
def test_a_file_of_what_ended_is_not_in_force(server: ScriptedServer, end: str) -> None:
    life = timedelta(days=10)
    made = server.authority.approved(Kind.POLICY, "serving", policy_body(), life=life)
    server.enter(made)
    server.authority.entered(Kind.POLICY, "serving", made)
    if end == "revoked":
        body: Document = {"target_kind": "policy", "target": "serving"}
        server.enact(Kind.REVOCATION, "policy:serving", body)
    else:
        server.clock.advance(days=11)
    _presenter, _officer, desk = page(server)
    seen = desk.facts.seen
    assert seen is not None
    file = ProposalFile(parse_statement(made.raw), (), seen.authority, b"")
    case = case_of_file(file, seen, server.clock())
    assert not case.in_force
    assert "NOT IN FORCE" in standing(case, server.clock())


# nothing that waits is hidden by a word of the server


def test_a_revocation_called_refused_still_waits(server: ScriptedServer) -> None:
    made = server.authority.propose(Kind.POLICY, "serving", policy_body())
    server.post(made)
    _presenter, _officer, desk = page(server)
    assert waiting_for_me(desk.facts, "bela", server.clock()) == 1
    server.held[made.digest].status = "refused"
    server.held[made.digest].refusal = {"kind": "expired", "message": "nothing to see here"}
    desk.refresh()
    assert desk.facts.proposals is not None
    assert [p.status for p in desk.facts.proposals.all if p.digest == made.digest] == [
        Status.REFUSED
    ]
    assert waiting_for_me(desk.facts, "bela", server.clock()) == 1


# what is compared is what is in force


def test_compared_with_what_is_in_force_and_not_with_what_the_proposer_names(
    server: ScriptedServer,
) -> None:
    lax, strict = policy_body(lease_seconds=3600), policy_body(lease_seconds=60)
    first = server.enact(Kind.POLICY, "serving", lax)
    server.enact(Kind.POLICY, "serving", strict)
    made = server.authority.propose(Kind.POLICY, "serving", lax, version=3, replaces=first)
    server.post(made)
    presenter, _officer, _desk = page(server)
    presenter.open(made.digest)
    detail = presenter.view().detail
    assert detail is not None
    assert detail.changes.before_title.startswith("v2")
    assert [each.place for each in detail.changes.rows] == ["lease_seconds"]


def test_a_change_of_nothing_but_the_time_says_so(server: ScriptedServer) -> None:
    server.enact(Kind.POLICY, "serving", policy_body())
    made = server.authority.propose(Kind.POLICY, "serving", policy_body(), life=timedelta(days=399))
    server.post(made)
    presenter, officer, _desk = page(server)
    presenter.open(made.digest)
    presenter.approve()
    question = officer.asked[-1]
    assert isinstance(question, Confirm)
    assert any("expires" in each.lower() for each in question.details)
    detail = presenter.view().detail
    assert detail is not None
    assert [(each.place, each.before is None) for each in detail.changes.rows] == [
        ("expires", False)
    ]


# what cannot be seen is said


@pytest.mark.parametrize("hidden", ["\u200b", "\u2060", "\u00ad", "\u3164", "\ufeff", "\U000e0041"])
def test_a_policy_that_looks_like_another(server: ScriptedServer, hidden: str) -> None:
    server.enact(Kind.POLICY, "serving", policy_body())
    body: Document = {
        "model": DIGEST,
        "name": "llama",
        "version": "1",
        "tag": "00" * 32,
        "policy": f"serving{hidden}",
    }
    found = said(server, Kind.MODEL, DIGEST, body)
    assert any(f"U+{ord(hidden):04X}" in each for each in found)


def test_a_name_of_another_alphabet(server: ScriptedServer) -> None:
    server.enact(Kind.POLICY, "serving", policy_body())
    lookalike = "s\u0435rving"  # Cyrillic
    found = said(server, Kind.POLICY, lookalike, policy_body())
    assert any("U+0435" in each for each in found)


def test_hidden_characters_are_seen_in_what_is_compared(server: ScriptedServer) -> None:
    server.enact(Kind.POLICY, "serving", policy_body(baselines=["firmware"]))
    made = server.authority.propose(
        Kind.POLICY, "serving", policy_body(baselines=["firm\u200bware"])
    )
    server.post(made)
    presenter, _officer, _desk = page(server)
    presenter.open(made.digest)
    detail = presenter.view().detail
    assert detail is not None
    lines = [each.after.text for each in detail.changes.pairs if each.after is not None]
    assert any("firm\\u200bware" in each for each in lines)
    assert any(each.after == "firm\\u200bware" for each in detail.changes.rows)


@pytest.mark.parametrize("name", ["serv\u200bing", "serving ", "s\u0435rving", "a\nb"])
def test_what_no_keyboard_types_can_still_be_revoked(server: ScriptedServer, name: str) -> None:
    server.enact(Kind.POLICY, name, policy_body())
    body: Document = {"target_kind": "policy", "target": name}
    made = server.authority.propose(Kind.REVOCATION, f"policy:{name}", body)
    case = case_of_file(
        ProposalFile(parse_statement(made.raw), (), server.client().authority(), b""),
        None,
        server.clock(),
    )
    typed = _typed(case)
    assert typed.isascii()
    assert typed.isprintable()
    assert typed == typed.strip()
    assert typed


def test_two_long_names_of_the_same_ends_are_told_apart(server: ScriptedServer) -> None:
    ends = "production:inference-", "-in-all-sites-of-the-company"
    server.enact(Kind.POLICY, "strict".join(ends), policy_body())
    found = said(server, Kind.POLICY, "lax".join(ends), policy_body())
    assert any("lax".join(ends) in each for each in found), found


def test_a_servers_words_push_nothing_out_of_sight(server: ScriptedServer) -> None:
    made = server.authority.propose(Kind.POLICY, "serving", policy_body())
    digest = server.post(made)
    evil = "no\u202e" + "\n" * 5000 + "In force since log entry 7."
    server.held[digest].refusal = {"kind": "x", "message": evil}
    presenter, _officer, _desk = page(server)
    presenter.open(made.digest)
    detail = presenter.view().detail
    assert detail is not None
    assert detail.refusal
    assert len(detail.refusal) < 600
    assert not {"\n", "\u202e"} & set(detail.refusal)


# a weaker rule is pointed at, whichever it is


WEAKER: list[tuple[str, Callable[[], dict[str, object]], Callable[[], dict[str, object]]]] = [
    ("SMT", lambda: policy_body(snp=snp(smt=False)), policy_body),
    ("alias", lambda: policy_body(snp=snp(alias_check=True)), policy_body),
    ("VLEK", policy_body, lambda: policy_body(snp=snp(vlek=True))),
    ("VMPL", policy_body, lambda: policy_body(snp=snp(max_vmpl=3))),
    (
        "Milan",
        policy_body,
        lambda: policy_body(
            snp=snp(
                products=["Genoa", "Milan"],
                min_tcb={
                    each: {"fmc": 0, "bootloader": 0, "tee": 0, "snp": 0, "microcode": 0}
                    for each in ("Genoa", "Milan")
                },
            )
        ),
    ),
    ("lax", policy_body, lambda: policy_body(baselines=["firmware", "lax"])),
    (
        "everywhere",
        lambda: policy_body(platforms=["here"]),
        lambda: policy_body(platforms=["here", "everywhere"]),
    ),
    (
        "cd" * 32,
        lambda: policy_body(workloads=["ab" * 32]),
        lambda: policy_body(workloads=["ab" * 32, "cd" * 32]),
    ),
    ("lease", policy_body, lambda: policy_body(lease_seconds=800)),
]


@pytest.mark.parametrize(("word", "before", "after"), WEAKER, ids=[each[0] for each in WEAKER])
def test_a_weaker_policy_is_pointed_at(
    server: ScriptedServer,
    word: str,
    before: Callable[[], dict[str, object]],
    after: Callable[[], dict[str, object]],
) -> None:
    server.enact(Kind.POLICY, "serving", before())
    found = said(server, Kind.POLICY, "serving", after())
    assert any(word in each for each in found), found


def test_an_officer_who_gets_a_role_is_pointed_at(server: ScriptedServer) -> None:
    body = server.authority.roster_body()
    officers = body["officers"]
    assert isinstance(officers, list)
    few = {**body, "officers": [*officers[:-1], {**officers[-1], "roles": ["proposer"]}]}
    digest = server.authority.approved(Kind.ROSTER, "roster", few)
    server.enter(digest)
    server.authority.entered(Kind.ROSTER, "roster", digest)
    found = said(server, Kind.ROSTER, "roster", body)
    assert any("emil" in each and "approver" in each for each in found), found


def test_other_keys_of_the_keyholder_are_pointed_at(server: ScriptedServer) -> None:
    keys = server.keys_body()  # with a new result key
    found = said(server, Kind.KEYS, "keys", keys)
    assert any("result" in each for each in found), found
    assert not any("ingest" in each for each in found)


def test_a_software_log_key_is_pointed_at(server: ScriptedServer) -> None:
    keys = server.keys_body()
    entries = keys["keys"]
    assert isinstance(entries, list)
    named = [
        {**each, "assurance": "software"} if each["purpose"] == "log" else each for each in entries
    ]
    found = said(server, Kind.KEYS, "keys", {**keys, "keys": named})
    assert any("Software log key" in each for each in found), found
    assert not any("Software log key" in each for each in said(server, Kind.KEYS, "keys", keys))


def test_a_measurement_and_a_platform_that_come_are_pointed_at(server: ScriptedServer) -> None:
    def values(*each: str) -> Document:
        return {
            "snp": {"measurements": [{"value": one * 48, "source": "a test"} for one in each]},
            "gpu": [],
        }

    server.enact(Kind.REFERENCE_VALUES, "firmware", values("aa"))
    found = said(server, Kind.REFERENCE_VALUES, "firmware", values("aa", "bb"))
    assert any("bbbb" in each for each in found), found

    def platforms(*each: str) -> Document:
        ids = [{"id": f"amd-genoa-{one * 8}", "site": "here", "note": ""} for one in each]
        return {"platforms": ids}

    server.enact(Kind.PLATFORMS, "here", platforms("0a"))
    found = said(server, Kind.PLATFORMS, "here", platforms("0a", "0b"))
    assert any("amd-genoa-0b" in each for each in found), found


# a proposal costs the approver's window no time


LONG: dict[str, Callable[[int], list[str]]] = {
    "one text without an end": lambda turn: ["ab. " * (120_000 + turn)],
    "many texts alike": lambda turn: ["a" * 9000 + f"{place}-{turn}" for place in range(32)],
}


@pytest.mark.parametrize("texts", LONG.values(), ids=LONG.keys())
def test_a_long_text_is_compared_in_no_time(
    server: ScriptedServer, texts: Callable[[int], list[str]]
) -> None:
    server.enact(Kind.POLICY, "serving", policy_body(baselines=texts(0)))
    made = server.authority.propose(Kind.POLICY, "serving", policy_body(baselines=texts(1)))
    server.post(made)
    presenter, _officer, _desk = page(server)
    case = next(each for each in presenter._cases() if each.digest == made.digest)
    began = time.process_time()
    found = changes_view(case, server.clock())
    assert time.process_time() - began < 2.0
    assert max(len(each.after or "") for each in found.rows) < 10_000
    assert any(each.after is not None and each.after.marks for each in found.pairs)


def test_what_was_asked_of_a_file_is_not_posted(server: ScriptedServer, tmp_path: Path) -> None:
    """The file was closed while the question stood: nothing is signed, here or there."""
    made = server.authority.propose(Kind.POLICY, "serving", policy_body())
    digest = server.post(made)
    presenter, officer, _desk = page(server)
    path = tmp_path / "proposal.json"
    path.write_bytes(server.client("bela").export(digest).to_bytes())
    officer.chosen = path
    presenter.open_file()
    held: list[Callable[[Confirmed | None], None]] = []

    def wait(_question: Confirm, answered: Callable[[Confirmed | None], None]) -> None:
        held.append(answered)

    officer.confirm = wait  # type: ignore[method-assign]
    presenter.approve()
    presenter.open(digest)  # from the list
    held[0](Confirmed())
    assert server.held[digest].approvals == []


def test_b64_is_what_a_file_holds(server: ScriptedServer, tmp_path: Path) -> None:
    """A statement cut short, or with a byte more, is not shown."""
    made = server.authority.propose(Kind.POLICY, "serving", policy_body())
    digest = server.post(made)
    presenter, officer, _desk = page(server)
    whole = server.client("bela").export(digest).to_bytes()
    for spoilt in (whole[:-1], whole + b"\n{}", whole.replace(b64(made.raw).encode(), b"AAAA")):
        path = tmp_path / f"{len(spoilt)}.json"
        path.write_bytes(spoilt)
        officer.chosen = path
        presenter.open_file()
        assert presenter.view().file is None
        assert "does not verify" in officer.told[-1].title
