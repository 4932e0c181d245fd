# One rule trains every cell: model, task, method and seed are data.


if PROJECT.config.train.pack == 1:

    rule train:
        input:
            model="resources/models/{model}",
            encoded=encoded_task,
        output:
            history=f"{RUN}/history.csv",
            predictions=f"{RUN}/predictions.parquet",
            provenance=f"{RUN}/provenance.json",
            metrics=f"{RUN}/metrics.json",  # written last
        log:
            "results/logs/train/{model}/{task}/{method}/seed{seed}.log",
        benchmark:
            "results/benchmarks/train/{model}/{task}/{method}/seed{seed}.tsv"
        conda:
            "../envs/tunegrid.yaml"
        threads: cell_threads
        resources:
            mem="8GB",  # a base-size encoder with AdamW's state is 2 GB; torch and CUDA another 3
            runtime="4h",  # the report's longest cell (roberta-base, 15 epochs) on one older GPU
            gpu=cell_gpus,  # limits nothing on a machine whose profile does not
        params:
            code=code_digest("train"),
            settings=cell_settings,
            keep=cell_keep,
            output=subpath(output.metrics, parent=True),
        shell:
            'python "$TUNEGRID"/scripts/train.py --settings {params.settings:q}'
            " --model {input.model} --encoded {input.encoded} --output {params.output}"
            " --keep {params.keep} --checkpoints results/.checkpoints --finished results/.finished"
            " --time-limit {resources.runtime} > {log} 2>&1"

else:

    # Several cells of a model and task in one process: their start-up is paid once. A cell that
    # fails does not fail the pack; its own `train` does, with the cell's log.
    rule train_pack:
        input:
            model="resources/models/{model}",
            encoded=encoded_task,
        output:
            "results/packs/{model}/{task}/{pack}.json",
        log:
            "results/logs/train_pack/{model}/{task}/{pack}.log",
        benchmark:
            "results/benchmarks/train_pack/{model}/{task}/{pack}.tsv"
        conda:
            "../envs/tunegrid.yaml"
        threads: pack_threads
        resources:
            mem="8GB",  # of one cell; they come one after the other
            runtime="4h",  # for many short cells; what is not done by then goes on in a retry
            gpu=1,
        params:
            code=code_digest("train_pack"),
            cells=pack_cells,
        shell:
            'python "$TUNEGRID"/scripts/train_pack.py --cells {params.cells:q}'
            " --model {input.model} --encoded {input.encoded} --runs results/runs"
            " --logs results/logs/train_pack --checkpoints results/.checkpoints"
            " --finished results/.finished --time-limit {resources.runtime}"
            " --output {output} > {log} 2>&1"

    # Takes the cell from its pack.
    rule train:
        input:
            model="resources/models/{model}",
            encoded=encoded_task,
            pack=pack_of_cell,
        output:
            history=f"{RUN}/history.csv",
            predictions=f"{RUN}/predictions.parquet",
            provenance=f"{RUN}/provenance.json",
            metrics=f"{RUN}/metrics.json",  # written last
        log:
            "results/logs/train/{model}/{task}/{method}/seed{seed}.log",
        localrule: True
        conda:
            "../envs/tunegrid.yaml"
        params:
            code=code_digest("train"),
            settings=cell_settings,
            keep=cell_keep,
            output=subpath(output.metrics, parent=True),
        shell:
            'python "$TUNEGRID"/scripts/train.py --settings {params.settings:q}'
            " --model {input.model} --encoded {input.encoded} --output {params.output}"
            " --keep {params.keep} --finished results/.finished --pack {input.pack} > {log} 2>&1"
