"""A few models with random keys for a rehearsal: what a rotation or a destruction is about."""

import hashlib
from collections.abc import Sequence
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from keyturn.base.encoding import Digest, digest_of
from keyturn.base.signatures import key_id_of
from keyturn.ceremony.plan import Plan
from keyturn.ceremony.slip39 import Random
from keyturn.hsm.protocol import Purpose
from keyturn.hsm.selftest import oaep_padding
from keyturn.keyholder.ceremonies.site import Site
from keyturn.keyholder.initialise import Founder, signed_by_founders
from keyturn.keyholder.submissions import Submissions
from keyturn.quorum.ceremony_body import Concern, concern_of
from keyturn.quorum.kinds import Kind
from keyturn.seal.keys import DEK_SIZE, model_tag, wipe
from keyturn.seal.sealedkey import OaepHash, SealedKey, WrappedDek
from keyturn.wire.rewrapping import ItemToRewrap

MODELS = 3


def admit_models(
    site: Site, plan: Plan, founders: Sequence[Founder], random: Random
) -> tuple[ItemToRewrap, ...]:
    """Those that the plan concerns, and others up to three; the inventory of them."""
    concerned = [Digest(each) for each in plan.concerns if concern_of(each) is Concern.MODEL]
    others = (digest_of(random(32)) for _ in range(MODELS - len(concerned)))
    return tuple(_admitted(site, each, founders, random) for each in (*concerned, *others))


def _admitted(
    site: Site, model: Digest, founders: Sequence[Founder], random: Random
) -> ItemToRewrap:
    hsm, journal = site.require_hsm(), site.journal
    assert journal is not None  # the rehearsal's own log
    ingest = hsm.public_keys()[Purpose.INGEST]
    public = load_der_public_key(ingest.spki)
    assert isinstance(public, rsa.RSAPublicKey)  # proved by the worker
    assert ingest.oaep_hash is not None
    dek = bytearray(random(DEK_SIZE))
    try:
        tag = model_tag(dek, model)
        wrapped = public.encrypt(bytes(dek), oaep_padding(ingest.oaep_hash))
    finally:
        wipe(dek)
    name = hashlib.sha256(model.encode()).hexdigest()[:8]
    body: dict[str, object] = {
        "model": model,
        "name": f"REHEARSAL-{name}",
        "version": "1",
        "tag": tag.hex(),
        "policy": "rehearsal",
    }
    signed = signed_by_founders(
        Kind.MODEL,
        model,
        body,
        founders,
        timedelta(days=1),
        journal.now(),
        authority=journal.state.fingerprint,
    )
    oaep = OaepHash(ingest.oaep_hash.value)
    key = SealedKey(WrappedDek(key_id_of(ingest.spki), oaep, wrapped), tag).to_bytes()
    entered = Submissions(journal, hsm).submit(signed.raw, signed.approvals, key)
    assert entered.wrapped is not None  # since a key was handed in
    return ItemToRewrap(model, entered.wrapped)
