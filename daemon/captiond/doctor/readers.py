"""The embedded reader looked at: does it start, and does it read its test picture?"""

from captiond.errors import CaptiondError
from captiond.reader.reading import Reader

from .finding import Finding, Level


async def reader_finding(reader: Reader) -> Finding:
    """Start the reader, which reads a picture of its own then, and end it."""
    try:
        identity = await reader.start()
    except CaptiondError as trouble:
        return Finding(Level.FAIL, "reader", str(trouble))
    finally:
        await reader.close()
    return Finding(
        Level.OK, "reader", f"The reader works: {identity.name}, with the models of {identity.family}."
    )
