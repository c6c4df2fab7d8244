"""A short digest over what is kept, so that a flipped byte is found; SQLite's pages and JSON have none."""

import hashlib
import json

from .model import Json

DIGITS = 16


def short_digest(content: Json) -> str:
    """Give the first 16 hex digits of the SHA-256 over canonical JSON; equal content, equal digest."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), default=repr)
    return hashlib.sha256(canonical.encode()).hexdigest()[:DIGITS]
