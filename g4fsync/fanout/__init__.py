"""Many answers at once: compare, race, map; one thread mechanism (:mod:`.workers`) for all.

This room knows streams, not clients: it runs whatever :class:`ChatStream` it is given.
"""
