"""Routes without a session: who this server is, its authority, signing in."""

from keyturn import __version__
from keyturn.base.encoding import b64, unb64
from keyturn.base.errors import MalformedError, UnreachableError
from keyturn.control import signin
from keyturn.control.routing import PartsHere, open_router
from keyturn.quorum.bundle import make_bundle
from keyturn.quorum.reports import SignInFailure
from keyturn.wire import api

routes = open_router()


@routes.get("/v1/hello")
async def hello(parts: PartsHere) -> api.HelloView:
    """What this server is, and which authority it believes."""
    newest = parts.context.mirror.newest_roster
    roster = parts.context.mirror.roster
    return api.HelloView(
        software=f"keyturn {__version__}",
        fingerprint=parts.context.config.fingerprint,
        origin=parts.context.mirror.origin,
        simulation=roster is not None and roster.simulation,
        time=parts.context.clock(),
        roster_index=None if newest is None else newest.index,
        sealed=parts.follower.sealed,
    )


@routes.get("/v1/authority")
async def authority(parts: PartsHere) -> api.AuthorityView:
    """The authority bundle; a reader checks it against its pinned fingerprint."""
    state = parts.context.mirror.state
    if state.roster is None or state.newest_keys is None:
        raise UnreachableError("the authority is not read from the keyholder's log yet")
    return api.AuthorityView(bundle=b64(make_bundle(state)))


@routes.post("/v1/session/challenges")
async def challenge(parts: PartsHere) -> api.NonceView:
    """A nonce for one sign-in within 60 seconds."""
    nonce, expires = signin.issue_nonce(parts.context)
    return api.NonceView(nonce=nonce, expires=expires)


@routes.post("/v1/sessions")
async def open_session(parts: PartsHere, body: api.EnvelopeBody) -> api.SessionView:
    """A bearer token for 15 minutes, for a signed nonce."""
    try:
        token, opened = await signin.sign_in(parts.context, unb64(body.envelope, what="envelope"))
    except signin.SignInFailed as error:
        parts.reporting.note(error.reason, error.claimed)
        raise
    except MalformedError:
        parts.reporting.note(SignInFailure.MALFORMED, None)
        raise
    roles = sorted(each.value for each in opened.officer.roles)
    return api.SessionView(
        token=token, officer=opened.officer.id, roles=roles, expires=opened.expires
    )
