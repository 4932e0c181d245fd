# Each method's settings by its score on dev: candidates are trained, and the best is chosen.
# `tuning.smk` says which; without `tune` in the configuration no cell asks for any of these files.


# What tuning sees of a task: train, and dev in the place of test.
rule hide_test:
    input:
        "<results>/encoded/{tokenizer}/{task}",
    output:
        directory("<results>/tuning/data/{tokenizer}/{task}"),
    params:
        code=code_of("hide_test"),
    log:
        "<results>/logs/hide_test/{tokenizer}/{task}.log",
    localrule: True
    conda:
        "../envs/tunegrid.yaml"
    shell:
        'python "$TUNEGRID"/scripts/hide_test.py --encoded {input} --output {output} > {log} 2>&1'


# A run of a candidate is a run like any other, on other data. With `halving` a pack trains all
# candidates of a method, round by round.
use rule train as tune with:
    input:
        model="resources/models/{model}",
        encoded=tuning_data,
        check=CHECK,
        choice=[],
        pack=pack_of_cell if TUNING_PACKED else [],
    output:
        history=f"{TUNING_RUN}/history.csv",
        evaluations=f"{TUNING_RUN}/evaluations.parquet",
        predictions=f"{TUNING_RUN}/predictions.parquet",
        provenance=f"{TUNING_RUN}/provenance.json",
        training=f"{TUNING_RUN}/training.json",
    log:
        f"<results>/logs/tune/{TUNING_PATH}.log",
    benchmark:
        f"<results>/benchmarks/tune/{TUNING_PATH}.tsv"
    localrule: TUNING_PACKED


use rule train_pack as tune_pack with:
    input:
        model="resources/models/{model}",
        encoded=tuning_data,
        trials=trials_of_pack,
        choices=[],
    output:
        "<results>/tuning/packs/{model}/{task}/{tuning_pack}.json",
    params:
        runs=f"{RESULTS}/tuning/runs",
        logs=f"{RESULTS}/logs/tune_pack",
        run_attempts=f"{RESULTS}/.attempts/tuning",
        halving=halving_argument,
    log:
        "<results>/logs/tune_pack/{model}/{task}/{tuning_pack}.log",
    benchmark:
        "<results>/benchmarks/tune_pack/{model}/{task}/{tuning_pack}.tsv"


# The choice stands alone in its file: runs are trained again where it changes, and not where a score
# does.
rule choose_settings:
    input:
        runs=tuning_runs,
    output:
        choice=f"{RESULTS}/{CHOICE_PATH}",
        scores="<results>/tuning/scores/{model}/{task}/{method}.json",
    params:
        code=code_of("choose_settings"),
        results=results_folder,
        candidates=tuning_candidates,
        metric=tuning_metric,
    log:
        "<results>/logs/choose_settings/{model}/{task}/{method}.log",
    localrule: True
    conda:
        "../envs/tunegrid.yaml"
    shell:
        'python "$TUNEGRID"/scripts/choose_settings.py --candidates @/dev/stdin'
        " --runs {params.results}/tuning/runs --metric {params.metric}"
        " --choice {output.choice} --scores {output.scores} <<< {params.candidates:q} > {log} 2>&1"


# Every run of every candidate in one table, of which tables and figures are made.
rule collect_tuning:
    input:
        all_tuning_scores,
    output:
        parquet="<results>/tuning.parquet",
        csv="<results>/tuning.csv",
    params:
        code=code_of("collect_tuning"),
        results=results_folder,
        groups=lambda wildcards: canonical_json(tuned_groups(wildcards)),
    log:
        "<results>/logs/collect_tuning.log",
    localrule: True
    conda:
        "../envs/tunegrid.yaml"
    shell:
        'python "$TUNEGRID"/scripts/collect_tuning.py --groups @/dev/stdin'
        " --scores {params.results}/tuning/scores --parquet {output.parquet} --csv {output.csv}"
        " <<< {params.groups:q} > {log} 2>&1"


use rule plot_figure as plot_rates with:
    input:
        tuning="<results>/tuning.parquet",
    output:
        **figure_files(
            "tuning_rates",
            caption="captions/tuning_rates.rst",
            category="Quality",
            labels={"shows": "tuning: dev score against the learning rate"},
        ),
    params:
        code=code_of("plot_rates"),
        program="plot_rates",
    log:
        "<results>/logs/plot_rates.log",


use rule plot_figure as plot_budget with:
    input:
        tuning="<results>/tuning.parquet",
    output:
        **figure_files(
            "tuning_budget",
            caption="captions/tuning_budget.rst",
            category="Quality",
            labels={"shows": "tuning: dev score against the number of candidates"},
        ),
    params:
        code=code_of("plot_budget"),
        program="plot_budget",
    log:
        "<results>/logs/plot_budget.log",
