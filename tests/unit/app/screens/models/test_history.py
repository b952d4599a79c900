"""What the log says of one model, found without reading every renewal."""

from datetime import UTC, datetime, timedelta

from keyturn.base.encoding import Digest, digest_of
from keyturn.keyrelease.binding import Purpose
from keyturn.keyrelease.entries import GrantEntry, RefusalEntry, grant_entry, refusal_entry
from keyturn.quorum.entries import (
    StatementEntry,
    WithdrawalEntry,
    origin_entry,
    statement_entry,
    withdrawal_entry,
)
from keyturn.quorum.kinds import Kind
from keyturn_app.screens.models.history import SHOWN, Concerning, Event, EventKind, events_of
from support.windowed import windowed

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
MODEL, OTHER, STATEMENT = (digest_of(each) for each in (b"model", b"other", b"statement"))


def grant(node: str, model: Digest = MODEL, purpose: Purpose = Purpose.RELEASE) -> bytes:
    entry = GrantEntry(
        purpose=purpose,
        grant=digest_of(b"g"),
        lease="0a" * 16,
        until=NOW + timedelta(seconds=60),
        challenge=bytes(56),
        model=model,
        node=node,
        platform="amd-genoa-00",
        tls=digest_of(b"t"),
        core=bytes(32),
        evidence=digest_of(b"e"),
        statements=(STATEMENT,),
        caveats=(),
    )
    return grant_entry(NOW, entry)


def refusal(node: str, model: Digest = MODEL) -> bytes:
    entry = RefusalEntry(
        Purpose.RELEASE, bytes(56), model, node, "amd-genoa-00", digest_of(b"e"), ("debug",)
    )
    return refusal_entry(NOW, entry)


def statement(kind: Kind, subject: str) -> bytes:
    return statement_entry(NOW, StatementEntry(STATEMENT, kind, subject, 1, (digest_of(b"x"),)))


def events(*leaves: bytes, proposals: tuple[Digest, ...] = ()) -> tuple[Event, ...]:
    index = Concerning()
    index.extend(leaves)
    return events_of(MODEL, proposals, leaves, index)


def told(found: tuple[Event, ...]) -> list[tuple[int, EventKind, str]]:
    return [(each.index, each.kind, each.text) for each in found]


def test_every_kind_of_entry_that_concerns_it_newest_first() -> None:
    found = events(
        origin_entry(NOW, digest_of(b"a")),
        statement(Kind.MODEL, MODEL),
        grant("node-1"),
        refusal("node-2"),
        statement(Kind.REVOCATION, f"model:{MODEL}"),
    )
    assert told(found) == [
        (4, EventKind.REVOKED, ""),
        (3, EventKind.REFUSED, "node-2: debug"),
        (2, EventKind.GRANTED, "node-1"),
        (1, EventKind.ADMITTED, "version 1"),
    ]


def test_other_models_entries_are_not_its_own() -> None:
    assert (
        events(
            statement(Kind.MODEL, OTHER),
            statement(Kind.REVOCATION, f"model:{OTHER}"),
            grant("node-1", OTHER),
            refusal("node-1", OTHER),
        )
        == ()
    )


def test_of_renewals_the_last_is_told_and_how_many() -> None:
    renewals = [grant(f"node-{each}", purpose=Purpose.RENEWAL) for each in range(1000)]
    found = events(grant("node-1"), *renewals)
    assert told(found) == [
        (1000, EventKind.RENEWED, "node-999"),
        (0, EventKind.GRANTED, "node-1"),
    ]
    assert found[0].count == 1000


def test_many_grants_never_push_a_change_of_authority_out() -> None:
    grants = [grant(f"node-{each}") for each in range(SHOWN + 50)]
    found = events(statement(Kind.MODEL, MODEL), *grants)
    assert len(found) == SHOWN + 1
    assert found[-1].kind is EventKind.ADMITTED


def test_the_withdrawal_of_a_proposal_about_it() -> None:
    envelopes = (digest_of(b"s"), digest_of(b"w"))
    leaf = withdrawal_entry(NOW, WithdrawalEntry(STATEMENT, envelopes))
    assert told(events(leaf, proposals=(STATEMENT,))) == [(0, EventKind.WITHDRAWN, "")]
    assert events(leaf) == ()


def test_the_index_grows_with_the_log_and_starts_over_with_another() -> None:
    first, other = [grant("node-1")], [grant("node-9"), grant("node-8")]
    index = Concerning()
    index.extend(first)
    index.extend([*first, grant("node-2")])
    assert index.of(MODEL).releases == [0, 1]
    index.extend(other)
    assert index.of(MODEL).releases == [0, 1]
    found = events_of(MODEL, (), other, index)
    assert [each.text for each in found] == ["node-8", "node-9"]


def test_of_a_long_log_the_changes_and_the_newest_are_read() -> None:
    entries = [statement(Kind.MODEL, MODEL), *(grant(f"node-{each}") for each in range(600))]
    leaves, index = windowed(entries, 1), Concerning()
    index.extend(leaves)
    assert index.of(MODEL).changes == [0]
    assert index.of(MODEL).releases == list(range(256, 601))
    index.extend(windowed([*entries, grant("node-x")], 1))
    assert index.of(MODEL).releases == list(range(256, 602))
    longer = windowed([*entries, *(grant("node-y") for _ in range(800))], 4)
    index.extend(longer)  # so much is new that some of it is not at hand
    assert (index.of(MODEL).changes, index.of(MODEL).releases[0]) == ([0], 1024)
    assert events_of(MODEL, (), longer, index)[-1].kind is EventKind.ADMITTED
    assert len(events_of(MODEL, (), windowed(entries, 2), index)) < 100  # given up meanwhile
