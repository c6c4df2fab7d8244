"""An Ollama server without a model, for the demo, the tests and the benchmark.

It speaks the wire protocol of both generations as recorded (`tests/recordings`), looks at the pixels it is
sent and says honestly what little it can see. Nothing here knows the rest of captiond.
"""

from .faults import Fault
from .server import Simulator, running_in_thread
from .settings import Profile, SimulatorSettings
from .strip import draw_strip, read_strip

__all__ = [
    "Fault",
    "Profile",
    "Simulator",
    "SimulatorSettings",
    "draw_strip",
    "read_strip",
    "running_in_thread",
]
