"""Newcomers' requests to become officers."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "enrolments",
        sa.Column("digest", sa.String(length=71), nullable=False),
        sa.Column("officer", sa.String(length=64), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_enrolments")),
    )
    op.create_table(
        "enrolment_keys",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("enrolment", sa.String(length=71), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_enrolment_keys")),
    )
    op.create_index("ix_enrolment_keys_enrolment", "enrolment_keys", ["enrolment"], unique=False)
    op.execute("INSERT INTO counters (name, value) VALUES ('enrolments', 0)")
