"""Replies as a model server gives them."""

from captiond.model import ModelIdentity, Reply


def reply_of(text: str, finish: str = "stop", thinking: str = "", output_tokens: int = 0) -> Reply:
    """Give a reply with this text."""
    model = ModelIdentity(name="llava:13b", digest="0" * 64)
    return Reply(text=text, finish=finish, model=model, thinking=thinking, output_tokens=output_tokens)
