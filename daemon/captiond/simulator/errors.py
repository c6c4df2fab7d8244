"""Why a request is refused, and the exact bodies in which the servers say so."""

import re
from dataclasses import dataclass

from .gojson import go_json

BUSY = "server busy, please try again.  maximum pending requests exceeded"
RUNNER_STOPPED = (
    "model runner has unexpectedly stopped, this may be due to resource limitations or an internal error, "
    "check ollama server logs for details"
)
WHILE_RUNNING = "an error was encountered while running the model: "
NO_EMBEDDINGS = "This server does not support embeddings. Start it with `--embeddings`"


@dataclass(eq=False)
class Refusal(Exception):
    """An answer with an error status; the runner's own look different on requests for a stream."""

    status: int
    text: str
    by_runner: bool = False

    def body(self) -> str:
        """Write the body as the native endpoints do."""
        return go_json({"error": self.text})


@dataclass(eq=False)
class RunnerDied(Exception):
    """The process that holds the model is gone; `why` is what the stream of an answer says."""

    why: str = "unexpected EOF"


def runner_says(status: int, message: str, kind: str, **more: int) -> Refusal:
    """Pass on an error of the new generation's runner: its JSON goes out as a string inside `error`."""
    inner = {"error": {"code": status, "message": message, "type": kind, **more}}
    return Refusal(status, go_json(inner), by_runner=True)


def bad_image() -> Refusal:
    """Say that the new generation's runner cannot decode an image."""
    return runner_says(400, "Failed to load image or audio file", "invalid_request_error")


def model_missing(name: str) -> Refusal:
    """Say that a model is not installed."""
    return Refusal(404, f"model '{name}' not found")


def too_long(tokens: int, context: int) -> Refusal:
    """Say that a prompt does not fit in the context (new generation)."""
    text = (
        f"request ({tokens} tokens) exceeds the available context size ({context} tokens), try increasing it"
    )
    return runner_says(400, text, "exceed_context_size_error", n_prompt_tokens=tokens, n_ctx=context)


def out_of_memory(cache_bytes: int, *, old: bool) -> Refusal:
    """Say that the key-value cache does not fit in memory."""
    end = "llama_init_from_model: failed to initialize the context: failed to allocate buffer for kv cache"
    if old:
        return Refusal(
            500, f"llama runner process has terminated: {end}\npanic: unable to create llama context"
        )
    return Refusal(
        500,
        "llama-server process has terminated: exit status 1: ggml_aligned_malloc: insufficient memory "
        f"(attempted to allocate {cache_bytes / (1 << 20):.2f} MB)\n"
        f"ggml_backend_cpu_buffer_type_alloc_buffer: failed to allocate buffer of size {cache_bytes}\n"
        f"alloc_tensor_range: failed to allocate CPU buffer of size {cache_bytes}\n{end}",
    )


def load_refusal(problem: str, *, old: bool) -> Refusal:
    """Say that the model could not be loaded, or not in time."""
    if problem == "timeout":
        name, progress = ("llama runner", "progress 0.00 - ") if old else ("llama-server", "")
        return Refusal(500, f"timed out waiting for {name} to start - {progress}")
    return Refusal(500, f"{'llama runner' if old else 'llama-server'} process has terminated: exit status 1")


def runner_gone(*, old: bool) -> Refusal:
    """Say to somebody who waited for a slot that the runner is gone; the blank at the end is real."""
    if old:
        return Refusal(500, "llama runner process no longer running: -1 ", by_runner=True)
    return Refusal(500, "llama-server process no longer running: unknown ", by_runner=True)


def died_before_answer(died: RunnerDied, *, old: bool) -> Refusal:
    """Say that the runner died before the first word was sent."""
    return Refusal(500, RUNNER_STOPPED if old else WHILE_RUNNING + died.why, by_runner=True)


def openai_error(refusal: Refusal, *, early: bool) -> str:
    """Write a refusal as `/v1` does; only errors found behind the first check end in a line break."""
    kinds = {400: "invalid_request_error", 404: "not_found_error"}
    kind = kinds.get(refusal.status, "api_error")
    body = {"error": {"message": refusal.text, "type": kind, "param": None, "code": None}}
    return go_json(body) + ("" if early else "\n")


MODEL_NAME = re.compile(r"(?:[\w.-]+(?::\d+)?/)?(?:[\w.-]+/)?[\w.-]+(?::[\w.-]+)?", re.ASCII)


def check_name(name: str, *, empty: str = "model is required") -> None:
    """Refuse a name that no model can have."""
    if not name:
        raise Refusal(400, empty)
    if not MODEL_NAME.fullmatch(name):
        raise Refusal(400, "invalid model name")
