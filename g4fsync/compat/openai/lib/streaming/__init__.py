"""Modules below ``openai.lib.streaming`` that programs import from."""
