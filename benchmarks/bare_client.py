"""Asks a server recorded questions as fast as it answers: what the server alone needs, for `throughput.py`.

`python bare_client.py CHAINS URL SLOTS`: CHAINS is a JSON list of chains, each a list of request bodies that
go one after another; so many chains as there are SLOTS are on their way at once.
"""

import http.client
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty, SimpleQueue
from urllib.parse import urlsplit


def _work(chains: "SimpleQueue[Sequence[str]]", address: str) -> None:
    connection = http.client.HTTPConnection(address)
    try:
        while True:
            for body in chains.get_nowait():
                connection.request("POST", "/api/chat", body.encode(), {"Content-Type": "application/json"})
                connection.getresponse().read()
    except Empty:
        connection.close()


def main() -> None:
    """Ask all chains."""
    place, url, slots = sys.argv[1:]
    chains: SimpleQueue[Sequence[str]] = SimpleQueue()
    for chain in json.loads(Path(place).read_text()):
        chains.put(chain)
    with ThreadPoolExecutor(int(slots)) as workers:
        for worker in [workers.submit(_work, chains, urlsplit(url).netloc) for _ in range(int(slots))]:
            worker.result()


if __name__ == "__main__":
    main()
