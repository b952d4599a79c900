"""A card comes into the roster by a quorum, and what it then signs counts as its officer's."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from keyturn.base.encoding import b64
from keyturn.base.signatures import Algorithm
from keyturn.client.client import KeyturnClient
from keyturn.client.errors import ServerRefused
from keyturn.client.profile import Places, Profile, read_profile, write_profile
from keyturn.client.proposals import Status
from keyturn.client.signing import open_signer
from keyturn.quorum.approvals import Decision
from keyturn.quorum.kinds import Kind
from support.authority import policy_body
from support.card import Hand, Reader, card_reader
from support.system import System
from support.whole import Whole, running_whole


@pytest.fixture
def whole(system: System, tmp_path: Path) -> Iterator[Whole]:
    with running_whole(system, tmp_path) as made:
        yield made


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    with card_reader(tmp_path / "cards") as found:
        yield found


@pytest.mark.parametrize("algorithm", Algorithm)
def test_an_enrolled_card_approves(
    whole: Whole, reader: Reader, tmp_path: Path, algorithm: Algorithm
) -> None:
    made = reader.make(algorithm)
    system, place = whole.system, tmp_path / "desks" / "bela-with-card"
    places = Places(place, place)
    profile = Profile(whole.world.url, whole.world.pin, system.fingerprint, "bela", made.location)
    write_profile(places, profile)
    profile = read_profile(places)

    with (
        open_signer(profile.key, "bela", Hand()) as signer,
        KeyturnClient.open(profile, places, now=system.clock, signer=lambda: signer) as desk,
    ):
        with pytest.raises(ServerRefused):  # a card that no roster names is nobody's
            desk.proposals()

        body = system.authority.roster_body()
        officers = body["officers"]
        assert isinstance(officers, list)
        (bela,) = (each for each in officers if each["id"] == "bela")
        bela["keys"].append({"algorithm": algorithm.value, "spki": b64(made.spki)})
        assert whole.enact(Kind.ROSTER, "roster", body).status is Status.IN_FORCE

        digest = whole.propose(Kind.POLICY, "serving", policy_body())
        waiting = desk.decide(digest, Decision.APPROVE, "read, and signed by card")
        assert waiting.status is not Status.IN_FORCE
        assert whole.approve(digest, "chen").status is Status.IN_FORCE
    approvals = system.keyholder.journal.state.by_digest[digest].approvals
    by_card = [each for each in approvals if each.officer == "bela"]
    assert [e.envelope.signatures[0].key_id for e in by_card] == [signer.key_id]
