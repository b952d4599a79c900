"""A policy's body while somebody writes it: one field set at a time, never anything unwritten.

A field that may be absent is left out where it says nothing (our protocol §2.6).
"""

import json
from collections.abc import Callable, Sequence
from typing import cast

from keyturn.base.strictjson import Json, JsonObject
from keyturn.quorum.policy_body import MAX_EVIDENCE_SECONDS

ANY = "any"
Value = bool | int | str | tuple[str, ...] | tuple[int, ...]
FLOOR = ("fmc", "bootloader", "tee", "snp", "microcode")

_OPTIONAL_SETS = ("gpu.architectures", "gpu.modes", "gpu.drivers", "gpu.vbioses", "sites")
_OPTIONAL: dict[str, Value] = {
    "gpu.switches": 0,
    "gpu.rim": False,
    "witnesses": 0,
    "evidence_seconds": MAX_EVIDENCE_SECONDS,
}
"""Left out where it has this value."""


def copied(body: JsonObject) -> JsonObject:
    return cast(JsonObject, json.loads(json.dumps(body)))


def fresh() -> JsonObject:
    """Where a policy that is new starts: the strictest that names anything, nothing accepted."""
    return {
        "tees": ["snp"],
        "snp": _snp(),
        "gpu": {"count": 0},
        "baselines": [],
        "workloads": [],
        "platforms": [],
        "lease_seconds": 60,
        "accepted_caveats": [],
    }


def get(body: JsonObject, place: str) -> Json:
    """None where it is absent."""
    found: Json = body
    for part in place.split("."):
        if not isinstance(found, dict) or part not in found:
            return None
        found = found[part]
    return found


def texts(body: JsonObject, place: str) -> tuple[str, ...]:
    """Of a list; empty where it is absent or the written `any`."""
    found = get(body, place)
    return tuple(str(each) for each in found) if isinstance(found, list) else ()


def number(body: JsonObject, place: str, default: int = 0) -> int:
    found = get(body, place)
    return found if isinstance(found, int) and not isinstance(found, bool) else default


def flag(body: JsonObject, place: str) -> bool:
    return get(body, place) is True


def is_any(body: JsonObject, place: str) -> bool:
    return get(body, place) == ANY


def floor(body: JsonObject, product: str) -> tuple[int, ...]:
    return tuple(number(body, f"snp.min_tcb.{product}.{part}") for part in FLOOR)


def changed(body: JsonObject, place: str, value: Value) -> JsonObject:
    """A copy with one field set, and what hangs on it."""
    new = copied(body)
    special = _SPECIAL.get(place)
    if special is not None:
        special(new, value)
    elif place.startswith("snp.min_tcb."):
        _put(new, place, dict(zip(FLOOR, cast(Sequence[int], value), strict=True)))
    elif place.startswith("collateral."):
        _put_age(new, place.partition(".")[2], cast(int, value))
    elif (place in _OPTIONAL_SETS and not value) or _OPTIONAL.get(place, object()) == value:
        _drop(new, place)
    else:
        _put(new, place, _json(value))
    return new


# ---- what hangs on what ----


def _tees(body: JsonObject, value: Value) -> None:
    tees = _listed(value)
    body["tees"] = cast(Json, tees)
    for tee, make in (("snp", _snp), ("tdx", _tdx)):
        if tee not in tees:
            body.pop(tee, None)
        elif tee not in body:
            body[tee] = make()


def _products(body: JsonObject, value: Value) -> None:
    """Each product has a floor, and no other has one."""
    products = _listed(value)
    _put(body, "snp.products", cast(Json, products))
    known = get(body, "snp.min_tcb")
    floors = known if isinstance(known, dict) else {}
    kept: JsonObject = {each: floors.get(each, dict.fromkeys(FLOOR, 0)) for each in products}
    _put(body, "snp.min_tcb", kept)


def _gpus(body: JsonObject, value: Value) -> None:
    """Of GPUs of which there are none nothing can be asked."""
    _put(body, "gpu.count", cast(int, value))
    if not value:
        body["gpu"] = {"count": 0}


def _platforms(body: JsonObject, value: Value) -> None:
    body["platforms"] = _json(value)
    if value == ANY:
        body.pop("sites", None)


def _tpm(body: JsonObject, value: Value) -> None:
    if not value:
        body.pop("tpm", None)
    elif "tpm" not in body:
        body["tpm"] = {
            "bank": "sha256",
            "pcrs": ["0", "7"],
            "secure_boot": True,
            "applications": False,
            "authorities": False,
            "variables": [],
        }


def _vmpl(body: JsonObject, value: Value) -> None:
    """Chosen of a list of texts."""
    _put(body, "snp.max_vmpl", int(str(value)))


_SPECIAL: dict[str, Callable[[JsonObject, Value], None]] = {
    "tees": _tees,
    "snp.products": _products,
    "snp.max_vmpl": _vmpl,
    "gpu.count": _gpus,
    "platforms": _platforms,
    "tpm": _tpm,
}


def _snp() -> JsonObject:
    return {
        "products": ["Genoa"],
        "min_tcb": {"Genoa": dict.fromkeys(FLOOR, 0)},
        "debug": False,
        "migrate_ma": False,
        "smt": False,
        "alias_check": True,
        "vlek": False,
        "max_vmpl": 0,
    }


def _tdx() -> JsonObject:
    return {
        "tcb_statuses": ["UpToDate"],
        "min_evaluation_number": 0,
        "advisories": [],
        "debug": False,
        "migratable": False,
        "service_tds": [],
        "sept_ve_disable": True,
        "dynamic_platform": False,
        "cached_keys": False,
        "smt": False,
        "xfam": ANY,
        "registers": ["mrtd", "rtmr0", "rtmr1", "rtmr2"],
    }


def _put_age(body: JsonObject, kind: str, seconds: int) -> None:
    known = body.get("collateral")
    ages = dict(known) if isinstance(known, dict) else {}
    ages.pop(kind, None)
    if seconds:
        ages[kind] = seconds
    if ages:
        body["collateral"] = ages
    else:
        body.pop("collateral", None)


def _put(body: JsonObject, place: str, value: Json) -> None:
    *way, last = place.split(".")
    at: JsonObject = body
    for part in way:
        inner = at.get(part)
        if not isinstance(inner, dict):
            inner = at[part] = {}
        at = inner
    at[last] = value


def _drop(body: JsonObject, place: str) -> None:
    outer, _, last = place.rpartition(".")
    at = get(body, outer) if outer else body
    if isinstance(at, dict):
        at.pop(last, None)


def _listed(value: Value) -> list[str]:
    return [str(each) for each in value] if isinstance(value, tuple) else []


def _json(value: Value) -> Json:
    return cast(Json, _listed(value)) if isinstance(value, tuple) else value
