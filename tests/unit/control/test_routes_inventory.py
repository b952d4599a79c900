"""Models and nodes: any officer reads, only some write."""

import pytest

from keyturn.base.encoding import b64
from keyturn.quorum.kinds import Kind
from support.control import World


@pytest.mark.parametrize(
    ("roles", "status"),
    [
        (["operator"], 400),
        (["proposer"], 400),
        (["auditor"], 403),
        (["approver"], 403),
        (["custodian"], 403),
    ],
)
def test_who_may_register_a_model(world: World, roles: list[str], status: int) -> None:
    """400: the documents are nonsense, which is found out only after the role."""
    authority = world.authority
    entries = [each.entry() for each in authority.people.values()]
    entries[4]["roles"] = roles
    if "custodian" in roles:  # nobody is the only one
        entries[3]["roles"] = ["approver", "proposer", "custodian"]
    roster = authority.approved(Kind.ROSTER, "roster", authority.roster_body(officers=entries))
    world.keyholder.enter(Kind.ROSTER, "roster", roster)
    world.catch_up()
    with world.sign_in("emil") as client:
        document = {"manifest": b64(b"x"), "key": b64(b"x")}
        assert client.post("/v1/models", json=document).status_code == status
    with world.sign_in() as client:
        assert client.get("/v1/models").json() == {"models": []}


@pytest.mark.parametrize("name", ["x" * 401, "%00", "nobody", "a%2Fb"])
def test_a_node_that_nobody_knows(standing: World, name: str) -> None:
    with standing.sign_in() as client:
        answer = client.get(f"/v1/nodes/{name}")
    assert answer.status_code in (400, 404)
    assert "message" in answer.json()["error"]


@pytest.mark.parametrize("digest", ["x", "sha256:0", "sha256:" + "G" * 64, "sha256:" + "0" * 65])
def test_a_model_is_asked_for_by_a_digest(standing: World, digest: str) -> None:
    with standing.sign_in() as client:
        assert client.get(f"/v1/models/{digest}").status_code == 400
