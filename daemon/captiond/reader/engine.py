"""Finds and reads lines of text in a picture; the only file that knows RapidOCR.

Its wheel carries the models. They are named by their paths, so that nothing is ever fetched.
"""

import hashlib
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
from rapidocr import RapidOCR
from rapidocr.inference_engine.onnxruntime.main import ONNXRuntimeError
from rapidocr.utils.output import RapidOCROutput

from .lines import Line

FINDER = "PP-OCRv6_det_small.onnx"
READER = "PP-OCRv6_rec_small.onnx"

_FINDING_SIDE_PIXELS = 1280
"""Text is found in a picture of this size, and read from the whole: letters grow too large for its finder."""
_SIDE_PIXELS = 2000
_BLACK = (0, 0, 0)


class CannotRead(Exception):
    """The engine failed on a picture; its text is one sentence for a person."""


@dataclass(frozen=True, slots=True)
class Made:
    """What the engine is made of: its version, that of its runtime, and a digest over its models."""

    engine: str
    runtime: str
    digest: str


class Engine:
    """The engine with its models in memory, on one thread; raises OSError where a model is not there."""

    def __init__(self) -> None:
        cv2.setNumThreads(1)
        models = Path(str(files("rapidocr"))) / "models"
        self.made = Made(
            engine=f"rapidocr {version('rapidocr')}",
            runtime=f"onnxruntime {version('onnxruntime')}",
            digest=_digest(models / FINDER, models / READER),
        )
        self._engine = RapidOCR(
            params={
                "Global.log_level": "critical",
                "Global.max_side_len": _SIDE_PIXELS,
                "Global.text_score": 0.0,
                # It turns tilted lines upside down more often than it helps: pictures are upright here.
                "Global.use_cls": False,
                "Det.model_path": str(models / FINDER),
                "Det.limit_type": "max",
                "Det.limit_side_len": _FINDING_SIDE_PIXELS,
                "Det.thresh": 0.2,
                "Det.box_thresh": 0.45,
                "Rec.model_path": str(models / READER),
                # A page of long lines, six at a time, needs more memory than the cage has.
                "Rec.rec_batch_num": 1,
                "EngineConfig.onnxruntime.intra_op_num_threads": 1,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )

    def warm_up(self) -> None:
        """Load what is loaded late; whether the engine can read is known afterwards."""
        picture = np.full((100, 400, 3), 255, np.uint8)
        cv2.putText(picture, "captiond", (20, 70), cv2.FONT_HERSHEY_SIMPLEX, 2, _BLACK, 3)
        encoded, jpeg = cv2.imencode(".jpg", picture)
        if not encoded or not self.read(jpeg.tobytes()):
            raise CannotRead("the engine does not read its test picture")

    def read(self, jpeg: bytes) -> list[Line]:
        """Find and read the lines of an upright JPEG, in no order; raises CannotRead."""
        try:
            picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
            if picture is None:
                raise CannotRead("the picture does not decode")
            found = self._engine(picture)
        except ONNXRuntimeError:
            raise CannotRead("it holds more text than the reader has memory for") from None
        except (cv2.error, ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
            raise CannotRead(f"{type(error).__name__}: {error}") from error
        if not isinstance(found, RapidOCROutput) or found.boxes is None:
            return []
        return [
            Line(text, float(score), tuple((float(x), float(y)) for x, y in box))
            for box, text, score in zip(found.boxes, found.txts or (), found.scores or (), strict=True)
        ]


def _digest(*models: Path) -> str:
    """Name these models together: one SHA-256 over the bytes of all."""
    digest = hashlib.sha256()
    for model in models:
        digest.update(model.read_bytes())
    return digest.hexdigest()
