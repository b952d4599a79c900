"""Reference integrity manifests (RIMs) of NVIDIA: XML that is verified before it is read.

A manifest is a SWID tag (ISO/IEC 19770-2) with an enveloped XML signature. This ring may parse
XML, with lxml; the keyholder never does (DESIGN §4): what a manifest says reaches it only as
reference values that officers signed. Everything here is pure: bytes, anchors and time in,
values or a typed refusal out.
"""
