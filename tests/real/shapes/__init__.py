"""The same calls through other libraries and through the shapes this package has of them."""
