"""The window around the pages: rail, header, palette, lock, notifications, settings."""
