"""The seal wizard, walked and cancelled at every step: afterwards nothing is left (no window)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from keyturn.quorum.kinds import Kind
from keyturn.vault.copies import verify_copies
from keyturn_app.facts import Connection, Facts, Link
from keyturn_app.screens.models.admitting import AdmissionPresenter
from keyturn_app.screens.models.wizard import Draft, Origin, Step, Wizard
from keyturn_app.screens.models.wizard_presenter import Pace, SealPresenter
from keyturn_app.screens.models.wizard_viewmodel import RunView, WizardView
from keyturn_app.screens.models.work import throttled
from keyturn_app.tasks import Progress
from support.tinymodel import write_tiny_model
from unit.app.screens.models.conftest import HeldDoor, Here

MIB = 1 << 20


@dataclass
class Sealing:
    """The wizard over the inventory, with a door that waits."""

    here: Here
    door: HeldDoor
    source: Path

    @property
    def wizard(self) -> SealPresenter:
        sheet = self.here.presenter.sheet
        assert isinstance(sheet, SealPresenter)
        return sheet

    @property
    def view(self) -> WizardView:
        return self.wizard.view()

    @property
    def out(self) -> Path:
        return self.here.tmp / "place" / "tiny-1.sealed"

    def left(self) -> list[str]:
        return sorted(each.name for each in (self.here.tmp / "place").iterdir())

    # one step each: what is needed there, then on

    def past_source(self) -> None:
        self.wizard.set_source(self.source)
        self.door.go()
        self.wizard.forward()

    def past_identity(self) -> None:
        self.wizard.set_identity("Tiny", "1", "")
        self.wizard.forward()

    def past_authority(self) -> None:
        self.wizard.forward()

    def past_destination(self) -> None:
        self.wizard.set_parent(self.here.tmp / "place")
        self.door.go()
        self.wizard.forward()

    def past_summary(self) -> None:
        self.wizard.forward()

    def walk(self, until: Step) -> None:
        for step, walk in self.steps().items():
            if step is until:
                return
            assert self.view.step is step
            walk()
        assert self.view.step is until

    def steps(self) -> dict[Step, Callable[[], None]]:
        return {
            Step.SOURCE: self.past_source,
            Step.IDENTITY: self.past_identity,
            Step.AUTHORITY: self.past_authority,
            Step.DESTINATION: self.past_destination,
            Step.SUMMARY: self.past_summary,
        }


@pytest.fixture
def sealing(here: Here, tmp_path: Path) -> Sealing:
    source = tmp_path / "tiny"
    (source / "onnx").mkdir(parents=True)
    (source / "config.json").write_bytes(b"{}")
    (source / "onnx" / "weights.safetensors").write_bytes(bytes(5 * MIB))
    (tmp_path / "place").mkdir()
    door = HeldDoor()
    here.desk.refresh()
    here.presenter._door = door
    here.actions.run("models.seal")
    return Sealing(here, door, source)


def test_from_a_directory_to_an_admission(sealing: Sealing) -> None:
    here = sealing.here
    here.set_policy()
    sealing.walk(Step.SEALING)
    sealing.door.go()

    view = sealing.view
    assert view.step is Step.DONE
    report = verify_copies(sealing.out)
    assert (view.done.digest, report.extra) == (report.model_digest, ())
    assert report.manifest.identity.model_id == "tiny"
    assert view.done.notes == ("swap is in use: zram0",)
    sealing.wizard.register()
    sealing.door.go()
    assert sealing.view.done.registered
    assert [each.name for each in here.presenter.view().rows] == ["Tiny"]

    sealing.wizard.propose()
    sealing.door.go()
    form = here.presenter.sheet
    assert isinstance(form, AdmissionPresenter)
    form.set_reason("first model")
    form.propose()
    (proposal,) = here.whole.desks["bela"].proposals("open")
    here.whole.approve(proposal.digest, "bela")
    here.whole.approve(proposal.digest, "chen")  # the HSM itself has checked the tag
    here.desk.refresh()
    assert here.presenter.view().rows[0].look.word == "In force"


def test_a_real_models_files_are_sealed(sealing: Sealing, tmp_path: Path) -> None:
    (tmp_path / "mini").mkdir()
    write_tiny_model(tmp_path / "mini")
    sealing.source = tmp_path / "mini"
    sealing.walk(Step.SEALING)
    sealing.door.go()
    found = verify_copies(sealing.out).manifest
    assert {"model.safetensors", "tokenizer.json", "config.json"} <= {f.path for f in found.files}


@pytest.mark.parametrize("step", [s for s in Step if s not in {Step.SEALING, Step.DONE}])
def test_cancelled_at_any_page_nothing_is_left(sealing: Sealing, step: Step) -> None:
    sealing.walk(step)
    sealing.wizard.cancel()
    sealing.door.go()
    assert sealing.here.presenter.sheet is None
    assert sealing.left() == []
    assert sealing.here.whole.desks["ada"].models() == []


def test_stopped_half_way_nothing_is_left_and_it_can_be_done_again(sealing: Sealing) -> None:
    sealing.walk(Step.SEALING)
    seen: list[list[str]] = []

    def halfway(progress: Progress) -> None:
        seen.append(sealing.left())
        sealing.wizard.cancel()

    sealing.door.during = halfway
    wizard = sealing.wizard
    sealing.door.go()
    assert seen[0][0].startswith(".tiny-1.sealed.sealing-"), "it was being written"
    view = wizard.view()
    assert (view.step, view.error) == (
        Step.SUMMARY,
        "Sealing was stopped. Nothing is left of it.",
    )
    assert sealing.left() == []

    sealing.door.during = lambda _: None
    wizard.forward()
    sealing.door.go()
    assert wizard.view().step is Step.DONE
    assert sealing.left() == ["tiny-1.sealed"]


def test_when_the_page_is_closed_while_sealing_nothing_is_left(sealing: Sealing) -> None:
    sealing.walk(Step.SEALING)
    sealing.door.during = lambda _: sealing.here.presenter.close()
    sealing.door.go()
    assert sealing.left() == []


def test_what_is_open_is_not_thrown_away_by_another_command(sealing: Sealing) -> None:
    sealing.walk(Step.SEALING)
    wizard = sealing.wizard
    assert sealing.here.actions.run("models.seal") == "Finish or cancel what is open first."
    assert sealing.wizard is wizard
    sealing.door.go()
    assert sealing.view.step is Step.DONE


def test_a_source_that_changes_meanwhile_is_an_error_and_leaves_nothing(sealing: Sealing) -> None:
    sealing.walk(Step.SEALING)
    sealing.door.during = lambda _: (sealing.source / "new").write_bytes(b"x") and None
    sealing.door.go()
    assert sealing.view.step is Step.SUMMARY
    assert "changed while" in sealing.view.error
    assert sealing.left() == []


def test_progress_says_how_much_how_fast_and_how_long(sealing: Sealing) -> None:
    sealing.walk(Step.SEALING)
    told: list[RunView] = []
    sealing.door.during = lambda _: told.append(sealing.view.run)
    sealing.door.go()
    assert told[0].fraction < 1
    assert told[-1].fraction == 1
    assert told[-1].done == "5.2 MB of 5.2 MB"


# ---- each page ----


def test_what_cannot_be_sealed_stops_the_first_page(sealing: Sealing) -> None:
    (sealing.source / "link").symlink_to("config.json")
    sealing.past_source()
    view = sealing.view
    assert view.step is Step.SOURCE
    assert view.problem == "1 thing cannot be sealed."
    assert "symbolic link" in view.source.refused[0]
    assert not view.can_next


def test_the_unusual_is_pointed_out_and_sealed_all_the_same(sealing: Sealing) -> None:
    for name in (".hidden", "a.bin", "b.pt", "run.py"):
        (sealing.source / name).write_bytes(b"x")
    (sealing.source / "empty").touch()
    sealing.wizard.set_source(sealing.source)
    sealing.door.go()
    assert sealing.view.source.notes == (
        "hidden: .hidden",
        "may be a pickle, which can run code when loaded: a.bin, b.pt",
        "code: run.py",
        "empty: empty",
    )
    assert sealing.view.can_next


def test_a_directory_that_is_not_there_is_explained(sealing: Sealing) -> None:
    sealing.wizard.set_source(sealing.here.tmp / "nowhere")
    sealing.door.go()
    assert "No such file" in sealing.view.error
    assert not sealing.view.can_next


def test_name_and_id_follow_the_directory_until_they_are_given(sealing: Sealing) -> None:
    sealing.wizard.set_source(sealing.source)
    sealing.door.go()
    assert (sealing.view.name, sealing.view.suggested_id) == ("tiny", "tiny")
    sealing.wizard.forward()
    sealing.wizard.set_identity("Tiny LM/v2", "2", "")
    assert sealing.view.suggested_id == "tiny-lm-v2"
    sealing.wizard.set_identity("Tiny", "2", "Not An Id")
    assert "not a model id" in sealing.view.problem
    sealing.wizard.set_identity("", "2", "")
    assert sealing.view.problem == "Give the model a name."


def test_the_servers_authority_is_taken_when_it_is_known(sealing: Sealing) -> None:
    sealing.walk(Step.AUTHORITY)
    view = sealing.view
    assert view.authority.origin is Origin.SERVER
    assert "software assurance" in str(view.authority.lines)
    assert (view.simulated, view.problem) == (True, "")


def test_without_a_server_a_bundle_file_serves(sealing: Sealing, tmp_path: Path) -> None:
    here = sealing.here
    here.desk.show(Facts(Connection(Link.OFFLINE)))
    sealing.walk(Step.AUTHORITY)
    assert "Nothing was heard" in sealing.view.authority.server_why_not
    assert sealing.view.problem == "Choose whom to seal to."
    place = tmp_path / "authority.bundle"
    place.write_bytes(here.system.bundle_bytes)
    here.officer.chosen = place
    sealing.wizard.choose_bundle()
    sealing.door.go()
    assert (sealing.view.authority.origin, sealing.view.problem) == (Origin.FILE, "")


def test_a_bundle_of_another_authority_is_refused(sealing: Sealing, tmp_path: Path) -> None:
    here = sealing.here
    sealing.walk(Step.AUTHORITY)
    other = replace(here.desk.identity.profile, fingerprint="sha256:" + "0" * 64)
    here.desk.identity = replace(here.desk.identity, profile=other)
    (tmp_path / "b").write_bytes(here.system.bundle_bytes)
    here.officer.chosen = tmp_path / "b"
    sealing.wizard.choose_bundle()
    sealing.door.go()
    assert sealing.view.error
    assert sealing.view.authority.origin is Origin.SERVER


def test_a_bundle_older_than_the_log_is_refused(sealing: Sealing, tmp_path: Path) -> None:
    here = sealing.here
    old = here.system.bundle_bytes
    here.system.enact(Kind.ROSTER, "roster", here.system.authority.roster_body())
    here.whole.world.catch_up()
    here.desk.refresh()
    sealing.walk(Step.AUTHORITY)
    (tmp_path / "b").write_bytes(old)
    here.officer.chosen = tmp_path / "b"
    sealing.wizard.choose_bundle()
    sealing.door.go()
    assert "older than the log" in sealing.view.error
    assert sealing.view.authority.origin is Origin.SERVER


def test_expired_keys_are_not_sealed_to(sealing: Sealing) -> None:
    sealing.walk(Step.AUTHORITY)
    sealing.here.system.clock.advance(days=100)
    assert "expired" in sealing.view.problem


def test_the_destination_must_be_new_and_elsewhere(sealing: Sealing) -> None:
    sealing.walk(Step.DESTINATION)
    assert sealing.view.problem == "Choose where the sealed model is to be put."
    sealing.out.mkdir()
    sealing.wizard.set_parent(sealing.out.parent)
    sealing.door.go()
    assert "already" in sealing.view.problem
    sealing.wizard.set_folder("new")
    sealing.door.go()
    assert sealing.view.problem == ""
    sealing.wizard.set_folder("a/b")
    assert "without" in sealing.view.problem
    sealing.wizard.set_folder("")
    sealing.wizard.set_parent(sealing.source)
    sealing.door.go()
    assert "within the model" in sealing.view.problem


def test_the_summary_says_what_will_happen_and_back_leads_to_each_page(sealing: Sealing) -> None:
    sealing.walk(Step.SUMMARY)
    lines = {name: value for name, value, _ in sealing.view.summary}
    assert lines["Model"] == "Tiny, 1 (tiny)"
    assert lines["To"] == str(sealing.out)
    assert sealing.view.next_text == "Seal"
    walked = []
    while sealing.view.can_back:
        sealing.wizard.back()
        walked.append(sealing.view.step)
    assert walked == [Step.DESTINATION, Step.AUTHORITY, Step.IDENTITY, Step.SOURCE]


# ---- the parts ----


def test_nothing_is_planned_before_every_step_is_done(sealing: Sealing) -> None:
    with pytest.raises(ValueError, match="not done"):
        Wizard(Draft(name="x")).plan(sealing.here.system.clock())


def test_moves_that_are_not_open_change_nothing(sealing: Sealing) -> None:
    now = sealing.here.system.clock()
    wizard = Wizard()
    assert wizard.forward(now) is wizard
    assert wizard.back() is wizard
    assert wizard.stopped() is wizard


def test_speed_is_of_the_last_seconds() -> None:
    seconds = iter([0.0, 1.0, 2.0, 10.0])
    pace = Pace(lambda: next(seconds))
    assert pace.view(Progress(0, 100), stopping=False).rate == ""
    assert pace.view(Progress(10, 100), stopping=False).rate == "10 B/s"
    view = pace.view(Progress(20, 100), stopping=True)
    assert (view.rate, view.left, view.stopping) == ("10 B/s", "8 s left", True)
    assert pace.view(Progress(100, 100), stopping=False).rate == "10 B/s"


def test_progress_is_told_at_most_twenty_times_a_second() -> None:
    told: list[int] = []
    seconds = iter([0.0, 0.01, 0.06, 0.07])
    report = throttled(lambda each: told.append(each.done), lambda: next(seconds))
    for done in (1, 2, 3, 4):
        report(done, 4)
    assert told == [1, 3, 4]
