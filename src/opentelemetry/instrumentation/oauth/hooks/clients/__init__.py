"""OAuth libraries: what they know of the exchanges that a transport tells."""
