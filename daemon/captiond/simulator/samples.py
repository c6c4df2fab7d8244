"""A few drawn pictures to try captiond on: colours, shapes, and text in a strip that the simulator reads."""

from pathlib import Path

from PIL import Image, ImageDraw

from .strip import draw_strip

SIZE = (1200, 900)
SIGN_TEXT = "Attention ! Éléphants en liberté"
MENU_TEXT = "Heute frisch: Brot und Käse"


def draw_samples(folder: Path) -> list[Path]:
    """Draw the sample pictures into `folder`, but over nothing that is there, and give their paths."""
    pictures = {
        "beach.jpg": _beach(),
        "forest.png": _forest(),
        "road sign.jpg": draw_strip(_sign(), SIGN_TEXT),
        "night.webp": _night(),
        "2024/café.jpg": draw_strip(_sunset(), MENU_TEXT),
    }
    for name, picture in pictures.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            picture.save(path, quality=92)
    return [folder / name for name in pictures]


def _scene(above: str, below: str, horizon: float) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    picture = Image.new("RGB", SIZE, above)
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, int(SIZE[1] * horizon), *SIZE), fill=below)
    return picture, pen


def _beach() -> Image.Image:
    picture, pen = _scene("#6fb7e9", "#e8d59a", 0.6)
    pen.ellipse((900, 90, 1060, 250), fill="#fff3b0")
    return picture


def _forest() -> Image.Image:
    picture, pen = _scene("#a9d6f5", "#2f7d32", 0.45)
    for left in range(40, 1200, 150):
        pen.polygon(((left, 560), (left + 60, 200), (left + 120, 560)), fill="#1b5e20")
    return picture


def _sign() -> Image.Image:
    picture, pen = _scene("#cfe8ff", "#b08d57", 0.7)
    pen.polygon(((600, 130), (840, 540), (360, 540)), fill="#ffd200", outline="#c00000", width=18)
    return picture


def _night() -> Image.Image:
    picture, pen = _scene("#0b1026", "#05070f", 0.75)
    pen.ellipse((180, 120, 260, 200), fill="#f5f3ce")
    return picture


def _sunset() -> Image.Image:
    picture, pen = _scene("#f29f58", "#7a3b2e", 0.55)
    pen.ellipse((520, 330, 700, 510), fill="#ffe08a")
    return picture
