# One rule trains every cell: model, task, method and seed are data.


# With `train: {pack: N}` the cell's pack has trained it; the run's files are taken from there.
rule train:
    input:
        model="resources/models/{model}",
        encoded=encoded_task,
        check=CHECK,
        choice=choice_of_cell if TUNE else [],
        pack=pack_of_cell if PACKED else [],
    output:
        history=f"{RUN}/history.csv",
        evaluations=f"{RUN}/evaluations.parquet",
        predictions=f"{RUN}/predictions.parquet",
        provenance=f"{RUN}/provenance.json",
        training=f"{RUN}/training.json",  # written last
    params:
        code=of_each_cell(lambda cell: training_code(cell.settings)),
        settings=cell_settings,
        # It stands in `files`, too; but a parameter that asks for `input` makes no run stale.
        keep=of_each_cell(lambda cell: cell.keep),
        files=run_options,
    log:
        "<results>/logs/train/{model}/{task}/{method}/seed{seed}.log",
    benchmark:
        "<results>/benchmarks/train/{model}/{task}/{method}/seed{seed}.tsv"
    resources:
        mem_mb=cell_memory,
        runtime=cell_runtime,
        # Limits nothing on a machine whose profile does not.
        gpu=of_each_cell(lambda cell: cell.settings.train.gpus_per_run),
    # The torch threads of all processes of a cell: they are part of its result's last bits.
    threads: of_each_cell(lambda cell: cell.settings.train.threads * cell.settings.train.gpus_per_run)
    localrule: PACKED
    conda:
        "../envs/tunegrid.yaml"
    shell:
        'python "$TUNEGRID"/scripts/train.py --settings {params.settings:q} {params.files}'
        " --checkpoints results/.checkpoints --finished results/.finished"
        " --memory {resources.mem_mb} --time-limit {resources.runtime}"
        ' ${{TUNEGRID_SCRATCH:+--scratch "$TUNEGRID_SCRATCH"}} > {log} 2>&1'


if PROJECT.config.name:

    # What another configuration has trained with the same settings is taken on this host: no job
    # waits for a GPU. It takes over where there is such a run; where there is none, or where it turns
    # out to be of other data, `train` makes it. Both are the same in all that makes a run stale.
    ruleorder: take_run > train

    use rule train as take_run with:
        input:
            model="resources/models/{model}",
            encoded=encoded_task,
            check=CHECK,
            choice=choice_of_cell if TUNE else [],
            pack=pack_of_cell if PACKED else [],
            finished=finished_elsewhere,
        params:
            files=take_options,
        localrule: True


# Several cells of a model and task in one process: their start-up is paid once. A cell that fails
# does not fail the pack; its own `train` does, with the cell's log. One whose method does not fit is
# left out. The cells come by standard input: one argument of a command has at most 128 kB.
rule train_pack:
    input:
        model="resources/models/{model}",
        encoded=encoded_task,
        trials=trials_of_pack,
        choices=choices_of_pack,
    output:
        "<results>/packs/{model}/{task}/{pack}.json",
    params:
        code=pack_code,
        cells=pack_cells,
        attempts=pack_attempts,
        runs=f"{RESULTS}/runs",
        logs=f"{RESULTS}/logs/train_pack",
        run_attempts=f"{RESULTS}/.attempts",
        halving="",
    log:
        "<results>/logs/train_pack/{model}/{task}/{pack}.log",
    benchmark:
        "<results>/benchmarks/train_pack/{model}/{task}/{pack}.tsv"
    resources:
        mem_mb=pack_memory,
        runtime=pack_runtime,
        gpu=1,
    threads: pack_threads
    conda:
        "../envs/tunegrid.yaml"
    shell:
        'python "$TUNEGRID"/scripts/train_pack.py --cells @/dev/stdin'
        " --model {input.model} --encoded {input.encoded} --trials {input.trials}"
        " --runs {params.runs} --logs {params.logs}"
        " --checkpoints results/.checkpoints --finished results/.finished"
        " --attempts {params.attempts} --run-attempts {params.run_attempts} {params.halving}"
        " --memory {resources.mem_mb} --time-limit {resources.runtime}"
        ' ${{TUNEGRID_SCRATCH:+--scratch "$TUNEGRID_SCRATCH"}}'
        " --output {output} <<< {params.cells:q} > {log} 2>&1"
