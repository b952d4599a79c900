"""`keyturn ceremony share`: a custodian's own words, to them alone, checked before they leave."""

import os
from pathlib import Path

import pypdf
import pytest

from keyturn.base.encoding import digest_of
from keyturn.ceremony.script import ShareUse
from keyturn.cli.ceremony_screen import CLEAR, ENTER_ALTERNATE, LEAVE_ALTERNATE
from support.ceremonycommands import PASSPHRASE, Commands
from support.sharethief import NAME as THIEF
from support.sharethief import sheets, thief
from unit.cli.ceremony_host import NAME, at_step
from unit.cli.ceremony_terminal import on_terminal


def assert_no_words(commands: Commands) -> None:
    texts = "\n".join([*commands.output, *(" ".join(each) for each in commands.argv)])
    for words in commands.shares.values():
        found = words.decode().split()
        assert not [1 for at in range(18) if " ".join(found[at : at + 2]) in texts]


def test_a_share_goes_to_its_descriptor_and_nowhere_else(tmp_path: Path) -> None:
    with at_step(tmp_path, "hand-out") as at:
        at.commands.take_share(NAME, "ada")
        assert [len(each.split()) for each in at.commands.shares.values()] == [20, 33]
        reader, writer = os.pipe()
        text = at.commands.run(
            "ada", "share", "show", NAME, "--fd", writer, "--use", "user", "--yes"
        )
        os.close(writer)
        assert os.read(reader, 1 << 12).strip() == at.commands.shares["ada", "user"]
        os.close(reader)
        assert "user share 1 of 5: check value" in text.stdout
        assert_no_words(at.commands)


def test_one_share_goes_onto_a_sheet_and_nowhere_else(tmp_path: Path) -> None:
    """The control: the file has the words, as text and nothing else does."""
    path = tmp_path / "sheet.pdf"
    with at_step(tmp_path, "hand-out") as at:
        at.commands.take_share(NAME, "ada")
        words = at.commands.shares["ada", "user"].decode()
        arguments = ("share", "show", NAME, "--use", "user", "--sheet", path)
        result = at.commands.run("ada", *arguments, "--bag", "KT-00412", "--qr", "--yes")
        assert result.exit_code == 0, result.output
        assert "user share 1 of 5: check value" in result.stdout
        assert "This file is the share." in " ".join(result.stdout.split())
        assert path.stat().st_mode & 0o777 == 0o600
        (page,) = pypdf.PdfReader(path).pages
        text = " ".join(page.extract_text().replace("\u00a0", " ").split())
        for place, word in enumerate(words.split(), start=1):
            assert f"{place} {word}" in text
        for each in ("REHEARSAL", NAME, "KT-00412", "Ada", "number 1 of 5"):
            assert each in text
        refused = at.commands.refused("ada", *arguments, "--yes")
        assert "File exists" in refused["message"]
        assert_no_words(at.commands)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--sheet", "FILE"), "a sheet holds one share, and you have user, backup"),
        (("--sheet", "FILE", "--fd", "1", "--use", "user"), "not both"),
        (("--bag", "KT-1"), "name --sheet"),
        (("--qr",), "name --sheet"),
    ],
)
def test_half_of_what_a_sheet_needs(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    path = tmp_path / "sheet.pdf"
    given = [str(path) if each == "FILE" else each for each in arguments]
    with at_step(tmp_path, "hand-out") as at:
        result = at.commands.run("ada", "share", "show", NAME, *given, "--yes")
    assert result.exit_code == 2
    assert says in " ".join(result.stderr.split())
    assert not path.exists()


def test_a_sheet_needs_a_yes_and_a_bag_that_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "sheet.pdf"
    with at_step(tmp_path, "hand-out") as at:
        arguments = ("share", "show", NAME, "--use", "user", "--sheet", path)
        assert at.commands.run("ada", *arguments).exit_code == 2
        error = at.commands.refused("ada", *arguments, "--yes", "--bag", "KT\x1b[2J")
        assert "cannot be printed" in error["message"]
    assert not path.exists()


def test_without_a_terminal_nothing_is_shown(tmp_path: Path) -> None:
    with at_step(tmp_path, "hand-out") as at:
        assert at.commands.run("ada", "share", "show", NAME).exit_code == 2
        refused = at.commands.run("ada", "share", "show", NAME, "--yes")
        assert refused.exit_code == 1
        assert "on a terminal and nowhere else" in refused.stderr
        assert at.commands.run("ada", "share", "show", NAME, "--json").exit_code == 2
        at.commands.take_share(NAME, "ada")
        assert_no_words(at.commands)


def test_who_holds_none_gets_none(tmp_path: Path) -> None:
    with at_step(tmp_path, "hand-out") as at:
        error = at.commands.refused("hana", "share", "show", NAME, "--fd", "1")
        assert "no share for you" in error["message"]
        error = at.commands.refused("ada", "share", "show", NAME, "--fd", "1", "--use", "so")
        assert "no share for you" in error["message"]


def test_shares_are_entered_and_the_step_is_signed(tmp_path: Path) -> None:
    with at_step(tmp_path, "prove-shares") as at:
        at.commands.take_share(NAME, "ada")
        at.commands.enter_share(NAME, "ada")
        assert at.host.proved == {(ShareUse.USER, "ada"), (ShareUse.BACKUP, "ada")}
        assert [each.officer for each in at.host.signed] == ["ada"]
        assert_no_words(at.commands)
        printed = at.commands.output[-1]
        assert "keyholder-host-trusted" in printed
        assert "only a person at that machine" in printed


def test_four_letters_of_each_word_are_enough(tmp_path: Path) -> None:
    with at_step(tmp_path, "prove-shares") as at:
        at.commands.take_share(NAME, "farid")
        short = b" ".join(each[:4].upper() for each in at.commands.shares["farid", "so"].split())
        result = at.commands.run("farid", "share", "enter", NAME, lines=(short,))
        assert "Your share is with the host" in result.stdout


def test_wrong_shares_never_leave_this_machine(tmp_path: Path) -> None:
    with at_step(tmp_path, "prove-shares") as at:
        for officer in ("farid", "greta", "ada"):
            at.commands.take_share(NAME, officer)
        so, user = at.commands.shares["farid", "so"], at.commands.shares["ada", "user"]
        cases = {
            b"": "number of words",
            so.rpartition(b" ")[0]: "number of words",
            so.replace(so.split()[2], b"nonsense", 1): "not one of the list",
            at.commands.shares["greta", "so"]: "another custodian",
            user: "user PIN",
        }
        for words, says in cases.items():
            error = at.commands.refused("farid", "share", "enter", NAME, lines=(words,))
            assert says in error["message"]
        assert at.host.signed == []
        assert at.host.proved == set()
        assert_no_words(at.commands)


def test_as_many_descriptors_as_shares(tmp_path: Path) -> None:
    with at_step(tmp_path, "prove-shares") as at:
        at.commands.take_share(NAME, "ada")
        lines = (at.commands.shares["ada", "user"],)
        result = at.commands.run("ada", "share", "enter", NAME, lines=lines)
        assert result.exit_code == 2
        assert "user, backup" in result.stderr


def test_where_no_share_is_asked_for(tmp_path: Path) -> None:
    with at_step(tmp_path, "hand-out") as at:
        error = at.commands.refused("ada", "share", "enter", NAME)
    assert "no share of yours is asked for" in error["message"]


def test_a_locked_host_takes_shares_in_any_step(tmp_path: Path) -> None:
    with at_step(tmp_path, "found") as at:
        at.commands.take_share(NAME, "ada")
        at.host.unmet = (ShareUse.USER,)
        lines = (at.commands.shares["ada", "user"],)
        at.commands.json("ada", "share", "enter", NAME, lines=lines)
        assert at.host.proved == {(ShareUse.USER, "ada")}
        assert at.host.signed == []


def test_a_locked_host_says_which_shares_it_waits_for(tmp_path: Path) -> None:
    with at_step(tmp_path, "found") as at:
        for officer in ("ada", "farid"):
            at.commands.take_share(NAME, officer)
        at.host.unmet = (ShareUse.SO, ShareUse.BACKUP)
        assert at.commands.show(NAME)["waiting"]["unmet"] == ["so", "backup"]
        error = at.commands.refused("bela", "share", "enter", NAME, lines=(b"x",))
        assert "no share of yours" in error["message"]
        assert error["expected"] == "so, backup"
        for officer, use in (("farid", "so"), ("ada", "backup")):
            lines = (at.commands.shares[officer, use],)
            at.commands.json(officer, "share", "enter", NAME, lines=lines)
        assert at.host.proved == {(ShareUse.SO, "farid"), (ShareUse.BACKUP, "ada")}
        assert (at.host.unmet, at.host.signed) == ((), [])


def test_no_share_for_a_host_that_is_not_to_be_trusted(tmp_path: Path) -> None:
    with at_step(tmp_path, "prove-shares") as at:
        at.commands.take_share(NAME, "farid")
        at.host.rehearsal = False
        lines = (at.commands.shares["farid", "so"],)
        error = at.commands.refused("farid", "share", "enter", NAME, lines=lines)
        assert "never at one host" in error["message"]
        assert at.host.proved == set()


@pytest.mark.parametrize("relabelled", [False, True])
def test_a_made_up_rehearsal_gets_no_real_share(tmp_path: Path, relabelled: bool) -> None:
    real = sheets(rehearsal=False)
    host = thief(real.relabelled if relabelled else real.sets)
    with host.serving(tmp_path / "host.sock") as socket:
        at = Commands(tmp_path, socket, host.cast)
        words = real.words["ada", ShareUse.BACKUP]
        error = at.refused("ada", "share", "enter", THIEF, lines=(words,))
        assert "of a real token" in error["found"]
        assert "tell the witness: this host asked for real shares" in error["hint"]
        assert_no_words(at)
    assert host.stolen == {}


def test_in_a_rehearsal_the_hosts_authority_is_nobodys_to_know(tmp_path: Path) -> None:
    """Every rehearsal but a genesis's has a throw-away authority from its first record on."""
    rehearsed = sheets(rehearsal=True)
    host = thief(rehearsed.sets)
    host.authority = digest_of(b"thrown away")
    with host.serving(tmp_path / "host.sock") as socket:
        words = rehearsed.words["ada", ShareUse.BACKUP]
        Commands(tmp_path, socket, host.cast).json("ada", "share", "enter", THIEF, lines=(words,))
    assert set(host.stolen) == {("ada", ShareUse.BACKUP)}


@pytest.mark.parametrize("wrong", ["phrase", "=x"])
def test_entries_are_pairs(tmp_path: Path, wrong: str) -> None:
    with at_step(tmp_path, "prove-shares") as at:
        at.commands.take_share(NAME, "farid")
        result = at.commands.run(
            "farid",
            *("share", "enter", NAME, "--enter", wrong),
            lines=(at.commands.shares["farid", "so"],),
        )
        assert result.exit_code == 2


def test_on_a_terminal_a_share_is_shown_alone_and_typed_again(tmp_path: Path) -> None:
    """As a person sees it: asked first, one share at a time, nothing left on the screen."""
    with at_step(tmp_path, "prove-shares") as at:
        officer = ("--socket", at.commands.socket, "--key-file", at.commands.key_file("farid"))
        with on_terminal("ceremony", "share", "show", NAME, *officer) as terminal:
            terminal.until("Passphrase of farid")
            terminal.type(PASSPHRASE.decode())
            terminal.until("Are you alone")
            terminal.type("y")
            before = terminal.until(ENTER_ALTERNATE)
            shown = terminal.until("press Enter")
            terminal.type("")
            terminal.until(CLEAR + LEAVE_ALTERNATE)
            assert terminal.end() == 0
            after = terminal.drawn[terminal.read :]
        words = [line.split()[1] for line in shown.splitlines() if line[:4].strip().isdigit()]
        assert len(words) == 20
        assert "REHEARSAL" in shown
        assert "so share 1 of 3, of farid" in shown
        assert not [each for each in words if each in before.split() or each in after.split()]
        assert "so share 1 of 3: check value" in after

        with on_terminal("ceremony", "share", "enter", NAME, *officer) as terminal:
            terminal.until("Passphrase of farid")
            terminal.type(PASSPHRASE.decode())
            terminal.until(ENTER_ALTERNATE)
            for place, word in enumerate(words, start=1):
                terminal.until(f"{place:>4}: ")
                terminal.type(word[:4])
            terminal.until(CLEAR + LEAVE_ALTERNATE)
            assert terminal.end() == 0
        assert at.host.proved == {(ShareUse.SO, "farid")}
        assert PASSPHRASE.decode() not in terminal.drawn


def test_on_a_terminal_no_is_no(tmp_path: Path) -> None:
    with at_step(tmp_path, "prove-shares") as at:
        officer = ("--socket", at.commands.socket, "--key-file", at.commands.key_file("farid"))
        with on_terminal("ceremony", "share", "show", NAME, *officer) as terminal:
            terminal.until("Passphrase of farid")
            terminal.type(PASSPHRASE.decode())
            terminal.until("Are you alone")
            terminal.type("n")
            assert terminal.end() == 1
        assert ENTER_ALTERNATE not in terminal.drawn
