"""What others wrote, run against this package: official SDKs, servers, proxies.

``README.md`` beside this says what is run and how.
"""
