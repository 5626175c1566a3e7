"""How requests reach the world: Protocols in ``base``, the real thing beside it."""
