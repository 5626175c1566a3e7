"""The fault matrix: every way a far side can misbehave, for every protocol."""
