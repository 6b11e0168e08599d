"""Lets `python -m bot` do what `returnee-bot` does."""

from bot.cli import main

main()
