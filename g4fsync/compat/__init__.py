"""Other libraries' shapes: programs written for them run here after one changed import.

``g4fsync.compat.openai`` stands for ``openai``, ``g4fsync.compat.g4f`` for ``g4f``; what is
covered is answered as there, what is not is refused by name, never ignored.  Behind both
stands a :class:`~g4fsync.client.Client`, with its clocks, its cancellation and its rule that
an answer that was cut short is an error.
"""
