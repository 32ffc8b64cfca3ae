"""The edge set: small files, each made for one thing that decoders get wrong.

Owns the makers, one module a format; each has `files()`, which yields (name, bytes). Everything is
seeded: the same versions of the pinned packages give the same bytes. Never writes to disk.
"""
