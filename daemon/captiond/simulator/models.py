"""The models that exist: the recorded ones, the broken ones, and any name one wants as a vision model."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from .settings import SimulatorSettings

SYSTEM = "A chat between a curious human and an assistant."
GO_TEMPLATE = "{{ .System }}\nUSER: {{ .Prompt }}\nASSISTANT:"
JINJA_TEMPLATE = (
    "{% for m in messages %}{{ m['role'] | upper }}: {{ m['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)

Projector = Literal["fixed", "anyres"]
Broken = Literal["projector", "text", "garbage", "missing", "utf8"]


@dataclass(frozen=True, slots=True)
class Model:
    """One installed model: how it sees, how its prompt is built, and in which way it is broken."""

    name: str
    digest: str
    size: int
    modified_at: str
    text_blob: str
    projector: Projector | None = "fixed"
    projector_blob: str = ""
    template: Literal["go", "jinja"] = "go"
    stop: tuple[str, ...] = ()
    context_length: int = 4096
    broken: Broken | None = None

    @property
    def families(self) -> list[str]:
        """Name the architectures in the model's files."""
        return ["llama", "clip"] if self.projector else ["llama"]

    @property
    def system(self) -> str:
        """Give the system text that is stored with the model."""
        return SYSTEM if self.template == "go" else ""

    @property
    def capabilities(self) -> list[str]:
        """Say what the model can do."""
        vision = ["vision"] if self.projector else []
        return vision if self.broken in ("garbage", "missing") else ["completion", *vision]

    def details(self) -> dict[str, Any]:
        """Write the `details` that tags, show and ps share."""
        return {
            "parent_model": "",
            "format": "gguf",
            "family": "llama",
            "families": self.families,
            "parameter_size": "13B",
            "quantization_level": "Q4_0",
        }


FIXED_BLOB = "cddf1bd22aa032ed6dc6955776b10e378dc4ca3f86fef24a3e6003ac9800f7f9"
ANYRES_BLOB = "209da0b73e98e2b5a3052ca665351de78e034e78d22123d5efd55281c411bd31"
DAMAGED_PROJECTOR_BLOB = "a7fdaa2e47a9f759c73f7bf37a514b788dcb3e7afbe44582f315aebba9d887af"

KNOWN = (
    Model(
        "llava:13b-v1.6",
        "c78dd4e3a1d6a66fc4f3168ef0ecc8f0dc943c8a61c428b76be06b66b522ada4",
        1262661,
        "2026-11-23T15:55:50.952960076Z",
        "0b73d6cb04da6e5279509a9730db605c3ef0a16c3c53d74c3f37ead9854f7087",
        projector_blob=FIXED_BLOB,
        stop=("USER:", "ASSISTANT:"),
    ),
    Model(
        "llava16hd:latest",
        "c132195c7e5035204b5e5773e47d222032f1e1679119bb1fb2d7ea254fdc30e6",
        1263172,
        "2026-11-23T15:55:50.958558081Z",
        "4e1d4995213640e4c934beee47c30ba7311f7b0c6d7e2bc34ce70d1536396299",
        projector="anyres",
        projector_blob=ANYRES_BLOB,
    ),
    Model(
        "nativechat:latest",
        "82045220220a7ad22f5a5074db4570362f0965f40cf52cc6cf7afe91c317d87d",
        1263240,
        "2026-11-23T15:55:50.96289091Z",
        "9eb7880f3466bbaef05add9e89e5165632dbeaf6fb34a8d44ce205e97e73c02f",
        projector="anyres",
        projector_blob=ANYRES_BLOB,
        template="jinja",
    ),
    Model(
        "textonly:latest",
        "4ba54b6e82a17c765a2b166ab8bd5f86ce884197533b0042f5fb1773110cba67",
        524764,
        "2026-11-23T15:55:50.961211346Z",
        "6e48410e5b2c06e9dbc56af204b705d1dcef60f4001b5be1a9b195cbbdedf37f",
        projector=None,
    ),
    Model(
        "nativetext:latest",
        "631f74cbf4ddc434c2fc6263c84217bf339bea117f5f8aeb79f3b4e75a0218c6",
        524832,
        "2026-11-23T15:55:50.963519858Z",
        "9eb7880f3466bbaef05add9e89e5165632dbeaf6fb34a8d44ce205e97e73c02f",
        projector=None,
        template="jinja",
    ),
    Model(
        "badproj:latest",
        "845b3786bae9896e1ff19b1ced2bd069cfc524f3d3c3e469f68f127a633c242e",
        893700,
        "2026-11-23T15:55:51.350033861Z",
        "0b73d6cb04da6e5279509a9730db605c3ef0a16c3c53d74c3f37ead9854f7087",
        projector_blob=DAMAGED_PROJECTOR_BLOB,
        broken="projector",
    ),
    Model(
        "badtext:latest",
        "7543731b49609b2564cc535eaf828110cc9cdf835f0ccfe788f462daf804cac9",
        1000372,
        "2026-11-23T15:55:51.352062885Z",
        "0b73d6cb04da6e5279509a9730db605c3ef0a16c3c53d74c3f37ead9854f7087",
        projector_blob=FIXED_BLOB,
        broken="text",
    ),
    Model(
        "garbage:latest",
        "fee07283090de714dbed9bd108c9ec4562a3642e9ed66dca8f7615291bf4a601",
        738124,
        "2026-11-23T15:55:51.362562738Z",
        "0b73d6cb04da6e5279509a9730db605c3ef0a16c3c53d74c3f37ead9854f7087",
        projector_blob=FIXED_BLOB,
        broken="garbage",
    ),
    Model(
        "missingblob:latest",
        "4dbdfdd5b6cfddebe26cea887ad5776861299a984da7de6117ca3bec7e15d446",
        1262628,
        "2026-11-23T15:55:51.369544425Z",
        "0b73d6cb04da6e5279509a9730db605c3ef0a16c3c53d74c3f37ead9854f7087",
        projector_blob=FIXED_BLOB,
        broken="missing",
    ),
    Model(
        "badutf8:latest",
        "41afc7cca25fb2b608a6f11b1aaba4023daa1aa8a9894595e6674b14f98d28db",
        1262628,
        "2026-11-23T15:55:51.374513442Z",
        "0b73d6cb04da6e5279509a9730db605c3ef0a16c3c53d74c3f37ead9854f7087",
        projector_blob=FIXED_BLOB,
        broken="utf8",
    ),
    Model(
        "bigctx:latest",
        "412efb187bcd9609a583c1c027b126e9e4e758db02c749817759ac4088a11627",
        524764,
        "2026-11-23T15:55:51.378733113Z",
        "6e48410e5b2c06e9dbc56af204b705d1dcef60f4001b5be1a9b195cbbdedf37f",
        projector=None,
        context_length=2147483647,
    ),
)


def full_name(name: str) -> str:
    """Add the tag and drop the parts that go without saying: `llava` is `llava:latest`."""
    short = name.removeprefix("registry.ollama.ai/").removeprefix("library/")
    return short if ":" in short.rpartition("/")[2] else f"{short}:latest"


def named(name: str, projector: Projector | None = None) -> Model:
    """Give the recorded model of this name, or a copy of a recorded LLaVA under this name."""
    wanted = full_name(name)
    for model in KNOWN:
        if model.name == wanted:
            return replace(model, projector=projector) if projector and model.projector else model
    like = KNOWN[1] if projector == "anyres" else KNOWN[0]
    return replace(like, name=wanted)


class Shelf:
    """The installed models of one server."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self._settings = settings
        models = [named(name, settings.projector) for name in settings.models]
        self._models = {model.name: model for model in models}

    def find(self, name: str) -> Model | None:
        """Give an installed model."""
        return self._models.get(full_name(name))

    def put(self, name: str, digest: str | None = None) -> Model:
        """Install a model, or another version of it."""
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        model = replace(named(name, self._settings.projector), modified_at=moment)
        model = replace(model, digest=digest or model.digest)
        self._models[model.name] = model
        return model

    def remove(self, name: str) -> bool:
        """Take a model away; say whether it was there."""
        return self._models.pop(full_name(name), None) is not None

    def all(self) -> list[Model]:
        """Give all installed models, newest first."""
        return sorted(self._models.values(), key=lambda model: model.modified_at, reverse=True)
