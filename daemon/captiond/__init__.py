"""captiond: a folder that reads your photos.

Read model.py, errors.py, pipeline.py, service.py; then the folder of the outside world that interests you.
ARCHITECTURE.md has the map.
"""

__version__ = "0.1.0"
