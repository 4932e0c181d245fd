# One rule trains every cell: model, task, method and seed are data.


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
    params:
        code=code_digest("train"),
        settings=cell_settings,
        output=subpath(output.metrics, parent=True),
    shell:
        'python "$TUNEGRID"/scripts/train.py --settings {params.settings:q} --model {input.model}'
        " --encoded {input.encoded} --output {params.output}"
        " --checkpoints results/.checkpoints > {log} 2>&1"
