"""Many answers at once, from the thread mechanism up to a cluster."""
