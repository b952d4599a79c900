"""The shape of each kind's body, to be filled in.

What must be decided is empty, so that it does not parse yet: nobody signs an example by mistake.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from keyturn.base.strictjson import Json, JsonObject
from keyturn.base.times import format_time
from keyturn.quorum.kinds import Kind, Role
from keyturn.quorum.roster import Roster

_DAY = 86_400
_FIRST, _LENGTH = timedelta(days=1), timedelta(hours=8)


def example(kind: Kind, subject: str, roster: Roster | None, now: datetime) -> JsonObject:
    """`roster`: the one in force, for whom it could be."""
    if kind is Kind.CEREMONY:
        return _ceremony(roster, now)
    if kind is Kind.RESTORE:
        return _restore(subject, roster, now)
    return _SIMPLE[kind](subject)


def _ceremony(roster: Roster | None, now: datetime) -> JsonObject:
    witness = _first(_with(roster, Role.WITNESS) + _with(roster, Role.AUDITOR))
    custodians: list[Json] = list(_with(roster, Role.CUSTODIAN))
    return {
        "ceremony": "",
        "script": "",
        "token": None,
        "participants": {
            "administrator": _first(_with(roster, Role.OPERATOR)),
            "custodians": custodians,
            "witness": witness,
            "scribe": None,
        },
        "concerns": [],
        **_window(now),
    }


def _restore(subject: str, roster: Roster | None, now: datetime) -> JsonObject:
    custodians: list[Json] = list(_with(roster, Role.CUSTODIAN))
    return {
        "kek": subject,
        "backup": "",
        "token": "",
        "host": "",
        "custodians": custodians,
        **_window(now),
    }


def _window(now: datetime) -> JsonObject:
    start = (now + _FIRST).replace(minute=0, second=0, microsecond=0)
    return {"not_before": format_time(start), "not_after": format_time(start + _LENGTH)}


def _with(roster: Roster | None, role: Role) -> list[str]:
    officers = () if roster is None else roster.officers.values()
    return sorted(each.id for each in officers if role in each.roles)


def _first(names: list[str]) -> str:
    return next(iter(names), "")


def _revocation(subject: str) -> JsonObject:
    target_kind, colon, target = subject.partition(":")
    return {"target_kind": target_kind if colon else "node", "target": target}


def _model(subject: str) -> JsonObject:
    return {"model": subject, "name": "", "version": "", "tag": "", "policy": ""}


def _policy(_subject: str) -> JsonObject:
    """Both kinds of TEE and a TPM, strictly: what a site has not, it takes out."""
    tcb: JsonObject = {"fmc": 0, "bootloader": 0, "tee": 0, "snp": 0, "microcode": 0}
    return {
        "tees": ["snp", "tdx"],
        "snp": {
            "products": ["Genoa"],
            "min_tcb": {"Genoa": tcb},
            "debug": False,
            "migrate_ma": False,
            "smt": True,
            "alias_check": True,
            "vlek": False,
            "max_vmpl": 0,
        },
        "tdx": {
            "tcb_statuses": ["UpToDate"],
            "min_evaluation_number": 0,
            "advisories": [],
            "debug": False,
            "migratable": False,
            "service_tds": [],
            "sept_ve_disable": True,
            "dynamic_platform": False,
            "cached_keys": False,
            "smt": True,
            "xfam": "00000000000602e7",
            "registers": ["mrtd", "rtmr0", "rtmr1", "rtmr2"],
        },
        "gpu": {"count": 1, "switches": 0, "modes": ["SPT"], "rim": False},
        "baselines": [],
        "workloads": [],
        "platforms": [],
        "sites": [],
        "collateral": {"amd-crl": 30 * _DAY, "intel-tcb-info": 30 * _DAY},
        "tpm": {
            "bank": "sha256",
            "pcrs": ["0", "7"],
            "secure_boot": True,
            "applications": True,
            "authorities": True,
            "variables": ["db", "dbx"],
        },
        "evidence_seconds": 120,
        "witnesses": 0,
        "lease_seconds": 300,
        "accepted_caveats": [],
    }


def _reference_values(_subject: str) -> JsonObject:
    provenance: JsonObject = {
        "method": "captured",
        "document": "",
        "signer": None,
        "obtained": "",
        "until": None,
    }
    origin: JsonObject = {"source": "", "provenance": provenance}
    measured: JsonObject = {"measurements": {"0": [""]}, **origin}
    return {
        "snp": {"measurements": [{"value": "", **origin}]},
        "tdx": [{"registers": {"mrtd": [""]}, **origin}],
        "gpu": [{"architecture": "", "driver": "", "vbios": "", **measured}],
        "switches": [{"architecture": "", "bios": "", **measured}],
        "tpm": [
            {
                "pcrs": {"sha256": {"0": [""]}},
                "applications": [],
                "authorities": [],
                "variables": {"db": [""]},
                **origin,
            }
        ],
    }


def _keys(_subject: str) -> JsonObject:
    def entry(purpose: str, algorithm: str, oaep: str | None) -> Json:
        return {"purpose": purpose, "algorithm": algorithm, "spki": "", "oaep_hash": oaep}

    keys = [
        entry("ingest", "rsa-4096", "sha256"),
        entry("log", "ed25519", None),
        entry("result", "p256", None),
    ]
    return {"origin": "", "assurance": "hardware", "keys": keys}


def _roster(_subject: str) -> JsonObject:
    officer: Json = {
        "id": "",
        "name": "",
        "roles": ["proposer", "approver"],
        "keys": [{"algorithm": "ed25519", "spki": ""}],
        "hpke": None,
    }
    return {
        "simulation": False,
        "officers": [officer],
        "thresholds": {kind.value: 2 for kind in Kind},
        "proposer_may_approve": [],
        "witnesses": {"keys": [], "k": 0, "t_seconds": 300},
    }


_SIMPLE: Mapping[Kind, Callable[[str], JsonObject]] = {
    Kind.ROSTER: _roster,
    Kind.KEYS: _keys,
    Kind.POLICY: _policy,
    Kind.REFERENCE_VALUES: _reference_values,
    Kind.PLATFORMS: lambda _subject: {"platforms": [{"id": "", "site": "", "note": ""}]},
    Kind.TRUST_ANCHORS: lambda _subject: {
        "hardware": "pinned",
        "simulated": [{"vendor": "amd", "product": "", "spki_sha256": ""}],
        "tpm": [{"name": "", "spki_sha256": ""}],
    },
    Kind.MODEL: _model,
    Kind.REVOCATION: _revocation,
}
