"""Bytes of any picture in, an upright small sRGB JPEG out; it opens, limits, decodes and turns.

To read another format: one line in `_OPENERS`, its first bytes in `sniffing.py`, and pictures in the tests.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from io import BytesIO
from types import MappingProxyType
from typing import NamedTuple, TypeVar
from warnings import catch_warnings

from PIL import AvifImagePlugin, Image
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from captiond.errors import DamagedPicture, NotAPicture, PictureTooLarge, UnsupportedPicture
from captiond.model import Fit, PictureFacts, PreparedImage

from .colours import BAD_BYTES, in_srgb, on_white, resizable
from .endings import missing_end
from .exif import Tags, camera, clean, position, taken_at
from .fitting import fitted
from .limits import Limits
from .scans import many_scans
from .sniffing import HEAD_BYTES, refusal, sniff

# Opened by class and not through `Image.open`: no other format is ever tried on the bytes, a multi-picture
# JPEG stays a JPEG, and `Limits` alone limits the pixels instead of a global of the library.
_OPENERS: Mapping[str, type[ImageFile]] = MappingProxyType(
    {
        "JPEG": JpegImageFile,
        "PNG": PngImageFile,
        "WEBP": WebPImageFile,
        "GIF": GifImageFile,
        "AVIF": AvifImageFile,
        "TIFF": TiffImageFile,
        "BMP": BmpImageFile,
    }
)

_Made = TypeVar("_Made")
_JPEG_QUALITY = 92
_ORIENTATION, _EXIF_IFD, _GPS_IFD = 0x0112, 0x8769, 0x8825
_UPRIGHT = 1
_TURNED_BY_THE_LIBRARY = ("TIFF", "HEIF")
_SIDEWAYS = (5, 6, 7, 8)
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns a picture upright, by its EXIF orientation."""


def prepare(content: bytes, fit: Fit, limits: Limits) -> PreparedImage:
    """Decode a whole picture and make of it what the model sees.

    Raises one of the `Rejected` errors, whatever the bytes are.
    """

    def finish(image: Image.Image, facts: PictureFacts) -> PreparedImage:
        return PreparedImage(encoded(image), image.width, image.height, facts)

    return finished(content, partial(fitted, fit=fit), limits, finish)


def finished(
    content: bytes,
    size_for: Callable[[int, int], tuple[int, int]],
    limits: Limits,
    finish: Callable[[Image.Image, PictureFacts], _Made],
) -> _Made:
    """Decode a whole picture, and give what `finish` makes of it, upright and in sRGB.

    `size_for` says how large it is to be, by its width and height in pixels. Raises as `prepare` does.
    """
    name = _admitted(content, limits)
    with catch_warnings(action="ignore"), _translated(name):
        picture = _opened(name, content)
        _check_size(name, picture.size, limits)
        decoded = _decoded(name, picture, size_for)
        facts = _facts(name, decoded)
        return finish(_upright(decoded), facts)


def load_libraries() -> None:
    """Load what is loaded lazily otherwise, and let every decoder have one thread only."""
    Image.preinit()
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    with suppress(ImportError):
        from pillow_heif import options  # noqa: PLC0415 -- an extra

        options.DECODE_THREADS = 1


class _Tags(NamedTuple):
    main: Tags
    exif: Tags
    gps: Tags


class _Decoded(NamedTuple):
    """A picture as it is stored, maybe at a reduced scale; `target` is the size wanted, before it is turned.

    `box` is the part of `image` that is the picture, and `upright_size` the size of the original.
    """

    image: Image.Image
    box: tuple[float, float, float, float] | None
    target: tuple[int, int]
    upright_size: tuple[int, int]
    orientation: int
    tags: _Tags


def _admitted(content: bytes, limits: Limits) -> str:
    if not content:
        raise NotAPicture("the file is empty")
    name = sniff(content[:HEAD_BYTES])
    if (refused := refusal(name, limits.formats, heif_available=limits.heif)) is not None:
        raise refused
    assert name is not None
    if len(content) > limits.max_file_bytes:
        raise PictureTooLarge(
            f"the file has {len(content):,} bytes; captiond reads at most {limits.max_file_bytes:,}"
        )
    if (missing := missing_end(name, content)) is not None:
        raise DamagedPicture(missing)
    if name == "JPEG" and (excess := many_scans(content, limits.max_jpeg_scans)) is not None:
        raise PictureTooLarge(excess)
    return name


@contextmanager
def _translated(name: str) -> Iterator[None]:
    try:
        yield
    except Image.DecompressionBombError:
        raise PictureTooLarge(
            f"the {name} picture unpacks to more pixels than the decoder may have"
        ) from None
    except MemoryError:
        raise PictureTooLarge(f"the {name} picture needs more memory than the decoder may use") from None
    except BAD_BYTES as error:
        said = clean(str(error)) or type(error).__name__
        raise DamagedPicture(f"the {name} picture is damaged: {said}") from None


def _opened(name: str, content: bytes) -> ImageFile:
    return _opener(name)(BytesIO(content), "")


def _opener(name: str) -> type[ImageFile]:
    if name != "HEIF":
        return _OPENERS[name]
    try:
        from pillow_heif import HeifImageFile  # noqa: PLC0415 -- an extra
    except ImportError as error:
        raise UnsupportedPicture(f"the extra for HEIC pictures does not load: {error}", name) from None
    opener: type[ImageFile] = HeifImageFile
    return opener


def _check_size(name: str, size: tuple[int, int], limits: Limits) -> None:
    width, height = size
    most = limits.max_jpeg_pixels if name == "JPEG" else limits.max_other_pixels
    told = f"the picture has {width:,} × {height:,} pixels; captiond reads at most"
    if max(size) > limits.max_side:
        raise PictureTooLarge(f"{told} {limits.max_side:,} a side")
    if width * height > most:
        raise PictureTooLarge(f"{told} {most // 1_000_000:,} million of a {name}")


def _decoded(name: str, picture: ImageFile, size_for: Callable[[int, int], tuple[int, int]]) -> _Decoded:
    """Decode to the end; a JPEG at the smallest scale that is large enough."""
    if name != "JPEG":
        picture.load()
    tags = _tags(picture)
    orientation = _UPRIGHT if name in _TURNED_BY_THE_LIBRARY else _orientation(tags)
    sideways = orientation in _SIDEWAYS
    upright_size = _swapped(picture.size) if sideways else picture.size
    target = size_for(*upright_size)
    target = _swapped(target) if sideways else target
    drafted = picture.draft(None, target) if name == "JPEG" else None
    picture.load()
    return _Decoded(picture, drafted and drafted[1], target, upright_size, orientation, tags)


def _swapped(size: tuple[int, int]) -> tuple[int, int]:
    return size[1], size[0]


def _tags(picture: ImageFile) -> _Tags:
    """Read the EXIF; one that cannot be read is as good as none."""
    try:
        exif = picture.getexif()
        return _Tags(dict(exif), exif.get_ifd(_EXIF_IFD), exif.get_ifd(_GPS_IFD))
    except BAD_BYTES:
        return _Tags({}, {}, {})


def _orientation(tags: _Tags) -> int:
    value = tags.main.get(_ORIENTATION)
    return value if isinstance(value, int) and value in _TURNS else _UPRIGHT


def _facts(name: str, decoded: _Decoded) -> PictureFacts:
    latitude, longitude = position(decoded.tags.gps) or (None, None)
    return PictureFacts(
        name,
        *decoded.upright_size,
        taken_at=taken_at(decoded.tags.exif),
        camera=camera(decoded.tags.main),
        latitude=latitude,
        longitude=longitude,
    )


def _upright(decoded: _Decoded) -> Image.Image:
    """Shrink first, then do all else on few pixels."""
    profile = decoded.image.info.get("icc_profile")
    image = resizable(decoded.image)
    if image.size != decoded.target:
        image = image.resize(decoded.target, Image.Resampling.LANCZOS, decoded.box, reducing_gap=3.0)
    image = in_srgb(on_white(image), profile)
    turn = _TURNS.get(decoded.orientation)
    return image if turn is None else image.transpose(turn)


def encoded(image: Image.Image) -> bytes:
    """Write a picture as the JPEG that is sent."""
    image.info.clear()  # or the comment of the original would go along
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue()
