"""One release against a real keyholder; every way to forge its answer is refused."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from keyturn.agent.exchange import Accepted, Pending, conclude, only_the_challenge, prepare
from keyturn.agent.keys import NodeKeys
from keyturn.agent.leaseparts import LeaseId
from keyturn.attest.tpm_quote import parse_quote
from keyturn.base.encoding import b64
from keyturn.base.errors import KeyturnError
from keyturn.base.strictjson import dump
from keyturn.keyrelease.binding import Purpose, tpm_nonce
from keyturn.keyrelease.errors import AnswerRejected
from keyturn.keyrelease.grant import RefusalDocument, ReleaseAnswer
from keyturn.quorum.policy_body import Caveat
from keyturn.seal.keys import model_tag
from keyturn_sim.tpm import SimTpm, SimTpmMaker
from support.tpms import as_node


def pending(world, keys: NodeKeys, lease: LeaseId | None = None) -> Pending:
    purpose = Purpose.RENEWAL if lease else Purpose.RELEASE
    challenge = world.control.challenge()
    return prepare(purpose, challenge, lease, world.identity(), keys, world.source)


def answer(world, asked: Pending) -> ReleaseAnswer:
    found = world.control.release(asked.request.raw)
    assert isinstance(found, ReleaseAnswer), found
    return found


def accept(world, keys: NodeKeys, asked: Pending, given: ReleaseAnswer) -> Accepted:
    return conclude(asked, given, keys, world.authority().current, world.system.clock())


def test_a_release_gives_the_very_dek(world, node_keys: NodeKeys) -> None:
    asked = pending(world, node_keys)

    accepted = accept(world, node_keys, asked, answer(world, asked))

    assert accepted.dek is not None
    assert model_tag(accepted.dek, world.digest) == world.sealed.key.tag
    assert accepted.proof.grant.lease_seconds == 60


def test_devices_are_quoted_first_and_the_cpu_last(world, node_keys: NodeKeys) -> None:
    pending(world, node_keys)

    assert world.source.asked == ["gpu 0", "snp"]


def test_a_tpm_quotes_over_the_request_that_names_its_ak(
    world, node_keys: NodeKeys, booted: SimTpm, tpm_maker: SimTpmMaker
) -> None:
    """Nobody asked for it here: the key is given as without it."""
    tpm = as_node(booted, tpm_maker)
    challenge = world.control.challenge()
    asked = prepare(
        Purpose.RELEASE, challenge, None, world.identity(), node_keys, world.source, tpm
    )
    part = asked.request.evidence.tpm
    assert part is not None
    assert asked.request.keys.ak_name == tpm.ak_name()
    assert parse_quote(part.quote).extra_data == tpm_nonce(asked.request.core)


def test_a_renewal_carries_no_key_and_names_its_lease(world, node_keys: NodeKeys) -> None:
    first = pending(world, node_keys)
    lease = LeaseId(accept(world, node_keys, first, answer(world, first)).proof.grant.lease)

    asked = pending(world, node_keys, lease)
    accepted = accept(world, node_keys, asked, answer(world, asked))

    assert accepted.dek is None
    assert asked.request.keys.hpke == b"" == asked.request.keys.rsa
    assert accepted.proof.grant.lease == lease


def test_each_release_has_an_hpke_key_of_its_own(world, node_keys: NodeKeys) -> None:
    one, two = pending(world, node_keys), pending(world, node_keys)

    assert one.request.keys.hpke != two.request.keys.hpke
    assert len(one.request.keys.hpke) == 1216


def test_the_proof_shows_no_sealed_key(world, node_keys: NodeKeys) -> None:
    asked = pending(world, node_keys)
    given = answer(world, asked)
    shown = dump(accept(world, node_keys, asked, given).proof.to_document())

    assert given.sealed_dek is not None
    assert b64(given.sealed_dek).encode() not in shown
    assert b64(given.grant).encode() in shown


Forge = Callable[[ReleaseAnswer, ReleaseAnswer], ReleaseAnswer]


@pytest.mark.parametrize(
    "forge",
    [
        lambda mine, other: other,
        lambda mine, other: replace(mine, sealed_dek=other.sealed_dek),
        lambda mine, other: replace(mine, receipt=other.receipt),
        lambda mine, other: replace(mine, ear=other.ear),
        lambda mine, other: replace(
            mine, grant=mine.grant.replace(b'"lease_seconds":60', b'"lease_seconds":61')
        ),
        lambda mine, other: replace(mine, sealed_dek=None),
        lambda mine, other: replace(mine, ear=mine.ear[:-2] + "AA"),
        lambda mine, other: replace(mine, receipt=mine.receipt.replace(b'"index":', b'"index":1')),
    ],
    ids=["another's", "dek", "receipt", "ear", "grant", "no-dek", "ear-signature", "index"],
)
def test_a_forged_answer_is_refused(world, node_keys: NodeKeys, forge: Forge) -> None:
    asked, elsewhere = pending(world, node_keys), pending(world, node_keys)
    given, other = answer(world, asked), answer(world, elsewhere)
    assert accept(world, node_keys, asked, given).dek

    with pytest.raises(KeyturnError):
        accept(world, node_keys, asked, forge(given, other))


def test_an_answer_to_a_release_is_no_renewal(world, node_keys: NodeKeys) -> None:
    first = pending(world, node_keys)
    given = answer(world, first)
    lease = LeaseId(accept(world, node_keys, first, given).proof.grant.lease)

    with pytest.raises(AnswerRejected, match="purpose"):
        accept(world, node_keys, pending(world, node_keys, lease), given)


def test_an_expired_ear_is_refused(world, node_keys: NodeKeys) -> None:
    asked = pending(world, node_keys)
    given = answer(world, asked)
    world.system.clock.now += timedelta(seconds=60)

    with pytest.raises(AnswerRejected, match="expired"):
        accept(world, node_keys, asked, given)


def test_only_the_challenge_was_wrong(world, node_keys: NodeKeys) -> None:
    asked = pending(world, node_keys)
    answer(world, asked)

    replayed = world.control.release(asked.request.raw)

    assert isinstance(replayed, RefusalDocument)
    assert only_the_challenge(replayed)


def test_a_refusal_of_the_machine_is_more_than_the_challenge(world, node_keys: NodeKeys) -> None:
    world.source.sim = world.source.sim.with_firmware(b"\x66" * 48)

    refused = world.control.release(pending(world, node_keys).request.raw)

    assert isinstance(refused, RefusalDocument)
    assert not only_the_challenge(refused)


def test_caveats_are_named_in_the_claims(world, node_keys: NodeKeys) -> None:
    identity = world.identity(caveats=frozenset({Caveat.UNLOCKED_MEMORY}))

    asked = prepare(
        Purpose.RELEASE, world.control.challenge(), None, identity, node_keys, world.source
    )

    assert asked.request.claims.caveats == {Caveat.UNLOCKED_MEMORY}
