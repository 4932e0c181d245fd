# Models and tasks, brought in once (fetch_*, on the host that has the network) and encoded once.


rule fetch_model:
    input:
        model_sources,
    output:
        directory("resources/models/{model}"),
    log:
        "results/logs/fetch_model/{model}.log",
    localrule: True
    conda:
        "../envs/tunegrid.yaml"
    params:
        code=code_digest("fetch_model"),
        entry=model_entry,
    shell:
        'python "$TUNEGRID"/scripts/fetch_model.py --name {wildcards.model} --entry {params.entry:q}'
        " --output {output} > {log} 2>&1"


rule fetch_task:
    input:
        task_sources,
    output:
        directory("resources/tasks/{task}"),
    log:
        "results/logs/fetch_task/{task}.log",
    localrule: True
    conda:
        "../envs/tunegrid.yaml"
    params:
        code=task_code,
        entry=task_entry,
    shell:
        'python "$TUNEGRID"/scripts/fetch_task.py --name {wildcards.task} --entry {params.entry:q}'
        " --files {input:q} --output {output} > {log} 2>&1"


# Shared by every method and seed of a task, and by models with the same tokenizer.
rule encode_task:
    input:
        task="resources/tasks/{task}",
        model="resources/models/{tokenizer}",
    output:
        directory("results/encoded/{tokenizer}/{task}"),
    log:
        "results/logs/encode_task/{tokenizer}/{task}.log",
    conda:
        "../envs/tunegrid.yaml"
    resources:
        mem="4GB",  # imports 0.6 GB; the rest for a corpus some 100 times the report's
        runtime="30m",
    params:
        code=code_digest("encode_task"),
        settings=task_settings,
    shell:
        'python "$TUNEGRID"/scripts/encode_task.py --task {input.task} --model {input.model}'
        " --settings {params.settings:q} --output {output} > {log} 2>&1"
