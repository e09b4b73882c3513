"""Presidio is imported as tamis imports it, before a test asks for it: by itself it brings transformers along, for 8 seconds."""

from __future__ import annotations

from contextlib import suppress

from tamis.errors import ExtraMissing

with suppress(ExtraMissing):
    import tamis.curate.pii.presidio  # noqa: F401
