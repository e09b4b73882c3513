"""Rows from files and frames to the four kinds, and back."""
