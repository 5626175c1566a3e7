"""Codecs: byte pieces of any size in, events out.

Nothing here opens, sleeps, logs or knows a provider.  Two laws hold for each:
any cutting of the same bytes gives the same events, and bytes the format does
not allow raise :class:`~g4fsync.errors.ProtocolError`, never another exception.
"""
