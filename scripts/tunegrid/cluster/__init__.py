"""Running on a Slurm cluster: what a job needs, what became of it, and the head process."""
