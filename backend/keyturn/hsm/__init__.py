"""The hardware security module: the only place where a model's key is ever in clear (I1).

`protocol` says what Keyturn asks of an HSM, in Keyturn's words. `client` asks it of a worker
process; `worker` is that process, and `token` answers there through the PKCS#11 binding
(`pkcs11`). Nothing but a worker, a genesis or a pre-flight process loads the module of the HSM.
An officer's card (`card`, `shared`) is another token with another purpose: it signs for one
person, in that person's program.
"""
