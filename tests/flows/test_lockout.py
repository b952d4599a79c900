"""Who gets in: an officer who left, an authority that has expired, a server with another key.

Officers' clients come in to renew what has expired, and say so; nodes and sealers do not (I6).
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from keyturn.agent.authority import PinnedAuthority
from keyturn.base.encoding import unb64
from keyturn.client.client import KeyturnClient
from keyturn.client.errors import NoLongerOfficer, PinMismatch, RoleLacking, ServerRefused
from keyturn.client.memory import Memory
from keyturn.client.profile import Profile
from keyturn.client.proposals import Status
from keyturn.client.transport import Transport
from keyturn.officerkeys.location import InKeyring
from keyturn.quorum.approvals import Decision
from keyturn.quorum.bundle import load_bundle
from keyturn.quorum.errors import SubmissionRefused
from keyturn.quorum.kinds import Kind
from support.ready import Ready
from support.signers import PersonSigner
from support.system import System, keys_body, reasons
from support.whole import Whole, running_whole


@pytest.fixture
def whole(system: System, tmp_path: Path) -> Iterator[Whole]:
    with running_whole(system, tmp_path) as made:
        made.world.catch_up()
        yield made


def bundle_now(whole: Whole) -> bytes:
    """What the server hands to anybody who asks for the authority."""
    with whole.world.client() as client:
        return unb64(client.get("/v1/authority").json()["bundle"], what="bundle")


# ---- who left ----


def test_an_officer_removed_while_signed_in_is_told_so(whole: Whole) -> None:
    emil = whole.desks["emil"]
    assert emil.proposals()
    authority = whole.system.authority
    leaver = authority.people.pop("emil")
    index = whole.enact(Kind.ROSTER, "roster", authority.roster_body()).index
    whole.world.catch_up()

    for ask in (emil.nodes, emil.proposals, emil.checkpoint, emil.seen):
        with pytest.raises(NoLongerOfficer) as told:
            ask()
        assert (told.value.version, told.value.index) == (2, index)
        assert told.value.message == (
            f"You are no longer an officer of this authority (roster version 2, log index {index})"
        )

    authority.people["emil"] = leaver
    whole.enact(Kind.ROSTER, "roster", authority.roster_body())
    whole.world.catch_up()
    assert emil.nodes() == []


def test_that_somebody_left_is_believed_only_with_the_roster_that_says_so(whole: Whole) -> None:
    """A server that claims it, and whose own verified roster still names the officer."""
    transport = Claiming(whole)
    with (
        KeyturnClient(
            _profile(whole, "bela"),
            Memory(whole.system.fingerprint),
            transport,  # type: ignore[arg-type]
            now=whole.system.clock,
            signer=lambda: PersonSigner(whole.system.authority.people["bela"]),
        ) as bela,
        pytest.raises(ServerRefused) as told,
    ):
        bela.nodes()
    assert (told.value.status, told.value.kind) == (401, "officer")


class Claiming:
    """The real server, but for its word on sessions."""

    def __init__(self, whole: Whole) -> None:
        self._real = Transport.pinned(whole.world.url, whole.world.pin)

    def post(self, path: str, what: str, document: dict[str, object]) -> object:
        if path == "/v1/sessions":
            raise ServerRefused(401, "officer", "the roster does not name this officer")
        return self._real.post(path, what, document)

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)


def test_an_officer_without_the_role_is_told_which_would_do(whole: Whole) -> None:
    authority = whole.system.authority
    whole.desks["emil"].checkpoint()  # who has seen the log knows `keys` when dora leaves
    for name in ("dora", "emil"):
        authority.people[name].roles = ("custodian",)
    body = authority.roster_body(thresholds={**_thresholds(authority.roster_body()), "roster": 2})
    for kind in ("keys", "trust-anchors", "ceremony", "restore"):
        body["thresholds"][kind] = 2  # type: ignore[index]
    made = authority.propose(Kind.ROSTER, "roster", body)
    whole.desks["ada"].propose(made.raw)
    for name in ("bela", "chen", "dora"):
        whole.desks[name].decide(made.digest, Decision.APPROVE, "")
    authority.entered(Kind.ROSTER, "roster", made)
    whole.world.catch_up()

    emil = whole.desks["emil"]
    assert len(emil.proposals()) == 3
    assert emil.state().roster is not None
    with pytest.raises(RoleLacking) as told:
        emil.nodes()
    assert (told.value.found, told.value.status) == ("custodian", 403)
    assert told.value.expected == "approver or auditor or operator or proposer"


def _thresholds(body: dict[str, object]) -> dict[str, int]:
    found = body["thresholds"]
    assert isinstance(found, dict)
    return found


# ---- what has expired ----


def expire_roster(whole: Whole) -> None:
    whole.system.clock.advance(days=91)


def expire_keys(whole: Whole) -> None:
    """The roster was renewed in time, `keys` was forgotten."""
    whole.system.clock.advance(days=60)
    whole.enact(Kind.ROSTER, "roster", whole.system.authority.roster_body())
    whole.system.clock.advance(days=31)


EXPIRED = pytest.mark.parametrize(
    ("expire", "kind"),
    [(expire_roster, Kind.ROSTER), (expire_keys, Kind.KEYS)],
    ids=["roster", "keys"],
)


@EXPIRED
def test_officers_get_in_and_renew(whole: Whole, expire: object, kind: Kind) -> None:
    expire(whole)  # type: ignore[operator]
    now = whole.system.clock()
    with _fresh(whole, "ada") as ada:  # a client that remembers nothing of before
        expired = {each.statement.kind for each in ada.authority().expired(now)}
        assert kind in expired
        assert ada.state().in_force(kind, kind.value, now) is None
    system = whole.system
    for renewed in (Kind.ROSTER, Kind.KEYS):  # a roster first: nothing else comes into force
        if renewed in expired:
            body = (
                system.authority.roster_body() if renewed is Kind.ROSTER else keys_body(system.hsm)
            )
            assert whole.enact(renewed, renewed.value, body).status is Status.IN_FORCE
    whole.world.catch_up()
    with _fresh(whole, "bela") as bela:
        assert bela.authority().expired(now) == ()
    assert load_bundle(bundle_now(whole), system.fingerprint, now)


@EXPIRED
def test_an_officer_without_network_renews_too(whole: Whole, expire: object, kind: Kind) -> None:
    expire(whole)  # type: ignore[operator]
    system = whole.system
    body = keys_body(system.hsm) if kind is Kind.KEYS else system.authority.roster_body()
    made = system.authority.propose(kind, kind.value, body)
    whole.desks["ada"].propose(made.raw)
    exported = whole.desks["ada"].export(made.digest)
    offline = whole.desks["bela"].read_export(exported.to_bytes())

    signed = whole.desks["bela"].sign_offline(offline, Decision.APPROVE, "")

    assert signed.approved_by == ("bela",)
    assert offline.authority.expired(system.clock())


@EXPIRED
def test_nodes_and_sealers_do_not(whole: Whole, expire: object, kind: Kind) -> None:
    system = whole.system
    expire(whole)  # type: ignore[operator]
    whole.world.catch_up()
    raw = bundle_now(whole)
    for read in (
        lambda: load_bundle(raw, system.fingerprint, system.clock()),  # as `keyturn seal` reads it
        lambda: PinnedAuthority(raw, system.fingerprint, system.clock),
    ):
        with pytest.raises(SubmissionRefused, match=f"{kind.value} .* not in force") as refused:
            read()
        assert "expired" in refused.value.found


@EXPIRED
def test_a_node_that_runs_takes_no_expired_authority(
    whole: Whole, expire: object, kind: Kind
) -> None:
    system = whole.system
    standing = PinnedAuthority(bundle_now(whole), system.fingerprint, system.clock)
    whole.enact(Kind.ROSTER, "roster", system.authority.roster_body())  # a bundle it has not seen
    expire(whole)  # type: ignore[operator]
    whole.world.catch_up()
    before = standing.current

    with pytest.raises(SubmissionRefused, match="not in force"):
        standing.refresh(bundle_now(whole))
    assert standing.current is before


def test_the_keyholder_releases_nothing(ready: Ready) -> None:
    assert ready.ask().granted
    ready.system.clock.advance(days=91)
    assert {"roster-not-in-force", "keys-not-in-force"} <= reasons(ready.ask())


# ---- another TLS key ----


def test_a_server_with_another_key_is_told_with_both_pins(whole: Whole) -> None:
    other = "ab" * 32
    with (
        Transport.pinned(whole.world.url, other) as transport,  # type: ignore[arg-type]
        pytest.raises(PinMismatch) as told,
    ):
        transport.get("/v1/hello", "hello")
    assert (told.value.found, told.value.expected) == (whole.world.pin, other)
    assert "keyturn connect --repin" in told.value.hint


def _fresh(whole: Whole, name: str) -> KeyturnClient:
    """A client of this officer that remembers nothing of before."""
    world, system = whole.world, whole.system
    signer = PersonSigner(system.authority.people[name])
    return KeyturnClient(
        _profile(whole, name),
        Memory(system.fingerprint),
        Transport.pinned(world.url, world.pin),
        now=system.clock,
        signer=lambda: signer,
    )


def _profile(whole: Whole, name: str) -> Profile:
    world = whole.world
    return Profile(world.url, world.pin, whole.system.fingerprint, name, InKeyring(name))
