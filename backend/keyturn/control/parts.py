"""The services of one server, made around one context."""

from dataclasses import dataclass

from keyturn.control.context import Context
from keyturn.control.follower import Follower
from keyturn.control.heartbeats import Heartbeats
from keyturn.control.proposing import Proposing
from keyturn.control.releasing import Releasing


@dataclass(slots=True)
class Parts:
    """The services of one server."""

    context: Context
    follower: Follower
    proposing: Proposing
    releasing: Releasing
    heartbeats: Heartbeats


def make_parts(context: Context) -> Parts:
    """Services around one context; nothing runs yet."""
    follower = Follower(context)
    return Parts(
        context,
        follower,
        Proposing(context, follower),
        Releasing(context, follower),
        Heartbeats(context, follower),
    )
