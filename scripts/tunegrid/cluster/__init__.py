"""Running on a Slurm cluster.

- `slurm` runs Slurm's commands and reads what they print.
- `job_resources` says how much memory and time a training job asks for.
- `job_requests` checks, before anything is submitted, that every job could start.
- `patient_submission` stands before `sbatch` and waits where Slurm takes no job for now;
  `submission_answers` says when that is, `waiting_submissions` is the head process' side of it.
- `attempts` records how often a run was tried and why each attempt ended.
- `head_process` prepares Snakemake's own process; `job_watch` looks after its jobs meanwhile.
"""
