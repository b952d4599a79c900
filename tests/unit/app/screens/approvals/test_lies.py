"""A server that forges an approval, or edits what was signed, is named and never shown as fact."""

import json

from keyturn.base.encoding import b64
from keyturn.client.profile import Profile
from keyturn.officerkeys.location import InKeyring
from keyturn.quorum.kinds import Kind
from keyturn_app.desk import Identity
from keyturn_app.screens.approvals.presenter import ApprovalsPresenter
from support.authority import Clock, policy_body
from support.desks import InlineDesk, InlineDoor, ScriptedOfficer
from unit.client.scripted_server import PIN, URL, Document, ScriptedServer


def page(server: ScriptedServer) -> tuple[ApprovalsPresenter, ScriptedOfficer, InlineDesk]:
    profile = Profile(URL, PIN, server.fingerprint, "bela", InKeyring("bela"))
    identity = Identity(profile, "test", "bela", "Bela", locked=False)
    desk = InlineDesk(identity, server.client("bela"), server.clock)
    desk.refresh()
    officer = ScriptedOfficer()
    return ApprovalsPresenter(desk, officer, InlineDoor()), officer, desk


def test_a_forged_approval_in_an_answer_is_not_shown() -> None:
    server = ScriptedServer(Clock())
    made = server.authority.propose(Kind.POLICY, "serving", policy_body())
    digest = server.post(made)
    presenter, officer, _desk = page(server)
    presenter.open(made.digest)
    forged = server.authority.approval(
        made.digest, "chen", keys=server.authority.people["ada"].keys
    )

    def lie(answer: Document) -> Document:
        held = json.loads(json.dumps(answer))
        held["approvals"] = [b64(forged)]
        return held

    server.lie(f"/v1/proposals/{digest}", lie)
    presenter.approve()
    view = presenter.view()
    assert view.tone == "danger"
    assert "does not show what it cannot verify" in view.trouble
    assert officer.told[-1].title == "The server's answer did not verify"
    assert view.detail is not None
    assert view.detail.quorum.have == 0
    assert "chen" not in [each.officer for each in view.detail.people if each.token == "ok"]
