"""The services of one server, made around one context."""

from dataclasses import dataclass

from keyturn.control.collateral import Collaterals
from keyturn.control.collateraljob import CollateralJob
from keyturn.control.context import Context
from keyturn.control.enrolling import Enrolling
from keyturn.control.follower import Follower
from keyturn.control.heartbeats import Heartbeats
from keyturn.control.proposing import Proposing
from keyturn.control.recording import Recording
from keyturn.control.releasing import Releasing
from keyturn.control.reporting import Reporting
from keyturn.control.rewrapjob import RewrapJob
from keyturn.control.witnessing import Witnessing


@dataclass(slots=True)
class Parts:
    """The services of one server."""

    context: Context
    follower: Follower
    proposing: Proposing
    releasing: Releasing
    heartbeats: Heartbeats
    witnessing: Witnessing
    enrolling: Enrolling
    reporting: Reporting
    collaterals: Collaterals
    collateral_job: CollateralJob
    rewrap_job: RewrapJob


def make_parts(context: Context) -> Parts:
    """Services around one context; nothing runs yet."""
    follower, witnessing = Follower(context), Witnessing(context)
    recording = Recording(context, follower)
    collaterals = Collaterals(context, follower)
    job = CollateralJob(context, collaterals)
    collaterals.handed = job.wake
    return Parts(
        context,
        follower,
        Proposing(context, follower, witnessing, recording),
        Releasing(context, follower),
        Heartbeats(context, follower),
        witnessing,
        Enrolling(context),
        Reporting(context, follower),
        collaterals,
        job,
        RewrapJob(context),
    )
