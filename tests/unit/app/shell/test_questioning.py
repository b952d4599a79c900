"""Questions in a row: each answered once, turned down when shut."""

import socket
from pathlib import Path

import pytest

from keyturn_app.questions import (
    Confirm,
    Confirmed,
    Notice,
    OpenDirectory,
    OpenFile,
    OpenFiles,
    Passphrase,
    SaveFile,
)
from keyturn_app.shell.questioning import (
    Answer,
    Questions,
    cannot_confirm,
    cannot_take,
    one_line,
    paths_in,
)

ONE, TWO = Confirm("One?", "", "Yes"), Passphrase("Two?", "")


def test_one_after_the_other() -> None:
    questions, answers = Questions(), list[Answer]()
    questions.put(ONE, answers.append)
    questions.put(TWO, answers.append)
    first = questions.current
    assert first is not None
    assert (first.question, questions.waiting) == (ONE, 1)
    questions.answer(first, Confirmed())
    assert questions.current is not None
    assert questions.current.question == TWO
    assert answers == [Confirmed()]


def test_answered_once_and_a_secret_that_comes_later_is_wiped() -> None:
    questions, answers = Questions(), list[Answer]()
    questions.put(TWO, answers.append)
    asked = questions.current
    assert asked is not None
    questions.turn_down_all()
    late = bytearray(b"secret")
    questions.answer(asked, late)
    assert answers == [None]
    assert late == bytearray(6)


def test_shut_everything_is_turned_down_in_order_and_at_once() -> None:
    questions, answers = Questions(), list[str]()
    questions.put(ONE, lambda _answer: answers.append("one"))
    questions.put(TWO, lambda _answer: answers.append("two"))
    questions.shut(True)
    questions.put(ONE, lambda _answer: answers.append("three"))
    assert answers == ["one", "two", "three"]
    assert questions.current is None
    questions.shut(False)
    questions.put(ONE, lambda _answer: answers.append("four"))
    assert questions.current is not None


def test_what_is_lasting_waits_until_it_is_opened_again() -> None:
    """A share lies in a file: a lock must not take the notice of it away."""
    before, meanwhile = Notice("Before", "", lasting=True), Notice("Meanwhile", "", lasting=True)
    questions, told = Questions(), list[object]()
    questions.listeners.add(lambda: told.append(questions.current and questions.current.question))
    questions.put(ONE, lambda _answer: None)
    questions.put(before, lambda _answer: None)
    questions.put(Notice("Gone", ""), lambda _answer: None)
    questions.shut(True)
    questions.put(meanwhile, lambda _answer: None)
    assert questions.current is None
    assert told[-1] is None
    questions.shut(False)
    assert told[-1] == before
    assert questions.current is not None
    questions.answer(questions.current, None)
    assert questions.current.question == meanwhile


def test_a_question_asked_while_turning_down_is_turned_down_too() -> None:
    questions, answers = Questions(), list[Answer]()
    questions.put(ONE, lambda _answer: questions.put(TWO, answers.append))
    questions.shut(True)
    assert answers == [None]


def test_listeners_hear_of_the_first_and_of_each_next() -> None:
    questions, told = Questions(), list[object]()
    questions.listeners.add(lambda: told.append(questions.current and questions.current.question))
    questions.put(ONE, lambda _answer: None)
    questions.put(TWO, lambda _answer: None)
    for _time in range(2):
        current = questions.current
        assert current is not None
        questions.answer(current, None)
    assert told == [ONE, TWO, None]


@pytest.mark.parametrize(
    ("typed", "comment", "why"),
    [
        ("", "why", "Type wipe to go on."),
        ("Wipe", "why", "Type wipe to go on."),
        ("wipe ", "why", "Type wipe to go on."),
        ("wipe", " \n", "Reason is needed."),
        ("wipe", "why", ""),
    ],
)
def test_yes_waits_for_the_word_and_the_comment(typed: str, comment: str, why: str) -> None:
    question = Confirm("Wipe?", "", "Wipe", typed="wipe", comment="Reason", comment_required=True)
    assert cannot_confirm(question, typed, comment) == why


def test_paths_are_looked_at_before_they_are_taken(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("")
    assert cannot_take(OpenFile("f"), "") == "Name a file."
    assert cannot_take(OpenDirectory("d"), " ") == "Name a directory."
    assert cannot_take(OpenFile("f"), str(there)) == ""
    assert cannot_take(OpenFile("f"), str(tmp_path)) == "There is no such file."
    place = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(place))
        assert cannot_take(OpenFile("f", socket=True), str(place)) == ""
        assert cannot_take(OpenFile("f"), str(place)) == "There is no such file."
    assert cannot_take(OpenDirectory("d"), str(there)) == "There is no such directory."
    assert cannot_take(OpenDirectory("d"), str(tmp_path)) == ""
    assert "there already" in cannot_take(SaveFile("s"), str(there))
    assert cannot_take(SaveFile("s"), str(tmp_path / "no" / "f")) == "There is no such directory."
    assert cannot_take(SaveFile("s"), str(tmp_path / "new")) == ""


def test_several_files_in_one_line(tmp_path: Path) -> None:
    plain, spaced = tmp_path / "a.png", tmp_path / "with a space.png"
    for each in (plain, spaced):
        each.touch()
    line = one_line(map(str, (plain, spaced)))
    assert paths_in(line) == (plain, spaced)
    assert paths_in(str(spaced)) == (spaced,)  # as it stands, where it names a file
    assert paths_in('"never closed') == (Path('"never closed'),)
    question = OpenFiles("Which?")
    assert cannot_take(question, line) == ""
    assert cannot_take(question, "  ") == "Name a file."
    assert cannot_take(question, f"{plain} {tmp_path / 'b.png'}") == "There is no file b.png."
