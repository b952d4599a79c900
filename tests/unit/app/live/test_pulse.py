"""Events a second, over the last five."""

from keyturn_app.live.pulse import Pulse


def test_old_beats_are_forgotten() -> None:
    now = [100.0]
    pulse = Pulse(lambda: now[0])
    assert pulse.read() == (0.0, None)
    for _ in range(10):
        pulse.beat(250)
    assert pulse.read() == (2.0, 250)
    now[0] += 6
    assert pulse.read() == (0.0, 250)
