"""The countdown to the lock."""

from keyturn_app.shell.idling import Idling, elapsed


class Hand:
    """A clock's hand, moved by the test."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


def test_it_counts_down_and_starts_over_when_touched() -> None:
    hand = Hand()
    idling = Idling(600, hand)
    assert idling.text() == "Locks in 10:00"
    hand.at += 18
    assert idling.text() == "Locks in 9:42"
    idling.touch()
    assert idling.left == 600


def test_it_is_over_once_the_time_is_up_and_not_before() -> None:
    hand = Hand()
    idling = Idling(60, hand)
    hand.at += 59.9
    assert not idling.over
    hand.at += 0.1
    assert idling.over
    assert idling.text() == "Locks in 0:00"


def test_a_shorter_limit_counts_from_the_last_touch() -> None:
    hand = Hand()
    idling = Idling(600, hand)
    hand.at += 90
    idling.limit = 60
    assert idling.over


def test_a_clock_that_went_back_gives_no_more_time_than_there_is() -> None:
    hand = Hand()
    idling = Idling(60, hand)
    hand.at -= 1000
    assert idling.left == 60


def test_the_machine_s_clock_goes_on() -> None:
    assert elapsed() <= elapsed()
