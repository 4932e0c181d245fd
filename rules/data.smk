# Models and tasks, brought in once (fetch_*, on the host that has the network) and encoded once.


rule fetch_model:
    output:
        directory("resources/models/{model}"),
    log:
        "results/logs/fetch_model/{model}.log",
    localrule: True
    conda:
        "../envs/tunegrid.yaml"
    params:
        script=script("fetch_model"),
        code=code_digest("fetch_model"),
        entry=model_entry,
    shell:
        "python {params.script:q} --name {wildcards.model} --entry {params.entry:q}"
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
        script=script("fetch_task"),
        code=code_digest("fetch_task"),
        entry=task_entry,
        data_root=data_root,
    shell:
        "python {params.script:q} --name {wildcards.task} --entry {params.entry:q}"
        " {params.data_root:q} --output {output} > {log} 2>&1"


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
        script=script("encode_task"),
        code=code_digest("encode_task"),
        settings=task_settings,
    shell:
        "python {params.script:q} --task {input.task} --model {input.model}"
        " --settings {params.settings:q} --output {output} > {log} 2>&1"
