"""What the bot promises, tried in earnest: real processes, kill -9, and a network that lies. See docs/promises.md."""
