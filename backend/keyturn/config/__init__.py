"""Reading a program's configuration: one TOML file, each value overridable by a variable."""
