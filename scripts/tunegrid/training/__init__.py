"""Training one cell. `finetune.py` is the training; the other modules serve or protect it."""
