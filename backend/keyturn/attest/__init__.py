"""Evidence of hardware: AMD SEV-SNP reports and NVIDIA GPU reports, verified and appraised.

Verification (`verify_snp`, `verify_gpu`) proves by signatures what a machine's hardware said;
it raises a refusal with a stable `Reason`. Appraisal (`appraise_snp`, `appraise_gpu`) compares
proved claims with a rule and returns `Check`s. Nothing here can sign evidence, reads a file,
a clock or a network, or knows the wire form: bytes, anchors, time and rules are arguments.
"""
