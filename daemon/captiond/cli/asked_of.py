"""Whether a model can be asked now that somebody wants asked, in a sentence."""

from collections.abc import Sequence
from dataclasses import replace

from captiond.choosing import choices_from
from captiond.clock import SystemClock
from captiond.errors import Outage
from captiond.settings import Settings
from captiond.wiring import backend_for


async def why_not(settings: Settings, model: str, prompts: Sequence[str]) -> str | None:
    """Say why no server can ask a model these prompts now; None: one can. Raises BadConfiguration."""
    choices = choices_from(settings, of_model=model)
    asked = tuple(prompt for prompt in choices.prompts if prompt.name in prompts)
    reasons = []
    for url in settings.ollama.url:
        backend = backend_for(url, settings, replace(choices, prompts=asked), SystemClock())
        try:
            lacking = (await backend.inspect()).lacking
        except Outage as outage:
            reasons.append(str(outage))
        else:
            if model not in lacking:
                return None
            reasons.append(lacking[model])
        finally:
            await backend.close()
    return reasons[0]
