"""The transparency log's mathematics and formats: RFC 6962 tree, C2SP tiles, notes, receipts.

Pure: hashes, proofs, tiles and signed texts as values. Reading and keeping a log is
`keyturn.keyholder.logdisk`; what an entry says is not known here (leaves are bytes).
"""
