"""The tables, once: migrations make exactly these (tests compare them).

Exact bytes are kept beside the columns that make them findable. Columns of a row that the log
determines are written by the log's projection alone; `database check` compares them.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Moment(TypeDecorator[datetime]):
    """A time in UTC, kept as microseconds since 1970: the same in every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> int | None:
        if value is None:
            return None
        return (value - _EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: Any, _dialect: Dialect) -> datetime | None:
        return None if value is None else _EPOCH + timedelta(microseconds=value)


class JsonText(TypeDecorator[Any]):
    """A JSON value as text, its field order kept."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, _dialect: Dialect) -> str | None:
        if value is None:
            return None
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def process_result_value(self, value: Any, _dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


DIGEST = String(71)  # "sha256:" and 64 hex digits
HEX32 = String(64)
NAME = String(400)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

facts = Table(
    "facts",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)
"""Single values: the authority's fingerprint, the log's origin, how far the copy goes."""

counters = Table(
    "counters",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""Numbers without gaps in commit order; the row's lock orders the writers of all replicas."""

log_entries = Table(
    "log_entries",
    metadata,
    Column("index", BigInteger, primary_key=True, autoincrement=False),
    Column("leaf", LargeBinary, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("time", Moment, nullable=False),
    Column("statement", DIGEST),
    Column("statement_kind", String(32)),
    Column("subject", NAME),
    Column("model", DIGEST),
    Column("node", NAME),
    Column("lease", String(128)),
    Index("ix_log_entries_kind", "kind", "index"),
    Index("ix_log_entries_statement", "statement"),
    Index("ix_log_entries_node", "node", "index"),
    Index("ix_log_entries_model", "model", "index"),
)

proposals = Table(
    "proposals",
    metadata,
    Column("digest", DIGEST, primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("subject", NAME, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("proposer", String(64), nullable=False),
    Column("time", Moment, nullable=False),
    Column("proposal_lapses", Moment, nullable=False),
    Column("expires", Moment),
    Column("reason", Text, nullable=False),
    Column("ticket", Text),
    Column("envelope", LargeBinary, nullable=False),
    Column("key", LargeBinary),
    Column("manifest", LargeBinary),
    Column("index", BigInteger),
    Column("receipt", JsonText),
    Column("refusal", JsonText),
    Column("withdrawal", LargeBinary),
    Column("withdrawn", Boolean, nullable=False),
    Index("ix_proposals_chain", "kind", "subject", "version"),
    Index("ix_proposals_index", "index"),
)

approvals = Table(
    "approvals",
    metadata,
    Column("digest", DIGEST, primary_key=True),  # of the envelope's exact bytes
    Column("statement", DIGEST, nullable=False),
    Column("officer", String(64), nullable=False),
    Column("decision", String(16), nullable=False),
    Column("time", Moment, nullable=False),
    Column("envelope", LargeBinary, nullable=False),
    Index("ix_approvals_statement", "statement"),
)

models = Table(
    "models",
    metadata,
    Column("digest", DIGEST, primary_key=True),
    Column("manifest", LargeBinary, nullable=False),
    Column("key", LargeBinary),
    Column("model_id", NAME, nullable=False),
    Column("name", NAME, nullable=False),
    Column("version", NAME, nullable=False),
    Column("files", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("ingest_key", HEX32, nullable=False),
    Column("tag", HEX32, nullable=False),
    Column("registered", Moment, nullable=False),
)

wrapped_keys = Table(
    "wrapped_keys",
    metadata,
    Column("model", DIGEST, primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
    Column("statement", DIGEST, nullable=False),  # the admission that it came with
    Column("kek", HEX32),  # under which it lies; NULL for a row from before that was told
    Index("ix_wrapped_keys_kek", "kek", "model"),
)
"""KEK-wrapped DEKs. Useless without the HSM; a wrong one fails the HSM's tag check."""

nodes = Table(
    "nodes",
    metadata,
    Column("name", NAME, primary_key=True),
    Column("platform", NAME),
    Column("model", DIGEST),
    Column("lease", String(128)),
    Column("lease_until", Moment),
    Column("lease_seconds", Integer),
    Column("last_attested", Moment),
    Column("last_refused", Moment),
    Column("reasons", JsonText),
    Column("caveats", JsonText),
    Column("last_index", BigInteger),
    Column("last_seen", Moment),
    Column("reported", String(16)),
    Column("wiped_ms", BigInteger),
    Column("lost", Boolean, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("lease", String(128), primary_key=True),
    Column("node", NAME, nullable=False),
    Column("model", DIGEST, nullable=False),
    Column("platform", NAME, nullable=False),
    Column("tls", DIGEST, nullable=False),  # of the node's TLS SPKI, from the log
    Column("began", BigInteger, nullable=False),  # log index of the first grant
    Column("evidence", DIGEST, nullable=False),  # of the last request
    Column("until", Moment, nullable=False),
    Column("tls_spki", LargeBinary),
    Column("counter", BigInteger, nullable=False),
    Index("ix_leases_node", "node"),
)

evidence = Table(
    "evidence",
    metadata,
    Column("node", NAME, primary_key=True),
    Column("granted", Boolean, primary_key=True),
    Column("digest", DIGEST, nullable=False),
    Column("model", DIGEST, nullable=False),
    Column("index", BigInteger, nullable=False),  # of the entry that names it, and its time
    Column("time", Moment, nullable=False),
    Column("request", LargeBinary, nullable=False),
    Index("ix_evidence_digest", "digest"),
    Index("ix_evidence_index", "index"),
)
"""Each node's newest requests, granted and refused. They prove themselves by their digest."""

events = Table(
    "events",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("time", Moment, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("data", JsonText, nullable=False),
    Column("log_index", BigInteger, unique=True),
)

enrolments = Table(
    "enrolments",
    metadata,
    Column("digest", DIGEST, primary_key=True),
    Column("officer", String(64), nullable=False),
    Column("time", Moment, nullable=False),  # as signed
    Column("received", Moment, nullable=False),
    Column("envelope", LargeBinary, nullable=False),
)
"""Newcomers' requests, each verified before it was kept (our protocol §2.9)."""

enrolment_keys = Table(
    "enrolment_keys",
    metadata,
    Column("key", HEX32, primary_key=True),  # id of a key: in one request at most
    Column("enrolment", DIGEST, nullable=False),
    Index("ix_enrolment_keys_enrolment", "enrolment"),
)

nonces = Table(
    "nonces",
    metadata,
    Column("nonce", HEX32, primary_key=True),
    Column("expires", Moment, nullable=False),
    Index("ix_nonces_expires", "expires"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", HEX32, primary_key=True),
    Column("officer", String(64), nullable=False),
    Column("expires", Moment, nullable=False),
    Index("ix_sessions_expires", "expires"),
)

collateral = Table(
    "collateral",
    metadata,
    Column("place", HEX32, primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("scope", NAME, nullable=False),
    Column("digest", DIGEST, nullable=False),  # of the data
    Column("received", Moment, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("chain", JsonText, nullable=False),
)
"""What vendors sign, as the keyholder kept it (our protocol §4.7)."""
