"""A page of small text for the tests; what can be read in each of its tiles, a strip at its bottom says."""

from PIL import Image, ImageDraw, ImageFont

from captiond.imaging.tiling import OVERLAP
from captiond.simulator import draw_strip

WIDTH, HEIGHT, TILE = 336, 621, 336
"""Two tiles, one above the other; a strip along the bottom edge of each says what can be read there."""

ABOVE = "Erste Zeile\nZweite Zeile\nTee 2.00"
BELOW = "Tee 2.00\nTee 2.00\nKuchen 3.50"
MERGED = "Erste Zeile\nZweite Zeile\nTee 2.00\nTee 2.00\nKuchen 3.50"


def page(above: str = ABOVE, below: str = BELOW) -> Image.Image:
    """Draw a page of small text with a strip for each of its tiles; the lower one is the whole's, too."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), "white")
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(12)
    for top in range(10, HEIGHT, 18):
        pen.text((10, top), "The quick brown fox jumps over the lazy dog and it sleeps", "black", font)
    if above:
        picture.paste(draw_strip(picture.crop((0, 0, WIDTH, TILE)), above), (0, 0))
    return draw_strip(picture, below) if below else picture


def long_page(tiles: int) -> Image.Image:
    """Draw a column of small text that so many tiles show, one below the other, as `text_of` says."""
    height = round(TILE * (tiles - (tiles - 1) * OVERLAP))
    picture = Image.new("RGB", (WIDTH, height), "white")
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(12)
    for top in range(10, height, 18):
        pen.text((10, top), "The quick brown fox jumps over the lazy dog and it sleeps", "black", font)
    for tile in range(tiles):
        top = round(tile * (height - TILE) / max(1, tiles - 1))
        box = (0, top, WIDTH, top + TILE)
        picture.paste(draw_strip(picture.crop(box), text_of(tile)), box)
    return picture


def text_of(tile: int) -> str:
    """Say what can be read in one tile of a long page, from 0."""
    return f"Absatz {tile}\nund {tile * tile + 17} Worte"


def text_of_page(tiles: int) -> str:
    """Say what a long page says as a whole."""
    return "\n".join(map(text_of, range(tiles)))
