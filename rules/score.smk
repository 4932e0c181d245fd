# From predictions to metrics: seconds of work that train nothing again. What follows reads the runs,
# too, and waits for them by waiting for this.


rule score:
    input:
        cells="<results>/cells.csv",
        runs=wanted_runs,
    output:
        scores="<results>/scores.parquet",
        evaluations="<results>/evaluations.parquet",
    params:
        code=code_of("score"),
        results=results_folder,
        found=runs_found,
    log:
        "<results>/logs/score.log",
    threads: grid_threads
    localrule: True
    conda:
        "../envs/tunegrid.yaml"
    shell:
        'python "$TUNEGRID"/scripts/score.py --cells {input.cells} --runs {params.results}/runs'
        " --scores {output.scores} --evaluations {output.evaluations} --processes {threads}"
        " > {log} 2>&1"


# The same of one run, for those who ask for one: nothing else needs its file.
rule score_run:
    input:
        training=f"{RUN}/training.json",
        predictions=f"{RUN}/predictions.parquet",
        evaluations=f"{RUN}/evaluations.parquet",
    output:
        f"{RUN}/metrics.json",
    params:
        code=code_of("score"),
        run=subpath(input.training, parent=True),
        test_score=lambda wildcards: cell_of(wildcards).test_score,
        metrics=lambda wildcards: task_metrics_json(cell_of(wildcards).settings.task_source),
    log:
        "<results>/logs/score_run/{model}/{task}/{method}/seed{seed}.log",
    localrule: True
    conda:
        "../envs/tunegrid.yaml"
    shell:
        'python "$TUNEGRID"/scripts/score.py --run {params.run}'
        " --test-score {params.test_score} --task-metrics {params.metrics:q} --output {output} > {log} 2>&1"
