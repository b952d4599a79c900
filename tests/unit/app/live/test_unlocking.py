"""Wrong passphrases come slower and slower."""

from keyturn_app.live.unlocking import FREE, LONGEST, Attempts


def test_the_first_few_are_free_then_each_waits_longer() -> None:
    attempts = Attempts()
    for _ in range(FREE - 1):
        attempts.failed(10.0)
        assert attempts.wait(10.0) == 0.0
    attempts.failed(10.0)
    assert attempts.wait(10.0) == 1.0
    assert attempts.wait(11.0) == 0.0
    attempts.failed(11.0)
    assert attempts.wait(11.5) == 1.5
    for _ in range(20):
        attempts.failed(20.0)
    assert attempts.wait(20.0) == LONGEST
    attempts.passed()
    assert attempts.wait(20.0) == 0.0
