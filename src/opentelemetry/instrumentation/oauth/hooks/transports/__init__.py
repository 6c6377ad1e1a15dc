"""HTTP libraries: where an exchange is seen, and told."""
