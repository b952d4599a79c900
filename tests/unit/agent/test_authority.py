"""The pinned authority: another's bundle and an older one are refused."""

from pathlib import Path

import pytest

from keyturn.agent.authority import PinnedAuthority, read_authority
from keyturn.agent.errors import AnswerUntrusted, ConfigInvalid
from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError
from keyturn.quorum.bundle import make_bundle
from keyturn.quorum.kinds import Kind


def test_another_fingerprint_is_refused(system) -> None:
    with pytest.raises(KeyturnError):
        PinnedAuthority(system.bundle_bytes, Digest("sha256:" + "00" * 32), system.clock)


def test_takes_a_newer_roster_and_never_the_older_again(system) -> None:
    pinned = PinnedAuthority(system.bundle_bytes, system.fingerprint, system.clock)
    system.enact(Kind.ROSTER, "roster", system.authority.roster_body())
    newer = make_bundle(system.keyholder.journal.state)

    assert not pinned.refresh(system.bundle_bytes)
    assert pinned.refresh(newer)
    with pytest.raises(AnswerUntrusted, match="older"):
        pinned.refresh(system.bundle_bytes)


def test_an_absent_file_is_a_matter_of_configuration(tmp_path: Path, system) -> None:
    with pytest.raises(ConfigInvalid):
        read_authority(tmp_path / "absent", system.fingerprint, system.clock)
