"""The providers; each module is one protocol, importing it costs only that one."""
