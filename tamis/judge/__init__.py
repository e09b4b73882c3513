"""Verdicts with error bars: how far judges agree, what they prefer, and what that says of the models."""
