"""What is to be asked: by the photos that there are, and by the settings as they are now."""

from collections.abc import Callable, Sequence

import structlog

from .catalogue import jobs, results
from .catalogue.adopting import adopt
from .catalogue.reconsidering import reconsider, reconsider_all, reconsider_following
from .choices import Choices
from .clock import Clock
from .model import Lease
from .patience import Patience
from .prompts.conditions import following
from .prompts.prompt import Prompt


async def plan(choices: Choices, patience: Patience, clock: Clock, log: structlog.stdlib.BoundLogger) -> None:
    """Queue what no photo has a result of yet, and what other settings had left out.

    With a million photos that takes its time.
    """
    for inbox in choices.inboxes:
        if adopted := await patience.insist(adopt, inbox):
            log.info("files belong to this inbox now", inbox=str(inbox), files=adopted)
    await patience.insist(results.add_prompt_columns, choices.names)
    await patience.insist(jobs.drop_unconfigured, choices.names)
    await patience.insist(jobs.queue_missing, choices.names, fresh=False, now=clock.now())
    again = await patience.insist(reconsider_all, choices.prompts, choices.inboxes, now=clock.now())
    if again:
        log.info("asking what other settings had left out", questions=again)


async def plan_following(
    lease: Lease, answered: Prompt, choices: Choices, patience: Patience, clock: Clock
) -> None:
    """Queue what a photo was not asked because of an earlier answer to this prompt, unless it is due."""
    left = set(following(choices.prompts, answered.name)) - {job.prompt for job in lease.jobs}
    if left:
        await patience.insist(reconsider_following, lease.photo_id, left, now=clock.now())


async def plan_again(
    photo_id: int,
    choices: Callable[[], Choices],
    rules: Sequence[Prompt],
    *,
    patience: Patience,
    clock: Clock,
) -> None:
    """Queue what a photo was just not asked, and is asked where it lies now, or by others than these rules.

    `choices` gives those of the moment: somebody may have changed them since the photo was taken in hand.
    """
    now, prompts = clock.now(), choices().prompts
    await patience.insist(reconsider, [photo_id], prompts, fresh=False, now=now)
    if prompts is not rules:
        await patience.insist(reconsider_all, prompts, choices().inboxes, now=now)
