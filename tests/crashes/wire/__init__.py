"""LIVE over a real wire: the bot is a process that is killed, the venue another one that is not."""
