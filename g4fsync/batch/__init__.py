"""Many prompts that survive a kill: see ``README.md`` beside this file."""
