"""Where a grid stands: what is done, runs, waits and has failed, and what to do about it."""
