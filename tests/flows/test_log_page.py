"""The log page over a real keyholder and control plane: what it exports, anybody can verify."""

import json
from pathlib import Path

from typer.testing import CliRunner

from keyturn.cli.log import app as log_command
from keyturn.client.profile import Profile
from keyturn.officerkeys.location import InKeyring
from keyturn_app.desk import Identity
from keyturn_app.screens.log.presenter import LogPresenter
from support.desks import InlineDesk, InlineDoor, ScriptedOfficer
from support.ready import Ready
from support.whole import running_whole


def test_an_export_of_real_grants_and_refusals_holds(ready: Ready, tmp_path: Path) -> None:
    assert ready.ask().granted
    assert not ready.ask(sim=ready.node.sim.with_firmware(b"\xee" * 48)).granted
    system = ready.system
    with running_whole(system, tmp_path) as whole:
        whole.world.catch_up()
        profile = Profile(
            whole.world.url, whole.world.pin, system.fingerprint, "ada", InKeyring("ada")
        )
        identity = Identity(profile, "test", "ada", "Officer Ada", locked=False)
        desk = InlineDesk(identity, whole.desks["ada"], system.clock)
        desk.refresh()
        officer = ScriptedOfficer(chosen=tmp_path / "exported")
        presenter = LogPresenter(desk, InlineDoor(), officer, lambda _: None)
        try:
            presenter.export()
            rows = presenter.view().rows
            said = [rows.at(place).text for place in range(rows.count)]
            presenter.select(rows.index_of(1))
            presenter.ask_receipt()
            detail = presenter.view().detail
        finally:
            presenter.close()

    assert said[0] == "Refused node-1: measurement-mismatch"
    assert said[1].startswith("Grant to node-1 for mini, lease until ")
    assert detail is not None
    assert (detail.proof.look.word, detail.receipt.word) == ("Included", "Verified")
    assert officer.told[0].title == "The log is exported"
    arguments = ["verify", str(tmp_path / "exported"), "--fingerprint", system.fingerprint]
    done = CliRunner().invoke(log_command, [*arguments, "--json"])
    assert done.exit_code == 0, done.output
    verdict = json.loads(done.output)
    assert verdict["verified"] is True
    assert (verdict["entries"]["grant"], verdict["entries"]["refusal"]) == (1, 1)
