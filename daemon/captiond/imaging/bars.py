"""What the decode process is held by, in plain values: both sides of the pipe may import them."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bars:
    """The bars of the cage that hold, beside the limits on resources, which every kernel has.

    `landlock_abi` is 0 where there is no Landlock. `gaps` are phrases that say what is not there, and why.
    """

    landlock_abi: int
    seccomp: bool
    gaps: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """Say for a person what holds and what does not."""
        landlock = f"Landlock (version {self.landlock_abi})" if self.landlock_abi else ""
        seccomp = "seccomp" if self.seccomp else ""
        bars = [bar for bar in (landlock, seccomp, "limits on resources") if bar]
        held = f"The decode process is held by {_listed(bars)}"
        return f"{held}; {_listed(self.gaps)}." if self.gaps else f"{held}."


def _listed(parts: Sequence[str]) -> str:
    """Join with commas, and "and" before the last."""
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last
