"""Why does it not work?  A provider looked at step by step, and the servers on this machine."""
