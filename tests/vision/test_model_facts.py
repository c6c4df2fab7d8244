"""What `/api/show`, `/api/tags` and `/api/ps` mean."""

from typing import Any

import pytest

from captiond.model import Fit
from captiond.vision.model_facts import (
    LLAVA_16_GRIDS,
    PINPOINTS,
    concerns,
    facts,
    full_name,
    gpu_share,
    listed,
)
from vision.raw_server import SHOWN


def fit_of(show: dict[str, Any], *, name: str = "llava", max_side: int = 0) -> Fit:
    return facts(name, {}, show, version="0.33.0", num_ctx=4096, max_side=max_side).fit


def projector(**more: Any) -> dict[str, Any]:
    named = {f"clip.vision.{key}": value for key, value in more.items()}
    return {"projector_info": {"clip.has_llava_projector": True, **named}}


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("llava", "llava:latest"),
        ("llava:13b-v1.6", "llava:13b-v1.6"),
        ("me/llava", "me/llava:latest"),
        ("127.0.0.1:5000/library/tiny", "127.0.0.1:5000/library/tiny:latest"),
        ("registry.ollama.ai/library/llava", "llava:latest"),
    ],
)
def test_a_name_without_a_tag_is_the_latest(name: str, full: str) -> None:
    assert full_name(name) == full


def test_a_model_is_found_under_its_full_name() -> None:
    assert listed({"models": [{"name": "llava:latest", "digest": "d"}]}, "llava") is not None
    assert listed({"models": [{"name": "llava:13b"}]}, "llava") is None


@pytest.mark.parametrize("odd", [None, [], {"models": None}, {"models": [7, {}]}])
def test_an_odd_list_holds_no_model(odd: Any) -> None:
    assert listed(odd, "llava") is None


def test_llava_without_grids_sees_one_tile() -> None:
    assert fit_of(projector(image_size=336)) == Fit(((336, 336),))


def test_llava_with_grids_sees_each_of_them() -> None:
    grids = [336, 672, 672, 336, 672, 672]
    assert fit_of(projector(image_grid_pinpoints=grids)) == Fit(((336, 672), (672, 336), (672, 672)))


def test_grids_that_are_not_named_are_those_of_llava_16() -> None:
    assert fit_of({"projector_info": {PINPOINTS: None}}) == Fit(LLAVA_16_GRIDS)


def test_other_models_get_a_sane_size() -> None:
    assert fit_of({"projector_info": {"clip.projector_type": "pixtral"}}) == Fit(((1344, 1344),))


def test_gemma_sees_a_square() -> None:
    info = {"general.architecture": "gemma3", "gemma3.vision.image_size": 896}
    assert fit_of({"model_info": info}, name="gemma3") == Fit(((896, 896),))


def test_an_old_server_without_facts_serves_llava_as_it_is() -> None:
    assert fit_of({}) == Fit(((336, 336),))


def test_the_setting_overrides_the_model() -> None:
    assert fit_of(projector(image_size=336), max_side=1000) == Fit(((1000, 1000),))


@pytest.mark.parametrize(
    ("show", "sees"),
    [
        ({"capabilities": ["completion", "vision"]}, True),
        ({"capabilities": ["completion"], "projector_info": {"x": 1}}, False),
        ({"projector_info": {"clip.has_vision_encoder": True}}, True),
        ({"details": {"families": ["llama", "clip"]}}, True),
        ({"details": {"families": None}}, False),
        ({"model_info": {"qwen25vl.vision.block_count": 32}}, True),
        ({}, False),
        (None, False),
    ],
)
def test_a_model_that_sees_is_known_on_every_version(show: Any, sees: bool) -> None:
    assert facts("m", {}, show, version="0", num_ctx=None, max_side=0).sees is sees


@pytest.mark.parametrize(("num_ctx", "tokens"), [(None, None), (512, 2048), (3000, 3000), (100_000, 4096)])
def test_the_context_is_what_the_server_makes_of_the_setting(num_ctx: int | None, tokens: int | None) -> None:
    known = facts("m", {}, SHOWN, version="0", num_ctx=num_ctx, max_side=0)
    assert known.context_tokens == tokens


@pytest.mark.parametrize(
    ("size", "on_card", "share"),
    [(100, 100, 1.0), (100, 40, 0.4), (100, 0, 0.0), (100, 150, None), (0, 0, None), ("x", 1, None)],
)
def test_the_share_on_the_card(size: Any, on_card: Any, share: float | None) -> None:
    loaded = {"models": [{"model": "llava:latest", "size": size, "size_vram": on_card}]}
    assert gpu_share(loaded, "llava") == share


def sentences(**changed: Any) -> str:
    normal: dict[str, Any] = {"host": "127.0.0.1", "version": "0.33.0", "models": ["llava"], "share": 1.0}
    return " ".join(concerns(**{**normal, **changed}))


def test_a_local_server_on_the_card_raises_no_concern() -> None:
    assert sentences() == ""


@pytest.mark.parametrize("host", ["localhost", "127.0.0.9", "::1", "box.localhost"])
def test_loopback_is_this_computer(host: str) -> None:
    assert sentences(host=host) == ""


@pytest.mark.parametrize("host", ["192.168.1.5", "gpu-box", "ollama.com"])
def test_pictures_that_leave_the_computer_are_told_of(host: str) -> None:
    assert f"Pictures leave this computer: they are sent to {host}" in sentences(host=host)


@pytest.mark.parametrize("model", ["qwen3-vl:235b-cloud", "x:cloud"])
def test_a_cloud_model_is_told_of(model: str) -> None:
    assert "cloud" in sentences(models=["llava", model])


@pytest.mark.parametrize(
    ("version", "old"), [("0.17.0", True), ("0.17.1", False), ("0.0.0", False), ("?", False)]
)
def test_an_unsafe_version_is_told_of(version: str, old: bool) -> None:
    assert ("CVE-2026-7482" in sentences(version=version)) is old


@pytest.mark.parametrize(("share", "words"), [(0.0, "on the CPU alone"), (0.6, "to 40% on the CPU")])
def test_the_cpu_is_told_of_with_the_cure(share: float, words: str) -> None:
    assert words in sentences(share=share)
    assert "ollama ps" in sentences(share=share)


@pytest.mark.parametrize("size", [10**30, 10_000, 1, 0, -5, True, 336.5, "336", None])
def test_a_size_that_no_model_has_is_not_believed(size: Any) -> None:
    assert fit_of(projector(image_size=size)) == Fit(((336, 336),))


@pytest.mark.parametrize("grids", [[10**30, 672, 336, 672], ["a", 672, 336, 672], [1, 1, 336, 672]])
def test_of_grids_only_the_possible_ones_are_believed(grids: list[Any]) -> None:
    assert fit_of({"projector_info": {PINPOINTS: grids}}) == Fit(((336, 672),))


def test_a_hundred_thousand_grids_are_not_tried() -> None:
    assert len(fit_of({"projector_info": {PINPOINTS: [336, 672] * 100_000}}).boxes) == 100


@pytest.mark.parametrize("tokens", [0, -1, 1, True, 10**30])
def test_a_context_that_no_model_has_is_not_believed(tokens: Any) -> None:
    shown = {"model_info": {"llama.context_length": tokens}}
    known = facts("m", {}, shown, version="0", num_ctx=4096, max_side=0)
    assert known.context_tokens == 4096
