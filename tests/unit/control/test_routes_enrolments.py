"""Anybody sends a request; who reads and forgets them is in the roster."""

import pytest

from keyturn.base.encoding import b64, unb64
from keyturn.control.enrolling import BURST
from keyturn.control.http import LIMITS
from keyturn.quorum.enrolment import MAX_ENROLMENT, parse_enrolment
from keyturn.quorum.kinds import Kind
from support.control import World
from support.enrolling import newcomer, request_of


def document(world: World, name: str = "zoe") -> dict[str, str]:
    raw = request_of(newcomer(name), world.keyholder.fingerprint, world.clock())
    return {"envelope": b64(raw)}


def test_sent_without_a_session_read_verified_and_dismissed(world: World) -> None:
    sent = document(world)
    with world.client() as stranger:
        answer = stranger.post("/v1/enrolments", json=sent)
        assert answer.status_code == 200, answer.text
        assert answer.json()["until"] == "2026-12-23T08:00:00Z"
        assert stranger.get("/v1/enrolments").status_code == 401
        digest = answer.json()["digest"]
        assert stranger.delete(f"/v1/enrolments/{digest}").status_code == 401
    with world.sign_in("ada") as ada:
        (found,) = ada.get("/v1/enrolments").json()["enrolments"]
        assert found["received"] == "2026-11-23T08:00:00Z"
        assert parse_enrolment(unb64(found["envelope"])).digest == digest
        gone = ada.delete(f"/v1/enrolments/{digest}")
        assert (gone.status_code, gone.json()) == (200, {"digest": digest})
        assert ada.delete(f"/v1/enrolments/{digest}").status_code == 404
        assert ada.get("/v1/enrolments").json() == {"enrolments": []}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"envelope": 1}, 400),
        ({"envelope": "%%"}, 400),
        ({"envelope": b64(b"{}")}, 400),
        ({"envelope": b64(b"{}"), "more": 1}, 400),
    ],
)
def test_what_is_malformed_is_said_to_be(
    world: World, body: dict[str, object], status: int
) -> None:
    with world.client() as stranger:
        answer = stranger.post("/v1/enrolments", json=body)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


def test_an_address_that_asks_too_often_waits(world: World) -> None:
    with world.client() as stranger:
        answers = [stranger.post("/v1/enrolments", json={}) for _ in range(BURST + 1)]
    assert [each.status_code for each in answers] == [400] * BURST + [429]
    assert "retry-after" in answers[-1].headers


def test_too_large_is_not_read(world: World) -> None:
    assert LIMITS["/v1/enrolments"] >= 4 * 2 * MAX_ENROLMENT // 3 + 64
    big = b'{"envelope": "' + b"A" * LIMITS["/v1/enrolments"] + b'"}'
    with world.client() as stranger:
        answer = stranger.post(
            "/v1/enrolments", content=big, headers={"content-type": "application/json"}
        )
    assert answer.status_code == 413


def test_who_reads_has_a_role_for_it(world: World) -> None:
    world.authority.people["ada"].roles = ("proposer", "approver")
    cast = {"emil": ("custodian",), "dora": ("auditor",), "chen": ("approver", "custodian")}
    for name, roles in cast.items():
        world.authority.people[name].roles = roles

    body = world.authority.roster_body(
        thresholds={kind.value: 1 if kind is Kind.REVOCATION else 2 for kind in Kind},
        proposer_may_approve=[kind.value for kind in Kind],
    )
    made = world.authority.propose(Kind.ROSTER, "roster", body)
    made.approvals += [
        world.authority.approval(made.digest, name) for name in ("bela", "chen", "dora")
    ]
    world.keyholder.enter(Kind.ROSTER, "roster", made)
    world.catch_up()
    with world.client() as stranger:
        digest = stranger.post("/v1/enrolments", json=document(world)).json()["digest"]
    for name, reads, forgets in (("emil", 403, 403), ("dora", 200, 403), ("ada", 200, 200)):
        with world.sign_in(name) as officer:
            assert officer.get("/v1/enrolments").status_code == reads
            assert officer.delete(f"/v1/enrolments/{digest}").status_code == forgets
