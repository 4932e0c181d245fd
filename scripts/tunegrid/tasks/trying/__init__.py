"""From files to the entry that reads them: what `scripts/try_task.py` guesses, tries and prints."""
