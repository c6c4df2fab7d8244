"""Which files a server can decode, what they cost in tokens, and the decoded pixels."""

import hashlib
import io
import struct
from collections import OrderedDict
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

from .errors import RUNNER_STOPPED, Refusal, RunnerDied, bad_image
from .looks import Look, look_at
from .models import Projector

TILE = 336
TILE_TOKENS = 576
GRIDS = ((336, 672), (672, 336), (672, 672), (1008, 336), (336, 1008))
DECODED = ("JPEG", "PNG", "BMP", "GIF", "PPM", "TGA")
REMEMBERED = 256

UNDECODABLE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    UnidentifiedImageError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
    struct.error,
)


@dataclass(frozen=True, slots=True)
class Picture:
    """An image as the model gets it: known by its bytes, worth a number of tiles, and looked at."""

    digest: str
    byte_count: int
    width: int
    height: int
    look: Look

    def tiles(self, projector: Projector | None) -> int:
        """Count the 336-pixel tiles: the overview, and the best grid where the projector has grids."""
        if projector != "anyres" or (self.width <= TILE and self.height <= TILE):
            return 1
        wide, high = max(GRIDS, key=self._usefulness)
        return 1 + (wide // TILE) * (high // TILE)

    def _usefulness(self, grid: tuple[int, int]) -> tuple[int, int]:
        """Rate a grid: most pixels of the image kept, then least waste."""
        wide, high = grid
        scale = min(wide / self.width, high / self.height)
        kept = min(int(self.width * scale) * int(self.height * scale), self.width * self.height)
        return kept, kept - wide * high


def open_pixels(content: bytes, *, old: bool, webp: bool = True) -> Image.Image:
    """Decode as the server does: no orientation, no transparency, first frame; half a JPEG is good enough."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        _check_webp(content, old=old, webp=webp)
        return Image.open(io.BytesIO(content), formats=("WEBP",)).convert("RGB")
    whole = content + b"\xff\xd9" if content[:2] == b"\xff\xd8" else content
    try:
        image = Image.open(io.BytesIO(whole), formats=DECODED)
        image.load()
        if image.mode.startswith("I"):
            return image.convert("I").point(lambda value: value / 256).convert("RGB")
        return Image.merge("RGB", image.convert("RGBA").split()[:3])
    except UNDECODABLE as error:
        raise _undecodable(content, old=old) from error


def _undecodable(content: bytes, *, old: bool) -> Exception:
    if not old:
        return bad_image()
    if not content:
        text = "Failed to create new sequence: failed to process inputs: received zero length image"
        return Refusal(500, text, by_runner=True)
    return RunnerDied(RUNNER_STOPPED)


def _check_webp(content: bytes, *, old: bool, webp: bool) -> None:
    """Refuse what the new generation's own WebP decoder refuses; older versions have none."""
    if old or not webp:
        raise _undecodable(content, old=old)
    promised = int.from_bytes(content[4:8], "little") + 8
    animated = content[12:16] == b"VP8X" and bool(content[20] & 0x02)
    if animated:
        raise Refusal(500, "decode WebP image: webp: invalid format", by_runner=True)
    if promised > len(content):
        raise Refusal(500, "decode WebP image: unexpected EOF", by_runner=True)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Darkroom:
    """Decodes images, and remembers the last ones it has seen."""

    def __init__(self, *, old: bool, webp: bool = True) -> None:
        self._old = old
        self._webp = webp
        self._seen: OrderedDict[str, Picture] = OrderedDict()

    def unseen(self, content: bytes) -> Picture:
        """Stand in for an image that is dropped without being decoded."""
        return Picture(_digest(content), len(content), 1, 1, look_at(Image.new("RGB", (1, 1))))

    def develop(self, content: bytes) -> Picture:
        """Decode an image and look at it."""
        digest = _digest(content)
        if digest in self._seen:
            self._seen.move_to_end(digest)
            return self._seen[digest]
        pixels = open_pixels(content, old=self._old, webp=self._webp)
        picture = Picture(digest, len(content), pixels.width, pixels.height, look_at(pixels))
        self._seen[digest] = picture
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return picture
