"""How large a picture comes out: shrunk into the best box, never enlarged (pure)."""

from captiond.model import Fit


def fitted(width: int, height: int, fit: Fit) -> tuple[int, int]:
    """Give the size in pixels in the box that keeps most of the picture."""
    return max((_shrunk(width, height, box) for box in fit.boxes), key=lambda size: size[0] * size[1])


def _shrunk(width: int, height: int, box: tuple[int, int]) -> tuple[int, int]:
    box_width, box_height = box
    if width <= box_width and height <= box_height:
        return width, height
    if width * box_height >= height * box_width:
        return box_width, max(1, round(height * box_width / width))
    return max(1, round(width * box_height / height)), box_height
