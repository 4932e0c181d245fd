# Named targets: what a user asks for by one word.


rule runs:
    input:
        of_all_runs("training.json"),
    localrule: True


rule workbook:
    input:
        "results/results.xlsx",
    localrule: True


rule tables:
    input:
        rules.write_tables.output,
        rules.write_first_page.output,
        rules.write_memory.output,
        rules.write_memory_example.output if PAPER_WITH_MEMORY else [],
        rules.compare_published.output if PAPERS else [],
    localrule: True


rule figures:
    input:
        expand("results/figures/forest.{suffix}", suffix=FIGURES),
        expand("results/figures/bars_{metric}.{suffix}", metric=METRICS, suffix=FIGURES),
        expand("results/figures/curves_{task}.{suffix}", task=TASKS, suffix=FIGURES),
        expand("results/figures/confusion_{task}.{suffix}", task=TASKS, suffix=FIGURES),
        expand("results/figures/methods.{suffix}", suffix=FIGURES),
        expand("results/figures/pareto.{suffix}", suffix=FIGURES),
        expand("results/figures/memory_{model}.{suffix}", model=MODELS, suffix=FIGURES),
    localrule: True


# The memory analysis alone: it needs no training.
rule memory:
    input:
        rules.write_memory.output,
        rules.write_memory_example.output if PAPER_WITH_MEMORY else [],
        expand("results/figures/memory_{model}.{suffix}", model=MODELS, suffix=FIGURES),
    localrule: True


# Those of runs that were given up (a finished run removes its own), the second copies of finished
# runs, so that a run that is forced is trained again, and the record of attempts.
rule clean_checkpoints:
    log:
        "results/logs/clean_checkpoints.log",
    localrule: True
    conda:
        "../envs/tunegrid.yaml"
    shell:
        "rm -rfv results/.checkpoints results/.finished results/.attempts > {log} 2>&1"
