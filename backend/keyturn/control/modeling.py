"""Sealed models: registered by their documents, shown with their admission. Never opened here."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from keyturn.base.encoding import Digest, b64, digest_of
from keyturn.control.context import Context
from keyturn.control.errors import NotFound
from keyturn.quorum.bodies import Admission
from keyturn.seal.manifest import parse_manifest
from keyturn.seal.sealedkey import parse_sealed_key
from keyturn.store import events, models
from keyturn.store.models import ModelRow
from keyturn.wire.api import ManifestView, ModelView


async def register(context: Context, manifest: bytes, key: bytes) -> ModelView:
    """Keep a model's exact documents; again is allowed. Raises MalformedError."""
    now = context.clock()
    digest = await context.write(lambda c: register_in(c, manifest, key, now))
    return await one(context, digest)


async def every(context: Context) -> list[ModelView]:
    """By name and version."""
    rows = await context.read(models.all_models)
    wrapped = await context.read(models.with_wrapped_key)
    return [_view(context, each, wrapped) for each in rows]


async def one(context: Context, digest: str) -> ModelView:
    """Raises NotFound."""
    row = await context.read(lambda c: models.find(c, digest))
    if row is None:
        raise NotFound("no such model", found=digest)
    wrapped = await context.read(models.with_wrapped_key)
    return _view(context, row, wrapped)


async def manifest(context: Context, digest: str) -> ManifestView:
    """A model's `keyturn.json` as it was registered. Raises NotFound."""
    row = await context.read(lambda c: models.find(c, digest))
    if row is None:
        raise NotFound("no such model", found=digest)
    return ManifestView(manifest=b64(row.manifest))


def register_in(connection: Connection, manifest: bytes, key: bytes, now: datetime) -> Digest:
    """Keep a model within the caller's transaction; its digest. Raises MalformedError."""
    parsed = parse_manifest(manifest)
    sealed = parse_sealed_key(key)
    row = ModelRow(
        digest=digest_of(manifest),
        manifest=manifest,
        key=key,
        model_id=parsed.identity.model_id,
        name=parsed.identity.name,
        version=parsed.identity.version,
        files=len(parsed.files),
        bytes=parsed.sealed_bytes,
        ingest_key=sealed.wrapped.ingest_key_id,
        tag=sealed.tag.hex(),
        registered=now,
    )
    if models.register(connection, row):
        data = {"digest": row.digest, "name": row.name, "version": row.version}
        events.append(connection, "model", data, now)
    return digest_of(manifest)


def keep_wrapped(
    connection: Connection, model: str, wrapped: bytes, statement: str, kek: str | None
) -> None:
    """Keep the DEK as the KEK wrapped it, beside the admission that it came with."""
    models.set_wrapped_key(connection, model, wrapped, statement, kek)


def _view(context: Context, row: ModelRow, wrapped: Mapping[str, str | None]) -> ModelView:
    admission = context.mirror.admission(row.digest, context.clock())
    body = admission.statement.body if admission else None
    return ModelView(
        digest=row.digest,
        model_id=row.model_id,
        name=row.name,
        version=row.version,
        files=row.files,
        bytes=row.bytes,
        ingest_key=row.ingest_key,
        tag=row.tag,
        admitted=admission is not None,
        admission=admission.statement.digest if admission else None,
        policy=body.policy if isinstance(body, Admission) else None,
        has_kek_wrapped=row.digest in wrapped,
        kek=wrapped.get(row.digest),
        registered=row.registered,
    )
