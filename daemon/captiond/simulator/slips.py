"""Words that go wrong: what a fault makes of a good answer."""

from .faults import Fault
from .sayings import Saying

NO_TEXT = (
    "There is no text in the image.",
    "No text is visible in this picture.",
    "I don't see any text in this image.",
    "The image does not contain any readable text.",
    "None",
    "N/A",
    "There are no words or letters visible.",
    "No visible text.",
    '"NO_TEXT"',
    "The picture contains no writing.",
)
REFUSAL = "I'm sorry, but I can't help with identifying or describing this image."
SAME = "A man is standing on a street with a dog."
LOOP = " on the left side of the picture there is a man and"


def spoiled(fault: Fault, answer: str, saying: Saying, *, struck: int) -> str:
    """Give the words that a fault leaves of an answer; `struck` (faults so far) varies the phrasing."""
    simple = {
        "whitespace": " \n\t" * 4000,
        "loop": answer + LOOP * 2000,
        "repeat": f"{answer[:20]} {'a' * 20_000}",
        "hashes": "#" * 5000,
        "empty": "",
        "refusal": REFUSAL,
        "cut-json": answer[: max(1, len(answer) // 2)],
        "wrong-schema": '{"unexpected": [1, 2, {"nested": true}]}',
        "preamble": f"Sure! Here is the answer:\n\n{answer}",
        "fence": f"```json\n{answer}\n```",
        "echo": saying.prompt,
        "same": SAME,
        "no-text": NO_TEXT[struck % len(NO_TEXT)],
    }
    return fault.text or simple.get(fault.kind, answer)
