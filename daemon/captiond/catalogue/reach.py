"""Which jobs can be asked now, where only some models can: no prompt before the one that it is about."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, FromClause, case, exists, or_

from captiond.model import PromptName
from captiond.prompts.conditions import asked_first
from captiond.prompts.prompt import Prompt

from .tables import jobs


@dataclass(frozen=True, slots=True)
class Reach:
    """What some models can be asked: these `prompts`, and the jobs that want one of these `models`.

    `before` names those that are asked before a prompt. On a photo where one of them is still open, and is
    out of reach, the prompt is so, too: it would only be put back.
    """

    prompts: frozenset[PromptName]
    models: frozenset[str] = frozenset()
    before: Mapping[PromptName, frozenset[PromptName]] = field(default_factory=dict)

    def within(self, statement: Any) -> Any:
        """Let a statement about jobs pass over those that are out of reach."""
        reached = statement.where(self._holds(jobs))
        return reached.where(~self._is_ahead_of_its_source()) if self.before else reached

    def _holds(self, table: FromClause) -> ColumnElement[bool]:
        own = table.c.model
        return case(
            (own.is_(None), table.c.prompt.in_(sorted(self.prompts))), else_=own.in_(sorted(self.models))
        )

    def _is_ahead_of_its_source(self) -> ColumnElement[bool]:
        source = jobs.alias()
        decides = or_(
            *(
                (jobs.c.prompt == name) & source.c.prompt.in_(sorted(first))
                for name, first in self.before.items()
            )
        )
        out_of_reach = (source.c.state != "failed") & ~self._holds(source)
        return exists().where(source.c.photo_id == jobs.c.photo_id, decides, out_of_reach)


def reach_of(models: Collection[str], prompts: Sequence[Prompt], *, main: str) -> Reach:
    """Give what these models can be asked; `main` is the model of prompts that name none."""
    before: dict[PromptName, frozenset[PromptName]] = {}
    for prompt in prompts:  # in asking order: whatever is asked before it was here before
        first = asked_first(prompt)
        before[prompt.name] = frozenset(first.union(*(before.get(name, frozenset()) for name in first)))
    reached = frozenset(prompt.name for prompt in prompts if (prompt.model or main) in models)
    return Reach(reached, frozenset(models), {name: first for name, first in before.items() if first})
