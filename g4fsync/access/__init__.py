"""What a user gave to reach a provider: URLs, keys, cookies, a proxy."""
