"""The whole story by command line: 3-of-5 genesis, rotation, backup, loss, restore, drill, change.

Of each ceremony the transcript verifies and the minutes print (`support.ceremonystory`); after each
its secrets are looked for in every file and log, in what was printed, and in the control plane.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from keyturn.ceremony.transcript import parse_transcript, verify_transcript
from keyturn.exposure.memscan import find_in_process, find_in_tree
from keyturn_sim.vendors import SimVendors
from support.ceremonystory import Story, tell
from support.founded import ROOT
from support.nodes import NodeSecrets

pytestmark = pytest.mark.timeout(900)
CEREMONIES = (
    *("genesis", "rehearsal-genesis", "rotation", "backup", "restore", "drill", "change"),
)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory with a short path: sockets below it are to fit into Linux's 107 bytes."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "backend"))
    with tempfile.TemporaryDirectory(prefix="kt-") as found:
        yield Path(found)


def secrets_are_nowhere(story: Story, after: str) -> None:
    """In no file below the desk (database, logs, token, records), no output, not in the control
    plane; each search finds what does lie there."""
    needles = {**story.needles, "control": story.fingerprint.encode()}
    assert find_in_tree(story.desk, needles).found == {"control"}, after
    printed = "\n".join([*story.commands.output, *(" ".join(e) for e in story.commands.argv)])
    said = {name for name, value in needles.items() if value in printed.encode()}
    assert said == {"control"}, after
    if hasattr(story, "control"):
        found = find_in_process(story.control.pid, needles)
        assert found.found == {"control"}, after


def test_a_story_by_command_line(
    desk: Path, vendors: SimVendors, node_secrets: NodeSecrets
) -> None:
    story = Story(desk, vendors, node_secrets)
    tell(story, secrets_are_nowhere)
    assert set(story.transcripts) == set(CEREMONIES)
    for name, raw in story.transcripts.items():
        verified = verify_transcript(parse_transcript(raw))
        assert verified.rehearsal is name.startswith("rehearsal-")
        assert (verified.looked_at.log is None) is verified.rehearsal
        assert story.minutes[name].startswith(b"%PDF-")
    _planted(story)


def _planted(story: Story) -> None:
    """The positive control: every one of them would have been found."""
    for number, value in enumerate(story.needles.values()):
        (story.desk / f"planted-{number}").write_bytes(b"before " + value + b" after")
    assert find_in_tree(story.desk, story.needles).found == set(story.needles)
