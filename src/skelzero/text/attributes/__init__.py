"""Structured semantics: what the body does, as graded attributes, written or read from words."""
