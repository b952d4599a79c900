"""Bundles made by hand, so that each part of them can be wrong by itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric import ed25519
from tuf.api.metadata import (
    Key,
    Metadata,
    MetaFile,
    Role,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from keyturn.collateral.bundlekeys import ROLES, signer_of

NAME = "intel-tcb-info-" + "ab" * 16 + ".json"


def new_key() -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()


@dataclass
class Maker:
    """One key for all roles, unless `keys` says otherwise; `lives` and `versions` by role."""

    now: datetime
    key: ed25519.Ed25519PrivateKey = field(default_factory=new_key)
    keys: dict[str, ed25519.Ed25519PrivateKey] = field(default_factory=dict)
    lives: dict[str, timedelta] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=lambda: {NAME: b"entry"})

    def of(self, role: str) -> ed25519.Ed25519PrivateKey:
        return self.keys.get(role, self.key)

    def expires(self, role: str) -> datetime:
        return self.now + self.lives.get(role, timedelta(days=14))

    def version(self, role: str) -> int:
        return self.versions.get(role, 10)

    def root(self, version: int = 1, *also: ed25519.Ed25519PrivateKey) -> bytes:
        """Signed by its own key and by `also`."""
        keys: dict[str, Key] = {}
        roles = {}
        for role in ROLES:
            public = signer_of(self.of(role)).public_key
            keys[public.keyid] = public
            roles[role] = Role([public.keyid], 1)
        made = Metadata(Root(version, None, self.expires("root"), keys, roles, False))
        for each in (self.of("root"), *also):
            made.sign(signer_of(each), append=True)
        return made.to_bytes()

    def files(self, roots: Mapping[int, bytes] | None = None) -> dict[str, bytes]:
        listed = {n: TargetFile.from_data(n, raw, ["sha256"]) for n, raw in self.contents.items()}
        targets = self.signed(
            "targets", Targets(self.version("targets"), None, self.expires("targets"), listed)
        )
        meta = {"targets.json": self.meta("targets", targets)}
        snapshot = self.signed(
            "snapshot", Snapshot(self.version("snapshot"), None, self.expires("snapshot"), meta)
        )
        timestamp = self.signed(
            "timestamp",
            Timestamp(
                self.version("timestamp"),
                None,
                self.expires("timestamp"),
                self.meta("snapshot", snapshot),
            ),
        )
        roots = {1: self.root()} if roots is None else roots
        return {
            **{f"{version}.root.json": raw for version, raw in roots.items()},
            "timestamp.json": timestamp,
            "snapshot.json": snapshot,
            "targets.json": targets,
            **{f"targets/{name}": raw for name, raw in self.contents.items()},
        }

    def signed(self, role: str, signed: Targets | Snapshot | Timestamp) -> bytes:
        made = Metadata(signed)  # type: ignore[type-var]
        made.sign(signer_of(self.of(role)))
        return made.to_bytes()

    def meta(self, role: str, raw: bytes) -> MetaFile:
        return MetaFile.from_data(self.version(role), raw, ["sha256"])
