"""What crosses a process border: the HTTP API's documents, frames on unix sockets, pinned TLS.

Both ends of a conversation lie side by side, so a test can play them against each other. Nothing
here decides: a document that parses is well formed, not true.
"""
