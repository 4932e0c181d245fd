"""Running on a Slurm cluster.

- `slurm` runs Slurm's commands and reads what they print.
- `job_resources` says how much memory and time a training job asks for.
- `job_requests` says what jobs ask for and whether a node could give it; `trial_submission` asks
  Slurm whether it would take them; `request_checks` does both before anything is submitted.
- `patient_submission` stands before `sbatch` and waits where Slurm takes no job for now;
  `submission_answers` says when that is, `waiting_submissions` is the head process' side of it.
- `silent_failures` writes into a job's log why it has not begun.
- `attempts` records how often a run was tried and why each attempt ended.
- `head_process` prepares Snakemake's own process; `job_watch` looks after its jobs meanwhile.
"""
