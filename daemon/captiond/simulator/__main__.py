"""`python -m captiond.simulator`: prints its address as the first line and runs until it is told to stop."""

import argparse
import asyncio
import contextlib
import ipaddress
import os
import signal
import sys
from collections.abc import Sequence

from .faults import KINDS, Fault
from .server import Simulator
from .settings import STANDARD_MODELS, SimulatorSettings


def _loopback(host: str) -> str:
    if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
        raise argparse.ArgumentTypeError("the simulator listens on the loopback interface only")
    return host


def _parser() -> argparse.ArgumentParser:
    usual = SimulatorSettings()
    parser = argparse.ArgumentParser(
        prog="captiond.simulator",
        description="An Ollama server without a model.",
        epilog=f"Faults: {', '.join(sorted(KINDS))}.",
    )
    parser.add_argument("--host", type=_loopback, default=usual.host)
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--generation", choices=("0.33", "0.24"), default=usual.generation)
    parser.add_argument("--version", default=None, help="what /api/version says")
    parser.add_argument("--slots", type=int, default=usual.slots, help="OLLAMA_NUM_PARALLEL")
    parser.add_argument("--max-loaded", type=int, default=usual.max_loaded, help="OLLAMA_MAX_LOADED_MODELS")
    parser.add_argument("--max-queue", type=int, default=usual.max_queue, help="OLLAMA_MAX_QUEUE")
    parser.add_argument(
        "--time-scale", type=float, default=0.0, help="1: as slow as an RTX 4090; 0: no waiting"
    )
    parser.add_argument("--model", action="append", help="an installed model; may be given several times")
    parser.add_argument("--missing-model", action="store_true", help="nothing is installed")
    parser.add_argument("--projector", choices=("fixed", "anyres"), default=None)
    parser.add_argument("--no-webp", action="store_true", help="as before 0.32.14: WebP is refused")
    parser.add_argument("--repeat-error", action="store_true", help="repetition ends in an error")
    parser.add_argument("--registry", choices=("open", "offline", "empty"), default=usual.registry)
    parser.add_argument("--gpu", choices=("gpu", "partial", "cpu"), default=usual.gpu)
    parser.add_argument(
        "--fault", action="append", type=Fault.from_text, default=[], help="kind[:field=value,...]"
    )
    parser.add_argument("--stop-with-stdin", action="store_true", help="stop when standard input ends")
    return parser


def settings_from(arguments: Sequence[str] | None = None) -> tuple[SimulatorSettings, bool]:
    """Read the command line: the settings, and whether to stop with standard input."""
    given = _parser().parse_args(arguments)
    models = () if given.missing_model else tuple(given.model or STANDARD_MODELS)
    settings = SimulatorSettings(
        host=given.host,
        port=given.port,
        generation=given.generation,
        version=given.version or f"{given.generation}.0-simulated",
        slots=given.slots,
        max_queue=given.max_queue,
        max_loaded=given.max_loaded,
        models=models,
        projector=given.projector,
        registry=given.registry,
        gpu=given.gpu,
        time_scale=given.time_scale,
        webp=not given.no_webp,
        repeat_error=given.repeat_error,
        faults=tuple(given.fault),
    )
    return settings, given.stop_with_stdin


async def run(settings: SimulatorSettings, *, stop_with_stdin: bool) -> None:
    """Serve until SIGTERM, SIGINT or, where wanted, the end of standard input."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    if stop_with_stdin:
        loop.add_reader(sys.stdin.fileno(), _stop_at_end, stopped)
    async with Simulator(settings) as simulator:
        sys.stdout.write(f"{simulator.url}\n")
        sys.stdout.flush()
        await stopped.wait()


def _stop_at_end(stopped: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 1024):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        stopped.set()


if __name__ == "__main__":
    chosen, with_stdin = settings_from()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run(chosen, stop_with_stdin=with_stdin))
