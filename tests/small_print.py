"""A page of small text for the tests; what can be read in each of its tiles, a strip at its bottom says."""

from PIL import Image, ImageDraw, ImageFont

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
