"""New keys for the same authority: the statement that names them; the log goes on (§6.2)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from keyturn.base.dsse import parse_envelope
from keyturn.base.errors import KeyturnError
from keyturn.base.strictjson import load_object
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.facts import Facts, LogStands, SignedStatement, StatementsSigned
from keyturn.ceremony.steps import StepSignature
from keyturn.hsm.client import HsmWorker
from keyturn.keyholder.ceremonies.actions.statements import (
    Composed,
    Envelopes,
    check_attached,
    gathered,
    keep_composed,
    keep_signed,
    kept_composed,
    kept_signed,
    proposer_of,
    to_sign,
)
from keyturn.keyholder.ceremonies.doing import Act, Doing
from keyturn.keyholder.ceremonies.handedin import restore_envelopes
from keyturn.keyholder.ceremonies.site import BUNDLE, CONFIG, LOG, desk_of
from keyturn.keyholder.config import load_config
from keyturn.keyholder.continuing import Continuation, continue_log, continued_config
from keyturn.keyholder.identity import FILE as IDENTITY
from keyturn.keyholder.identity import identity_at
from keyturn.keyholder.initialise import keys_body, signed_by_founders, write_whole
from keyturn.quorum.approvals import parse_approval
from keyturn.quorum.bodies import Keys
from keyturn.quorum.judge import judge
from keyturn.quorum.kinds import Kind
from keyturn.quorum.state import AuthorityState, InForce
from keyturn.quorum.statements import Statement, compose_payload, parse_statement
from keyturn.wire.ceremonies import StatementToSign

LIFE = timedelta(days=90)


def compose_keys(doing: Doing, worker: HsmWorker) -> None:
    """Kept for the officers to sign: the fresh token's keys, under the log's next name."""
    newest = _newest_keys(doing)
    version = newest.statement.version + 1
    old = _state(doing).newest_keys
    assert old is not None  # of that very statement
    identity = identity_at(doing.site.directory / IDENTITY)
    proposer = proposer_of(doing.roster, doing.plan.administrator)
    payload = compose_payload(
        Kind.KEYS,
        "keys",
        authority=_state(doing).fingerprint,
        version=version,
        replaces=newest.statement.digest,
        proposer=proposer,
        time=doing.now(),
        reason=f"ceremony {doing.plan.ceremony}",
        body=keys_body(_next_origin(old.origin, version), worker, identity),
        life=LIFE,
    )
    keep_composed(doing.files, Composed(proposer, {Kind.KEYS: payload}))


def _next_origin(origin: str, version: int) -> str:
    """The log's name, with the number of its keys behind it."""
    base, dot, number = origin.rpartition(".")
    if dot and number == str(version - 1) and version > 2:
        return f"{base}.{version}"
    return f"{origin}.{version}"


def _state(doing: Doing) -> AuthorityState:
    state = doing.site.state
    if state is None:
        raise CeremonyRefused(CeremonyReason.FAILED, "there is no authority here")
    return state


def _newest_keys(doing: Doing) -> InForce:
    newest = _state(doing).newest.get((Kind.KEYS, "keys"))
    if newest is None:
        raise CeremonyRefused(CeremonyReason.FAILED, "the authority has no keys yet")
    return newest


def statements(doing: Doing) -> tuple[StatementToSign, ...]:
    """What officers sign."""
    return to_sign(kept_composed(doing.files))


def check(doing: Doing, signature: StepSignature, attached: tuple[bytes, ...]) -> None:
    check_attached(kept_composed(doing.files), doing.roster, signature, attached)


def complete(doing: Doing) -> bool:
    """Whether it has its quorum by what is attached so far."""
    signed = gathered(kept_composed(doing.files), doing.attached)
    if signed is None:
        return False
    try:
        _judged(doing, signed)
    except KeyturnError:
        return False
    return True


def _judged(doing: Doing, signed: Mapping[Kind, Envelopes]) -> None:
    """As the log will judge it. Raises SubmissionRefused."""
    raw, approvals = signed[Kind.KEYS]
    statement, now = parse_statement(raw), doing.now()
    parsed = [parse_approval(each) for each in approvals]
    standing = _state(doing).standing(statement, now)
    if doing.plan.rehearsal:
        standing = replace(standing, roster=doing.roster)  # the log's own is nobody's here
    judge(statement, parsed, standing, now)


def sign_keys(doing: Doing) -> Facts:
    composed = kept_composed(doing.files)
    signed = gathered(composed, doing.attached)
    if signed is None:
        raise CeremonyRefused(CeremonyReason.NOT_ATTACHED, "the statement is not signed")
    _judged(doing, signed)
    keep_signed(doing.files, signed)
    raw, approvals = signed[Kind.KEYS]
    officers = tuple(parse_approval(each).officer for each in approvals)
    version = parse_statement(raw).version
    digest = composed.digest(Kind.KEYS)
    return StatementsSigned((SignedStatement(Kind.KEYS, version, digest, officers),))


def go_on(doing: Doing) -> Facts:
    """The log under the fresh token's key, then bundle and settings; a kill's rest is completed."""
    desk = desk_of(doing.site)
    worker, state = desk.require_fresh(), _state(doing)
    keys = _for_the_log(doing)
    further = restore_envelopes(doing.files, doing.plan, state)
    desk.close_log()
    try:
        bundle = continue_log(
            desk.directory / LOG,
            worker,
            state.fingerprint,
            Continuation(keys, further=further),
            desk.clock,
        )
        doing.at("log continued")
        write_whole(desk.directory / BUNDLE, bundle)
        config = continued_config(
            desk.directory / CONFIG,
            origin=_origin_of(parse_statement(keys[0])),
            token_label=doing.plan.token,
            module=desk.module,
            softhsm_configuration=desk.fresh_place(doing.plan).softhsm_configuration,
        )
        write_whole(desk.directory / CONFIG, config.encode())
        desk.take_fresh()
        doing.at("settings written")
    finally:
        desk.open_log()
    head = desk.head()
    name = load_config(desk.directory / CONFIG, {}).origin
    return LogStands(state.fingerprint, name, head.size, head.root.hex())


def _for_the_log(doing: Doing) -> Envelopes:
    """What the officers signed; a rehearsal's log takes the same from its own founders."""
    raw, approvals = kept_signed(doing.files)[Kind.KEYS]
    desk = desk_of(doing.site)
    if not doing.plan.rehearsal:
        return raw, approvals
    statement = parse_statement(raw)
    body = load_object(parse_envelope(raw).payload, limit=1 << 20, what="keys statement")["body"]
    assert isinstance(body, dict)  # parsed above
    again = signed_by_founders(
        Kind.KEYS,
        "keys",
        dict(body),
        desk.founders,
        timedelta(days=1),
        doing.now(),
        authority=statement.fingerprint,
        version=statement.version,
        replaces=statement.replaces,
    )
    return again.raw, again.approvals


def _origin_of(statement: Statement) -> str:
    body = statement.body
    assert isinstance(body, Keys)  # judged when it was signed
    return body.origin


SIGN_KEYS = Act(
    sign_keys,
    check=check,
    complete=complete,
    statements=statements,
    left="the fresh token, which nothing uses yet",
)
CONTINUE_LOG = Act(
    go_on,
    fresh=True,
    left="the log as it was, or what the next attempt completes",
)
