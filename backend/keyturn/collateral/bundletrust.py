"""Whether a bundle may be believed: The Update Framework 1.0, §5.3 to §5.7, over one file.

python-tuf reads metadata and checks signatures, lengths and digests; the order of the steps and
the clock are here, because its own client asks a server and the system's clock. What was believed
is remembered, so that no older bundle is believed after it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Signed, Snapshot, Targets, Timestamp

from keyturn.base.encoding import Digest, b64
from keyturn.base.strictjson import dump, parse_object
from keyturn.base.times import format_time
from keyturn.collateral.bundlefile import MAX_METADATA, TARGETS
from keyturn.collateral.bundlekeys import digest_of_key
from keyturn.collateral.errors import BundleMalformed, BundleUntrusted, RolledBack

TYPE = "collateral-bundle-trust"
MAX_TRUST = 32 << 20
_MAX_ROTATIONS = 256
S = TypeVar("S", Root, Timestamp, Snapshot, Targets)


@dataclass(frozen=True, slots=True)
class BundleTrust:
    """What is remembered between bundles: metadata as they came. None: no bundle yet."""

    root: bytes = field(repr=False)
    timestamp: bytes | None = field(repr=False)
    snapshot: bytes | None = field(repr=False)

    def to_bytes(self) -> bytes:
        return dump(
            {
                "type": TYPE,
                "format": 1,
                "root": b64(self.root),
                "timestamp": None if self.timestamp is None else b64(self.timestamp),
                "snapshot": None if self.snapshot is None else b64(self.snapshot),
            }
        )


def read_trust(raw: bytes) -> BundleTrust:
    """Raises MalformedError."""
    fields = parse_object(raw, limit=MAX_TRUST, what="trust in bundles")
    fields.literal("type", TYPE)
    fields.literal("format", 1)

    def read(name: str) -> bytes:
        return fields.b64(name, limit=MAX_METADATA)

    found = BundleTrust(
        read("root"), fields.nullable("timestamp", read), fields.nullable("snapshot", read)
    )
    fields.done()
    return found


def root_keys(trust: BundleTrust) -> frozenset[Digest]:
    """The keys that may sign the next root. Raises BundleMalformed."""
    root = _parse(trust.root, Root, "root").signed
    return _keys(root)


def offered_keys(files: Mapping[str, bytes]) -> frozenset[Digest]:
    """The keys that a bundle's newest root names: for a person to compare, believed by nobody.

    Raises BundleMalformed.
    """
    numbers = [int(name.split(".")[0]) for name in files if name.endswith(".root.json")]
    if not numbers:
        raise BundleMalformed("the bundle lacks a file", expected="1.root.json")
    return _keys(_parse(files[f"{max(numbers)}.root.json"], Root, "root").signed)


@dataclass(frozen=True, slots=True)
class BelievedBundle:
    """`trust` is to be remembered before `entries` are used. `entries`: name → entry bytes."""

    trust: BundleTrust
    version: int
    expires: datetime
    entries: Mapping[str, bytes] = field(repr=False)


def believe(
    files: Mapping[str, bytes], known: BundleTrust | Digest, now: datetime
) -> BelievedBundle:
    """`known`: what is remembered, or at first the digest of the root's key (SPKI).

    Raises BundleMalformed, BundleUntrusted, RolledBack.
    """
    first = known if isinstance(known, BundleTrust) else _first_root(files, known)
    try:
        return _believe(files, first, now)
    except RepositoryError as error:
        raise BundleUntrusted(
            f"the bundle's metadata do not hold: {error}",
            hint="carry the file again; if it stays so, somebody changed it",
        ) from error


def _first_root(files: Mapping[str, bytes], pinned: Digest) -> BundleTrust:
    """The oldest root in the bundle that names the pinned key and is signed as it says."""
    numbers = sorted(int(name.split(".")[0]) for name in files if name.endswith(".root.json"))
    for number in numbers:
        raw = files[f"{number}.root.json"]
        root = _parse(raw, Root, "root")
        if pinned in _keys(root.signed):
            try:
                root.signed.verify_delegate("root", root.signed_bytes, root.signatures)
            except RepositoryError as error:
                raise BundleUntrusted(f"the bundle's root does not hold: {error}") from error
            return BundleTrust(raw, None, None)
    raise BundleUntrusted(
        "the bundle has no root of the key that was named",
        found=f"{len(numbers)} roots",
        expected=pinned,
        hint="compare the digest with `keyturn collateral key` on the machine that exported",
    )


def _keys(root: Root) -> frozenset[Digest]:
    named = (root.keys.get(each) for each in root.roles["root"].keyids)
    found = (digest_of_key(each) for each in named if each is not None)
    return frozenset(each for each in found if each is not None)


def _believe(files: Mapping[str, bytes], known: BundleTrust, now: datetime) -> BelievedBundle:
    old = _parse(known.root, Root, "root").signed
    root_raw, root = _newest_root(files, known.root)
    _check_expiry(root, "root", now)
    if _rotated(old, root):
        known = BundleTrust(root_raw, None, None)  # §5.3.11: recovery from a fast-forward
    timestamp_raw = _file(files, "timestamp.json")
    timestamp = _timestamp(root, timestamp_raw, known.timestamp, now)
    snapshot_raw = _file(files, "snapshot.json")
    timestamp.snapshot_meta.verify_length_and_hashes(snapshot_raw)
    snapshot = _snapshot(root, snapshot_raw, known.snapshot, now)
    if snapshot.version != timestamp.snapshot_meta.version:
        raise _mixed("snapshot", snapshot.version, timestamp.snapshot_meta.version)
    targets = _targets(root, files, snapshot, now)
    entries = _entries(files, targets)
    trust = BundleTrust(root_raw, timestamp_raw, snapshot_raw)
    ends = min(each.expires for each in (root, timestamp, snapshot, targets))
    return BelievedBundle(trust, timestamp.version, ends, entries)


def _newest_root(files: Mapping[str, bytes], raw: bytes) -> tuple[bytes, Root]:
    """§5.3: each next root is signed by the one before and by itself."""
    root = _parse(raw, Root, "root").signed
    for _ in range(_MAX_ROTATIONS):
        following = files.get(f"{root.version + 1}.root.json")
        if following is None:
            return raw, root
        new = _parse(following, Root, "root")
        for signer in (root, new.signed):
            signer.verify_delegate("root", new.signed_bytes, new.signatures)
        if new.signed.version != root.version + 1:
            raise _mixed("root", new.signed.version, root.version + 1)
        raw, root = following, new.signed
    raise BundleMalformed("the bundle has too many roots", found=f"more than {_MAX_ROTATIONS}")


def _rotated(old: Root, new: Root) -> bool:
    return any(
        set(old.roles[role].keyids) != set(new.roles[role].keyids)
        for role in ("timestamp", "snapshot")
    )


def _timestamp(root: Root, raw: bytes, known: bytes | None, now: datetime) -> Timestamp:
    """§5.4: not older than the one believed before, and not another of its version."""
    found = _delegated(root, raw, Timestamp, "timestamp")
    if known is not None:
        before = _parse(known, Timestamp, "timestamp").signed
        _check_version("timestamp", before.version, found.version)
        meta = (before.snapshot_meta.version, found.snapshot_meta.version)
        _check_version("snapshot", *meta)
        if before.version == found.version and known != raw:
            raise BundleUntrusted(
                "two bundles of one version differ", found=str(found.version), expected="one"
            )
    _check_expiry(found, "timestamp", now)
    return found


def _snapshot(root: Root, raw: bytes, known: bytes | None, now: datetime) -> Snapshot:
    """§5.5; its own version was compared with the remembered one where the timestamp named it."""
    found = _delegated(root, raw, Snapshot, "snapshot")
    if set(found.meta) != {"targets.json"}:
        raise BundleMalformed(
            "the bundle's snapshot names other metadata",
            found=", ".join(sorted(found.meta))[:80],
            expected="targets.json",
        )
    if known is not None:
        before = _parse(known, Snapshot, "snapshot").signed
        meta = (before.meta["targets.json"].version, found.meta["targets.json"].version)
        _check_version("targets", *meta)
    _check_expiry(found, "snapshot", now)
    return found


def _targets(root: Root, files: Mapping[str, bytes], snapshot: Snapshot, now: datetime) -> Targets:
    """§5.6; nothing is delegated in a bundle."""
    raw = _file(files, "targets.json")
    meta = snapshot.meta["targets.json"]
    meta.verify_length_and_hashes(raw)
    found = _delegated(root, raw, Targets, "targets")
    if found.version != meta.version:
        raise _mixed("targets", found.version, meta.version)
    if found.delegations is not None:
        raise BundleMalformed("the bundle delegates its targets")
    _check_expiry(found, "targets", now)
    return found


def _entries(files: Mapping[str, bytes], targets: Targets) -> Mapping[str, bytes]:
    """§5.7: every target is there, as long and of the digest that was signed; and no other."""
    found = {name.removeprefix(TARGETS): raw for name, raw in files.items() if TARGETS in name}
    if set(found) != set(targets.targets):
        odd = sorted(set(found) ^ set(targets.targets))[0]
        raise BundleUntrusted("the bundle has not the files that were signed", found=odd[:80])
    for name, raw in found.items():
        targets.targets[name].verify_length_and_hashes(raw)
    return found


def _delegated(root: Root, raw: bytes, kind: type[S], name: str) -> S:
    metadata = _parse(raw, kind, name)
    root.verify_delegate(name, metadata.signed_bytes, metadata.signatures)
    return metadata.signed


def _parse(raw: bytes, kind: type[S], name: str) -> Metadata[S]:
    try:
        found: Metadata[S] = Metadata.from_bytes(raw)
    except RepositoryError as error:
        raise BundleMalformed(f"{name} metadata cannot be read: {error}"[:300]) from error
    if not isinstance(found.signed, kind):
        raise BundleMalformed(f"{name} metadata is of another type", found=found.signed.type)
    return found


def _file(files: Mapping[str, bytes], name: str) -> bytes:
    if name not in files:
        raise BundleMalformed("the bundle lacks a file", expected=name)
    return files[name]


def _check_version(what: str, known: int, found: int) -> None:
    if found < known:
        raise RolledBack(
            "the bundle is older than one that was imported",
            found=f"{what} version {found}",
            expected=f"at least {known}",
            hint="import the newest bundle; it was made later than this one",
        )


def _check_expiry(signed: Signed, what: str, now: datetime) -> None:
    if signed.is_expired(now):
        raise BundleUntrusted(
            "the bundle has expired",
            found=f"{what}: {format_time(signed.expires)}",
            expected=f"later than {format_time(now)}",
            hint="export a new one on the connected machine; check this machine's clock",
        )


def _mixed(what: str, found: int, expected: int) -> BundleUntrusted:
    return BundleUntrusted(
        "the bundle's parts are of different versions",
        found=f"{what} version {found}",
        expected=str(expected),
    )
