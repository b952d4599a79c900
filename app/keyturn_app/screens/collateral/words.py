"""How documents of collateral, their states and what ends are called on screen. No Qt in here."""

from keyturn.base.collateral import CollateralKind
from keyturn.client.collateralcarry import Verdict
from keyturn.collateral.staleness import State
from keyturn.policy.forecast import Event, Why
from keyturn_app.i18n import _
from keyturn_app.states import Look

VENDORS = ("AMD", "Intel", "NVIDIA")


def vendor(kind: CollateralKind) -> str:
    return {"amd": "AMD", "intel": "Intel", "nvidia": "NVIDIA"}[kind.value.partition("-")[0]]


def kind_name(kind: CollateralKind) -> str:
    return {
        CollateralKind.AMD_CHAIN: _("Certificate chain"),
        CollateralKind.AMD_VEK: _("Chip's certificate"),
        CollateralKind.AMD_CRL: _("Revocation list"),
        CollateralKind.INTEL_TCB_INFO: _("TCB info"),
        CollateralKind.INTEL_QE_IDENTITY: _("QE identity"),
        CollateralKind.INTEL_ROOT_CRL: _("Revocation list, root CA"),
        CollateralKind.INTEL_PCK_CRL: _("Revocation list, PCK CA"),
        CollateralKind.NVIDIA_RIM: _("Reference manifest"),
        CollateralKind.NVIDIA_OCSP: _("OCSP answer"),
    }[kind]


def scope_name(kind: CollateralKind, scope: str) -> str:
    """What a document is about, short enough for a row."""
    if kind is CollateralKind.INTEL_TCB_INFO:
        return f"FMSPC {scope}"
    if kind is CollateralKind.INTEL_QE_IDENTITY:
        return _("every TDX node")
    if kind is CollateralKind.INTEL_ROOT_CRL:
        return _("every Intel platform")
    if kind is CollateralKind.INTEL_PCK_CRL:
        return _("platform CA") if scope == "platform" else _("processor CA")
    if kind in (CollateralKind.AMD_CRL, CollateralKind.AMD_CHAIN):
        key, _slash, product = scope.partition("/")
        return f"{product} · {key.upper()}"
    if kind is CollateralKind.NVIDIA_OCSP:
        return _("certificate {digest}").format(digest=f"{scope[:8]}…{scope[-4:]}")
    if kind is CollateralKind.AMD_VEK:
        product, _slash, rest = scope.partition("/")
        return f"{product} · {rest[:8]}…"
    return scope


def state_look(state: State, by_word: bool = False) -> Look:
    """`by_word`: the server says so; nothing that is signed does."""
    look = {
        State.FRESH: Look(_("Fresh"), "ok", "circle-check"),
        State.DUE: Look(_("Due"), "pending", "clock"),
        State.STALE: Look(_("Stale"), "stale", "triangle-alert"),
        State.EXPIRED: Look(_("Expired"), "danger", "octagon-x"),
    }[state]
    if not by_word:
        return look
    return Look(_("{state}, says the server").format(state=look.word), look.token, look.icon)


def state_text(state: State) -> str:
    return {
        State.FRESH: _("Nothing to do."),
        State.DUE: _("Fetch a newer one; this one is good until then."),
        State.STALE: _("Older than its kind should be; used only while there is no newer one."),
        State.EXPIRED: _("Outside its own dates: no verifier takes it."),
    }[state]


def unproved_look() -> Look:
    return Look(_("Not proved"), "danger", "shield-x")


def verdict_look(verdict: Verdict) -> Look:
    return {
        Verdict.NEWER: Look(_("Newer"), "ok", "circle-plus"),
        Verdict.SAME: Look(_("The same"), "unknown", "circle-minus"),
        Verdict.OLDER: Look(_("Older"), "stale", "history"),
        Verdict.REFUSED: Look(_("Refused"), "danger", "octagon-x"),
    }[verdict]


def why_text(event: Event) -> str:
    return {
        Why.DOCUMENT_ENDS: _("Its time ends ({what})"),
        Why.CERTIFICATE_ENDS: _("A certificate ends: {what}"),
        Why.RIM_SIGNER_ENDS: _("The manifest's signer ends"),
        Why.TOO_OLD: _("Older than its kind may be: {what}"),
        Why.NEWER_EVALUATION: _("A newer TCB evaluation is out: {what}"),
        Why.STATUS_CHANGES: _("A TCB level changes: {what}"),
        Why.MISSING: _("Missing"),
    }[event.why].format(what=event.what)


def event_look(event: Event, over: bool) -> Look:
    """What it does if nobody acts; shape and word, never colour alone."""
    if event.nodes and over:
        return Look(_("Stops nodes now"), "danger", "octagon-x")
    if event.nodes:
        return Look(_("Stops nodes"), "stale", "triangle-alert")
    return Look(_("Stops no node"), "unknown", "circle")
