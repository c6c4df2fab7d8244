"""`python -m captiond` is `captiond`."""

from captiond.cli import main

main()
