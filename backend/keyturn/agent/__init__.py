"""The node agent: proves what it is, is lent a model's key, serves from memory, gives it back.

`lease` decides (no I/O, no clock); `program` acts. Nothing here decides who gets a key.
"""
