"""One server's services share one context and one follower."""

from keyturn.control.parts import make_parts
from support.control import World


def test_services_of_one_server_hang_together(standing: World) -> None:
    context = standing.server.parts.context
    parts = make_parts(context)
    assert parts.context is context
    assert parts.follower.context is context
    assert parts.releasing.context is context
    assert parts.releasing.follower is parts.follower
    assert not parts.follower.ready, "nothing runs yet"
