"""WHAT OTHER TOOLS READ: one file a document, all made of one pass over the rows, none of them holding any text of a row."""

from tamis.snapshot.emit.beside import documents
from tamis.snapshot.emit.census import Census

__all__ = ["Census", "documents"]
