"""Is everything in place? Each file here looks at one world and gives findings, for `captiond doctor`.

To add a check: a function that gives findings, and a line in `cli/examining.py`.
"""
