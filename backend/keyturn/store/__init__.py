"""The control plane's database: proposals, models, nodes, events, sessions, a copy of the log.

Display and inbox only: editing a row here yields no key and brings nothing into force (I3), and
what comes from the log is rebuilt from the log where they differ. SQLite and PostgreSQL.
"""
