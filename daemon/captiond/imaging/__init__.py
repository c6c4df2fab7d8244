"""Bytes in, an upright small picture out."""
