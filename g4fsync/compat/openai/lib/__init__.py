"""Modules below ``openai.lib`` that programs import from."""
