"""Fuzzing: whatever bytes come, only a ``G4FSyncError`` ever comes out.

``python -m tests.fuzz --minutes 10`` runs for long; the suite runs it briefly.
"""
