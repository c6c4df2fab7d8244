"""Where a model that is pulled comes from, by its name."""

import pytest

from captiond.simulator.pull import source_of

LIBRARY = "https://registry.ollama.ai/v2/library"


@pytest.mark.parametrize(
    ("model", "manifest"),
    [
        ("llava", f"{LIBRARY}/llava/manifests/latest"),
        ("llava:7b", f"{LIBRARY}/llava/manifests/7b"),
        ("ada/llava:7b", "https://registry.ollama.ai/v2/ada/llava/manifests/7b"),
        ("models.example/ada/llava", "https://models.example/v2/ada/llava/manifests/latest"),
        ("127.0.0.1:9/ada/llava", "https://127.0.0.1:9/v2/ada/llava/manifests/latest"),
        ("llava:13b-v1.6", f"{LIBRARY}/llava/manifests/13b-v1.6"),
    ],
)
def test_a_name_says_where_the_model_comes_from(model: str, manifest: str) -> None:
    assert source_of(model, insecure=False).manifest == manifest


def test_a_host_may_be_asked_without_a_certificate() -> None:
    assert source_of("127.0.0.1:9/ada/llava", insecure=True).manifest.startswith("http://127.0.0.1:9/")
    assert source_of("llava", insecure=True).manifest.startswith("https://")
