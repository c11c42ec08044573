"""Somebody is told: what is wrong now, said once, said again while it lasts, and when it is over.

    alert.py    what can be wrong, and what one look at the bot found
    watch.py    pure: what a cycle left behind -> what is wrong now
    memory.py   pure: what was told already, and what is due to be told
    teller.py   the thread that tells, beside the cycles
    outside.py  all who watch the bot from outside: people, a supervisor, a watcher by pings

Nothing here decides anything, delays a cycle or is on the tape.
"""
