"""The `keyturn` command. Programs add their commands through entry points."""
