"""Bad photo or bad server? Judged by which questions failed lately while the test picture was answered."""

from collections import Counter, deque
from dataclasses import dataclass

from .backend import Question

SUSPICIOUS_TRIALS = 10
"""Two photos that fail in so many questions, while the canary sings, mean that the server fails at random."""
PROVING_TRIALS = 30
"""For so many questions it is remembered that the server was proved to fail at random."""
RETRIES_IN_PLACE = 5
"""What a photo is given for free on a server that fails at random, before it is charged."""
MOST_PHOTOS_KEPT = 1000


@dataclass(slots=True)
class Trial:
    """One question about a photo: how often the server failed on it, and whether it answered in the end."""

    photo: int
    question: int
    stumbles: int = 0
    answered: bool = False


class Suspects:
    """Which photos failed lately on a server that works otherwise."""

    def __init__(self) -> None:
        self._recent: deque[Trial] = deque(maxlen=PROVING_TRIALS)
        self._granted: Counter[int] = Counter()

    @property
    def server_is_flaky(self) -> bool:
        """Whether it seems that the server fails at random, and no photo is to blame."""
        latest = list(self._recent)[-SUSPICIOUS_TRIALS:]
        return self._is_proven or len({trial.photo for trial in latest if trial.stumbles}) > 1

    @property
    def _is_proven(self) -> bool:
        # A bad photo does not get better: a question that failed and was answered later proves the case.
        return any(trial.stumbles and trial.answered for trial in self._recent)

    def trial_of(self, question: Question) -> Trial:
        """Begin a question."""
        trial = Trial(hash(question.image or question.text), hash((question.image, question.text)))
        self._recent.append(trial)
        return trial

    def acquit(self, trial: Trial) -> None:
        """The question was answered, and so were the earlier trials of it."""
        for one in self._recent:
            one.answered |= one.question == trial.question
        self._granted.pop(trial.photo, None)

    def grant_retry(self, trial: Trial) -> bool:
        """Say whether it is asked again for free: 5 times for each question, without proof for each photo."""
        if len(self._granted) > MOST_PHOTOS_KEPT:
            self._granted.clear()
        had = trial.stumbles - 1 if self._is_proven else self._granted[trial.photo]
        self._granted[trial.photo] += 1
        return had < RETRIES_IN_PLACE
