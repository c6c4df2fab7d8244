"""Digests of content: by them what was asked is known again, and a flipped byte is found in what is kept."""

import hashlib
import json

from .model import Json

DIGITS = 16


def digest(content: Json) -> str:
    """Give the SHA-256 over canonical JSON, as 64 hex digits; equal content, equal digest."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), default=repr)
    return hashlib.sha256(canonical.encode()).hexdigest()


def short_digest(content: Json) -> str:
    """Give the first 16 digits of it."""
    return digest(content)[:DIGITS]
