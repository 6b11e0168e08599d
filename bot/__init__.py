"""The returnee bot."""
