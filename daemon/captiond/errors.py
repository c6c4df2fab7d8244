"""What may go wrong, sorted by what the daemon does about it.

CaptiondError
├── Fatal                  stop and say why, with an exit code
│   ├── BadConfiguration     a setting is wrong
│   │   └── WrongPrompt        what a prompt's table says does not fit together
│   ├── NewerCatalogue       made by a later captiond
│   ├── ForeignCatalogue     a file that is not a catalogue of ours
│   ├── CatalogueInUse       another captiond has it
│   └── CatalogueFault       the disk under the catalogue failed
├── Outage                 nothing is wrong with the photo: charge nobody, pause that world, probe
│   ├── ServerAway           the model server does not answer, or is too busy
│   ├── ModelMissing         it answers, but the model is not there or cannot see
│   ├── DiskFull             no room, or read-only
│   ├── CatalogueBusy        another program has the catalogue locked
│   └── InboxGone            the inbox cannot be read
├── TryAgain               this photo, later, a few times
│   ├── UnusableReply        the model's reply is no answer
│   ├── ServerStumbled       the server failed on this request; a canary tells whether on this photo
│   ├── DecoderDied          the decode process died or hung on this photo
│   └── FileChanged          the file is not what it was a moment ago
└── Rejected               never again while the bytes are the same; the reason is kept
    ├── NotAPicture          no picture format that captiond knows
    ├── UnsupportedPicture   a format that is switched off, or needs an extra
    ├── DamagedPicture       it does not decode to the end
    ├── PictureTooLarge      over the limits on pixels or bytes
    └── ServerRefused        the server says that this request can never work
"""

from typing import ClassVar, Self


class CaptiondError(Exception):
    """Everything captiond raises on purpose; its text is one sentence for a person."""


class Fatal(CaptiondError):
    """The daemon cannot go on and stops with `exit_code`."""

    exit_code: ClassVar[int] = 70


class BadConfiguration(Fatal):
    """A setting is wrong or unknown, or the file named is missing."""

    exit_code = 78


class WrongPrompt(BadConfiguration):
    """A prompt's table is wrong, or one `key` in it; `reason` says why, without naming them."""

    def __init__(self, prompt: str, key: str | None, reason: str) -> None:
        place = f"{key!r} of the prompt {prompt!r}" if key else f"The prompt {prompt!r}"
        super().__init__(f"{place} is wrong: {reason}.")
        self.prompt, self.key, self.reason = prompt, key, reason


class NewerCatalogue(Fatal):
    """The catalogue was made by a later version; it is left untouched."""

    exit_code = 78


class ForeignCatalogue(Fatal):
    """The file is no catalogue of captiond's; it is left untouched."""

    exit_code = 78


class CatalogueInUse(Fatal):
    """Another captiond has this catalogue."""

    exit_code = 75


class CatalogueFault(Fatal):
    """Reading or writing the catalogue failed underneath SQLite."""

    exit_code = 74


class Outage(CaptiondError):
    """A world the daemon needs is away; the photo in hand is given back uncharged."""


class ServerAway(Outage):
    """The model server cannot be reached, hangs for everybody, or is too busy."""


class ModelMissing(Outage):
    """The server answers but has not the model, or the model cannot see pictures."""


class DiskFull(Outage):
    """There is no room left, or the file system is read-only."""


class CatalogueBusy(Outage):
    """Another program, such as the `sqlite3` shell, has the catalogue locked."""


class InboxGone(Outage):
    """An inbox is missing, empty where it was not, or unreadable."""


class TryAgain(CaptiondError):
    """Something was wrong with this photo's try; it gets a few more."""


class UnusableReply(TryAgain):
    """The reply failed a check; `raw` is what the model really said.

    `reply` is the whole `model.Reply` as far as it came, with who gave it, where that is known.
    """

    def __init__(self, reason: str, raw: str) -> None:
        super().__init__(reason)
        self.raw = raw
        self.reply: object = None


class ServerStumbled(TryAgain):
    """The server failed on this request; whether the photo is to blame is decided by a canary."""


class DecoderDied(TryAgain):
    """The decode process died, or did not finish in time, on this photo."""


class FileChanged(TryAgain):
    """The file was written, replaced or removed while it was read."""


class Rejected(CaptiondError):
    """This photo will never work as it is; the text is the reason that people read."""


class NotAPicture(Rejected):
    """The bytes are of no picture format that captiond knows."""


class UnsupportedPicture(Rejected):
    """A known picture format that is switched off or needs an extra; `format` names it."""

    def __init__(self, reason: str, image_format: str) -> None:
        super().__init__(reason)
        self.image_format = image_format

    def __reduce__(self) -> tuple[type[Self], tuple[str, str]]:
        """Pickle with both: an exception comes back from another process as it was."""
        return type(self), (str(self), self.image_format)


class DamagedPicture(Rejected):
    """The picture does not decode completely."""


class PictureTooLarge(Rejected):
    """The picture is over a limit on pixels, sides or bytes."""


class ServerRefused(Rejected):
    """The model server says that this request can never work."""
