"""The recordings as a client can send them again, and the settings of the servers that answered them."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from captiond.simulator import Profile, SimulatorSettings
from captiond.simulator.settings import STANDARD_MODELS

RECORDINGS = Path(__file__).resolve().parent.parent / "recordings"
BROKEN_MODELS = ("badproj", "badtext", "garbage", "missingblob", "badutf8", "bigctx")
BIG_PICTURES = {"black-60MB.bmp": 0.6, "black-110MB.bmp": 1.1}
"""Made at run time when recorded; here a hundredth of the size, in megabytes, as is the limit."""

PACED = Profile(0.12, 0.001, 0.0, 1e-6, 0.0, ((1, 0.001), (16, 0.001)), 0.0)
"""Loads take 120 ms and tokens 1 ms, so that requests overlap as they did."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One recording: what was asked of a fresh server, and what it answered."""

    generation: str
    name: str

    @property
    def recording(self) -> dict[str, Any]:
        return json.loads((RECORDINGS / self.generation / f"{self.name}.json").read_text())

    @property
    def steps(self) -> list[dict[str, Any]]:
        return self.recording["steps"]

    @property
    def settings(self) -> SimulatorSettings:
        recording = self.recording
        env = recording["env"]
        paced = any("parallel_group" in step for step in recording["steps"]) or self.name.endswith("loading")
        problem = None
        if env.get("LLAMA_ARG_CACHE_RAM") == "abc":
            problem = "failed"
        elif env.get("OLLAMA_LOAD_TIMEOUT") == "1ms":
            problem = "timeout"
        return SimulatorSettings(
            generation="0.24" if self.generation == "v0.24" else "0.33",
            slots=int(env.get("OLLAMA_NUM_PARALLEL", 1)),
            max_loaded=int(env.get("OLLAMA_MAX_LOADED_MODELS", 3)),
            max_queue=int(env.get("OLLAMA_MAX_QUEUE", 512)),
            keep_alive_seconds=600.0 if env.get("OLLAMA_KEEP_ALIVE") == "10m" else 300.0,
            ram_cache=env.get("LLAMA_ARG_CACHE_RAM") != "0",
            load_problem=problem,
            models=self._models(recording),
            registry="offline" if self.name == "pull-offline" else "open",
            gpu="cpu",
            body_limit_bytes=(100 << 20) // 100 if self.name == "oversize-body" else 100 << 20,
            memory_bytes=recording.get("process_data_limit_bytes") or 1 << 40,
            tokens="characters",
            rambling=True,
            profile=PACED if paced else Profile(),
            time_scale=1.0 if paced else 0.0,
        )

    @staticmethod
    def _models(recording: dict[str, Any]) -> tuple[str, ...]:
        if recording["scenario"] in ("tags-empty", "pull-registry", "pull-offline"):
            return ()
        broken = recording["model"] is not None and recording["model"]["name"] in BROKEN_MODELS
        return BROKEN_MODELS if broken else STANDARD_MODELS


def scenarios() -> list[Scenario]:
    index = json.loads((RECORDINGS / "index.json").read_text())
    return [Scenario(entry["generation"], entry["scenario"]) for entry in index]


def body_of(request: dict[str, Any]) -> bytes:
    """Give the bytes that were sent, with the images in their places."""
    if "body" in request:
        return json.dumps(_with_images(request["body"])).encode()
    return str(request.get("body_text", "")).encode()


def _with_images(value: Any) -> Any:
    if isinstance(value, dict):
        if "$image" in value:
            return _encoded(_picture(value["$image"]), value.get("encoding"), value["$image"])
        return {key: _with_images(one) for key, one in value.items()}
    return [_with_images(one) for one in value] if isinstance(value, list) else value


def _picture(name: str) -> bytes:
    if name in BIG_PICTURES:
        side = int((BIG_PICTURES[name] * 1e6 / 3) ** 0.5) // 4 * 4
        head = b"BM" + (54 + side * side * 3).to_bytes(4, "little") + bytes(4) + (54).to_bytes(4, "little")
        size = side.to_bytes(4, "little")
        return head + (40).to_bytes(4, "little") + size + size + b"\1\0\x18\0" + bytes(24 + side * side * 3)
    return (RECORDINGS / "images" / name).read_bytes()


def _encoded(content: bytes, encoding: str | None, name: str) -> str:
    plain = base64.b64encode(content).decode()
    match encoding:
        case "data-url":
            kind = {"jpg": "jpeg", "bin": "octet-stream"}.get(
                name.rpartition(".")[2], name.rpartition(".")[2]
            )
            return f"data:{'application' if kind == 'octet-stream' else 'image'}/{kind};base64,{plain}"
        case "urlsafe":
            return base64.urlsafe_b64encode(content).decode()
        case "newlines":
            return "\n".join(plain[at : at + 76] for at in range(0, len(plain), 76))
        case "no-padding":
            return plain.rstrip("=")
        case _:
            return plain
