"""The officers' desktop application: verifies everything that it shows, decides nothing alone."""
