"""What OAuth is."""
