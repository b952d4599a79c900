"""The first page that an officer sees: server, authority, key; and later for another one."""
