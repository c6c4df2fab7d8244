"""Ten signs in ten languages, tilted and small, on something like a wall; and how badly they were read."""

import random
from dataclasses import dataclass
from io import BytesIO

import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

WIDTH, HEIGHT = 800, 600
COLOURS = [((240, 235, 220), (20, 20, 60)), ((20, 60, 140), "white"), ((250, 210, 40), "black")]


@dataclass(frozen=True)
class Sign:
    text: str
    tilt_degrees: int
    letter_pixels: int


SIGNS = [
    Sign("Attention !\nÉléphants en liberté", 8, 30),
    Sign("Heute frisch:\nBrot und Käse", -12, 26),
    Sign("Señales de tráfico\n¿Dónde está el baño?", 0, 40),
    Sign("Não pise a grama\nProibido estacionar", -5, 18),
    Sign("Città del caffè\nPerché è più buono", 10, 24),
    Sign("Uwaga! Zakaz wstępu", 4, 34),
    Sign("zákaz vjezdu\nžlutý kůň", -3, 48),
    Sign("Dikkat! Köpek var\nÇıkış sağda", 6, 22),
    Sign("Öppet alla dagar\nRäksmörgås på ön", -8, 28),
    Sign("ROAD CLOSED\nNext exit 2.5 km", 3, 16),
]


def drawn(sign: Sign, seed: int = 1) -> bytes:
    """Give the JPEG of a sign somewhere in a picture; skips where no font has its letters."""
    chance = random.Random(seed)
    blotches = Image.frombytes("L", (12, 9), bytes(chance.randrange(60, 180) for _ in range(12 * 9)))
    wall = blotches.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC).convert("RGB")
    board = _board(sign, *COLOURS[seed % len(COLOURS)])
    place = chance.randrange(WIDTH - board.width), chance.randrange(HEIGHT - board.height)
    wall.paste(board, place, board)
    jpeg = BytesIO()
    wall.filter(ImageFilter.GaussianBlur(0.4)).save(jpeg, "JPEG", quality=90)
    return jpeg.getvalue()


def _board(sign: Sign, ground: tuple[int, int, int], ink: str | tuple[int, int, int]) -> Image.Image:
    size = sign.letter_pixels
    font = _font(size)
    box = ImageDraw.Draw(Image.new("L", (1, 1))).multiline_textbbox(
        (0, 0), sign.text, font, spacing=size // 3
    )
    board = Image.new("RGBA", (int(box[2]) + 2 * size, int(box[3]) + 2 * size), ground)
    ImageDraw.Draw(board).multiline_text((size, size * 0.8), sign.text, ink, font, spacing=size // 3)
    return board.rotate(sign.tilt_degrees, Image.Resampling.BICUBIC, expand=True)


def _font(size: int) -> ImageFont.FreeTypeFont:
    try:
        return ImageFont.truetype("DejaVuSans.ttf", size)
    except OSError:
        pytest.skip("the font DejaVu Sans, which has the letters of these signs, is not installed")


def mistakes(written: str, read: str) -> int:
    """Count the letters to put in, take out or change that lead from one text to the other."""
    before = list(range(len(read) + 1))
    for row, letter in enumerate(written, 1):
        now = [row]
        for column, other in enumerate(read, 1):
            now.append(min(before[column] + 1, now[-1] + 1, before[column - 1] + (letter != other)))
        before = now
    return before[-1]
