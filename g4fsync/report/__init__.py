"""Answers as documents: safe HTML from markdown, values as JSON, a page of several answers."""
