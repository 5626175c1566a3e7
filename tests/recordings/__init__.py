"""Answers recorded from real services, read again; see the README beside this file."""
