"""One question to one provider: what is asked, how often it is tried, and what a caller holds."""
