"""Under which KEK each wrapped DEK lies; unknown for those from before."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("wrapped_keys", sa.Column("kek", sa.String(length=64), nullable=True))
    op.create_index("ix_wrapped_keys_kek", "wrapped_keys", ["kek", "model"])
