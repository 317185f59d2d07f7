"""Measuring chunked files: what is measured, on what, and against what."""
