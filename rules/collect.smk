# Named targets: what a user asks for by one word.


rule runs:
    input:
        all_runs,
    localrule: True


# Whether every model, task and method of the grid fits: minutes on a CPU, before any training.
rule checks:
    input:
        [f"<results>/checks/{name}.json" for name in TRIED],
    localrule: True


rule workbook:
    input:
        "<results>/results.xlsx",
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
        expand("<results>/figures/forest.{suffix}", suffix=FIGURES),
        expand("<results>/figures/bars_{metric}.{suffix}", metric=GRID_METRICS, suffix=FIGURES),
        expand("<results>/figures/curves_{task}.{suffix}", task=TASKS, suffix=FIGURES),
        expand("<results>/figures/confusion_{task}.{suffix}", task=SINGLE_LABEL, suffix=FIGURES),
        expand("<results>/figures/methods.{suffix}", suffix=FIGURES),
        expand("<results>/figures/pareto.{suffix}", suffix=FIGURES),
        expand("<results>/figures/memory_{model}.{suffix}", model=MODELS, suffix=FIGURES),
        [*rules.plot_rates.output, *rules.plot_budget.output] if TUNE else [],
    localrule: True


# The page of `snakemake --report`, with the configuration of this command. Snakemake makes it itself,
# in this folder, which the job that runs has locked. What it shows is no input of a job in there.
rule report:
    input:
        rules.workbook.input,
        rules.tables.input,
        rules.figures.input,
    output:
        "<results>/report.html",
    params:
        # The page shows the configuration, too.
        config=canonical_json(PROJECT.config.model_dump(mode="json")),
        snapshot=snapshot_file,
    log:
        "<results>/logs/report.log",
    localrule: True
    conda:
        "../envs/tunegrid.yaml"
    shell:
        'python -m snakemake --snakefile "$TUNEGRID"/Snakefile --profile none --nolock'
        " --configfile {params.snapshot:q}"
        ' --report-stylesheet "$TUNEGRID"/rules/captions/report.css'
        " --report {output} > {log} 2>&1"


# The memory analysis alone: it needs no training.
rule memory:
    input:
        rules.write_memory.output,
        rules.write_memory_example.output if PAPER_WITH_MEMORY else [],
        expand("<results>/figures/memory_{model}.{suffix}", model=MODELS, suffix=FIGURES),
    localrule: True


# Those of runs that were given up (a finished run removes its own), the second copies of finished
# runs, so that a run that is forced is trained again, and the record of attempts.
rule clean_checkpoints:
    params:
        results=results_folder,
    log:
        "<results>/logs/clean_checkpoints.log",
    localrule: True
    conda:
        "../envs/tunegrid.yaml"
    shell:
        "rm -rfv results/.checkpoints results/.finished results/.trials {params.results}/.attempts"
        " {params.results}/.tuning > {log} 2>&1"
