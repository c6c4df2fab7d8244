"""captiond: a folder that reads your photos."""
