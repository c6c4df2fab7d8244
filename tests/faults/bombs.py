"""Small files that are large inside: what each of them would cost a decoder that believes it."""

import struct
import zlib
from collections.abc import Callable

from PIL import Image

from imaging.drawing import png_of_ones, quarters, saved

PNG_START = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, *chunks: bytes, colour_type: int = 2) -> bytes:
    """Write a PNG of 8 bits a channel: black, and packed as small as it goes."""
    channels = {0: 1, 2: 3, 6: 4}[colour_type]
    packer = zlib.compressobj(9)
    row = bytes(1 + width * channels)
    pixels = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0))
    return PNG_START + header + b"".join(chunks) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def packed_zeros(megabytes: int) -> bytes:
    packer = zlib.compressobj(9)
    million = bytes(1_000_000)
    return b"".join(packer.compress(million) for _ in range(megabytes)) + packer.flush()


def animated_png(frames: int) -> bytes:
    """Write a PNG that says it has very many frames, and has them."""
    control = struct.pack(">IIIIHHBB", 64, 64, 0, 0, 1, 10, 0, 0)
    whole = png(64, 64, chunk(b"acTL", struct.pack(">II", frames, 0)), chunk(b"fcTL", bytes(4) + control))
    frame = zlib.compress(bytes(64 * (1 + 64 * 3)))
    more = b"".join(
        chunk(b"fcTL", struct.pack(">I", 2 * at + 1) + control)
        + chunk(b"fdAT", struct.pack(">I", 2 * at + 2) + frame)
        for at in range(frames - 1)
    )
    return whole[: -len(chunk(b"IEND", b""))] + more + chunk(b"IEND", b"")


def gif_screen(width: int, height: int) -> bytes:
    """Write a GIF that has a large screen and hardly anything on it."""
    small = saved(Image.new("P", (8, 8)), "GIF")
    return small[:6] + struct.pack("<HH", width, height) + small[10:]


def animated_gif(frames: int) -> bytes:
    whole = saved(Image.new("P", (64, 64)), "GIF")
    frame = whole[whole.index(b",\0\0\0\0") : -1]
    return whole[:-1] + frame * (frames - 1) + b";"


def tiff(*entries: tuple[int, int, int, int], next_directory: int = 0, rest: bytes = b"") -> bytes:
    """Write a TIFF of one directory: entries are tag, type, count and value."""
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *one) for one in entries)
    return b"II*\0" + struct.pack("<I", 8) + directory + struct.pack("<I", next_directory) + rest


def tiff_of(
    width: int, height: int, *, strip_bytes: int, rest: bytes, compression: int = 1, loop: bool = False
) -> bytes:
    """Write a grey TIFF of one strip; its pages may go round in a circle."""
    entries = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 1, 8),
        (259, 3, 1, compression),
        (262, 3, 1, 1),
        (273, 4, 1, 8 + 2 + 9 * 12 + 4),
        (277, 3, 1, 1),
        (278, 4, 1, height),
        (279, 4, 1, strip_bytes),
    ]
    return tiff(*entries, next_directory=8 if loop else 0, rest=rest)


def segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content


def progressive_jpeg(width: int, height: int, scans: int) -> bytes:
    """Write a grey progressive JPEG of very many scans, each of which says "nothing new" in a few bytes."""
    blocks = ((width + 7) // 8) * ((height + 7) // 8)
    first = Image.new("L", (8, 8), 128)
    head = saved(first, "JPEG")
    tables = head[head.index(b"\xff\xdb") : head.index(b"\xff\xc0")]
    frame = segment(0xC2, struct.pack(">BHHBBBB", 8, height, width, 1, 1, 0x11, 0))
    # one code of one bit for DC: no difference; one of one bit for AC: the end of 16384 blocks and more
    dc_table = segment(0xC4, b"\x00" + bytes([1, *[0] * 15]) + b"\x00")
    ac_table = segment(0xC4, b"\x10" + bytes([1, *[0] * 15]) + b"\xe0")
    dc_scan = segment(0xDA, b"\x01\x01\x00\x00\x00\x00") + bytes(blocks // 8 + 1)
    runs = blocks // 32_767 + 1
    bits = ("0" + "1" * 14) * runs
    packed = int(bits.ljust(-(-len(bits) // 8) * 8, "1"), 2).to_bytes(-(-len(bits) // 8), "big")
    ac_scan = segment(0xDA, b"\x01\x01\x00\x01\x3f\x00") + packed.replace(b"\xff", b"\xff\x00")
    return b"\xff\xd8" + tables + frame + dc_table + ac_table + dc_scan + ac_scan * scans + b"\xff\xd9"


def baseline_jpeg(width: int, height: int) -> bytes:
    """Write a grey JPEG of one bit a block and no more."""
    blocks = ((width + 7) // 8) * ((height + 7) // 8)
    head = saved(Image.new("L", (8, 8), 128), "JPEG")
    tables = head[head.index(b"\xff\xdb") : head.index(b"\xff\xc0")]
    frame = segment(0xC0, struct.pack(">BHHBBBB", 8, height, width, 1, 1, 0x11, 0))
    dc_table = segment(0xC4, b"\x00" + bytes([1, *[0] * 15]) + b"\x00")
    ac_table = segment(0xC4, b"\x10" + bytes([1, *[0] * 15]) + b"\x00")
    scan = segment(0xDA, b"\x01\x01\x00\x00\x3f\x00") + bytes(blocks // 4 + 1)
    return b"\xff\xd8" + tables + frame + dc_table + ac_table + scan + b"\xff\xd9"


def webp_said_to_be(width: int, height: int) -> bytes:
    """Write a lossless WebP whose header says another size than its pixels have."""
    small = saved(Image.new("RGB", (64, 64)), "WEBP", lossless=True)
    place = small.index(b"VP8L") + 9
    return small[:place] + struct.pack("<I", (width - 1) | (height - 1) << 14) + small[place + 4 :]


def said_to_be(name: str, width: int, height: int) -> bytes:
    """Write an AVIF or HEIC whose header says another size than its picture has."""
    content = saved(quarters(), name)
    place = content.index(b"ispe") + 8
    return content[:place] + struct.pack(">II", width, height) + content[place + 8 :]


def bmp_of_runs(width: int, height: int) -> bytes:
    """Write a BMP of runs of which there is only the end."""
    palette = bytes(4 * 256)
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, 2, 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", 56, 0, 0, 14 + 40 + len(palette)) + header + palette + b"\0\1"


BOMBS: dict[str, Callable[[], bytes]] = {
    "PNG of 60,000 × 60,000": lambda: png_of_ones(60_000, 60_000, rows=100),
    "PNG of 100 million pixels in 54 KB": lambda: png_of_ones(10_000, 10_000),
    "PNG with a text of 100 MB": lambda: png(64, 64, chunk(b"zTXt", b"Comment\0\0" + packed_zeros(100))),
    "PNG with a profile of 100 MB": lambda: png(64, 64, chunk(b"iCCP", b"icc\0\0" + packed_zeros(100))),
    "PNG of 10,000 frames": lambda: animated_png(10_000),
    "GIF of 65,500 × 65,500": lambda: gif_screen(65_500, 65_500),
    "GIF of 100 million pixels": lambda: saved(Image.new("P", (10_000, 10_000)), "GIF"),
    "GIF of 50,000 frames": lambda: animated_gif(50_000),
    "TIFF of 60,000 × 60,000": lambda: tiff_of(60_000, 60_000, strip_bytes=9, rest=bytes(9)),
    "TIFF of 81 MB in 9 bytes": lambda: tiff_of(9000, 9000, strip_bytes=0xFFFFFFFF, rest=bytes(9)),
    "TIFF that unpacks to 100 MB": lambda: tiff_of(
        64, 64, compression=8, strip_bytes=100_000, rest=packed_zeros(100)
    ),
    "TIFF whose pages go round": lambda: tiff_of(8, 8, strip_bytes=64, rest=bytes(64), loop=True),
    "WebP of 16,383 × 16,383": lambda: webp_said_to_be(16_383, 16_383),
    "WebP of 10,000 × 10,000": lambda: webp_said_to_be(10_000, 10_000),
    "AVIF of 65,000 × 65,000": lambda: said_to_be("AVIF", 65_000, 65_000),
    "AVIF of 10,000 × 10,000": lambda: said_to_be("AVIF", 10_000, 10_000),
    "JPEG of 65,500 × 65,500": lambda: baseline_jpeg(65_500, 65_500),
    "JPEG of 400 million pixels": lambda: baseline_jpeg(20_000, 19_990),
    "JPEG of 300 million pixels in two scans": lambda: progressive_jpeg(20_000, 15_000, 1),
    "JPEG of 2,000 scans": lambda: progressive_jpeg(8000, 8000, 1999),
    "JPEG of 99 scans": lambda: progressive_jpeg(8000, 8000, 98),
    "BMP of 60,000 × 60,000": lambda: bmp_of_runs(60_000, 60_000),
    "BMP of 10,000 × 10,000 in two bytes": lambda: bmp_of_runs(10_000, 10_000),
    "ZIP of ZIPs": lambda: b"PK\3\4" + packed_zeros(10),
}
HEIC_BOMBS: dict[str, Callable[[], bytes]] = {
    "HEIC of 65,000 × 65,000": lambda: said_to_be("HEIF", 65_000, 65_000),
    "HEIC of 10,000 × 10,000": lambda: said_to_be("HEIF", 10_000, 10_000),
}
