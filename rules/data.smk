# Models and tasks, brought in once (fetch_*, on the host that has the network) and encoded once.


rule fetch_model:
    input:
        model_sources,
    output:
        directory("resources/models/{model}"),
    params:
        code=code_of("fetch_model"),
        entry=model_entry,
    log:
        "<results>/logs/fetch_model/{model}.log",
    localrule: True
    conda:
        "../envs/tunegrid.yaml"
    shell:
        'python "$TUNEGRID"/scripts/fetch_model.py --name {wildcards.model} --entry {params.entry:q}'
        " --output {output} > {log} 2>&1"


rule fetch_task:
    input:
        task_sources,
    output:
        directory("resources/tasks/{source}"),
    params:
        code=task_code,
        entry=task_entry,
        root=data_root_argument,
    log:
        "<results>/logs/fetch_task/{source}.log",
    localrule: True
    conda:
        "../envs/tunegrid.yaml"
    shell:
        'python "$TUNEGRID"/scripts/fetch_task.py --name {wildcards.source} --entry {params.entry:q}'
        " {params.root:q} --output {output} > {log} 2>&1"


# A task of the grid is one of those, its few-shot version, or several as one. Encoded once for every
# method and seed, and for models with the same tokenizer.
rule encode_task:
    input:
        task=task_folders,
        model="resources/models/{tokenizer}",
    output:
        directory("<results>/encoded/{tokenizer}/{task}"),
    params:
        code=code_of("encode_task"),
        settings=task_settings,
    log:
        "<results>/logs/encode_task/{tokenizer}/{task}.log",
    resources:
        mem="4GB",  # imports 0.6 GB; the rest for a corpus some 100 times the report's
        runtime="30m",
    conda:
        "../envs/tunegrid.yaml"
    shell:
        'python "$TUNEGRID"/scripts/encode_task.py --task {input.task} --model {input.model}'
        " --settings {params.settings:q} --output {output} > {log} 2>&1"


# The data card: what the task's splits hold, and what is wrong with them. Also of a task that the
# grid does not train, such as one whose target is not trained yet.
rule check_task:
    input:
        task=task_folders,
        encoded=encodings_of,
    output:
        json="<results>/cards/{task}.json",
        markdown="<results>/cards/{task}.md",
        html=report(
            "<results>/cards/{task}.html",
            caption="captions/cards.rst",
            category="Data",
            labels={"table": "card of {task}"},
        ),
    params:
        code=code_of("check_task"),
        settings=task_settings,
        title=task_title,
        seeds=few_shot_seeds,
        metrics=lambda wildcards: task_metrics_json(CARD_TASKS[wildcards.task].source()),
        tuned="--tuned" if TUNE else "",
    log:
        "<results>/logs/check_task/{task}.log",
    wildcard_constraints:
        task="|".join(map(re.escape, CARD_TASKS)),
    localrule: True
    conda:
        "../envs/tunegrid.yaml"
    shell:
        'python "$TUNEGRID"/scripts/check_task.py --name {wildcards.task:q} --title {params.title:q}'
        " --task {input.task:q} --settings {params.settings:q} --encoded {input.encoded:q}"
        " {params.seeds:q} --metrics {params.metrics:q} {params.tuned} --output {output.json:q}"
        " > {log} 2>&1"
