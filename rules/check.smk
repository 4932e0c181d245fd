# Before anything waits for a GPU: what a cell's model, task and method would do is tried on the CPU.


# All methods of a model and task in one job, since starting the libraries takes longer than a trial.
# A method that does not fit does not fail it; its own `check_cell` does, with the reason.
rule try_cells:
    input:
        model="resources/models/{model}",
        encoded=encoded_task,
    output:
        "results/trials/{model}/{task}.json",
    params:
        code=code_digest("try_cells"),
        cells=tried_cells,
    log:
        "results/logs/try_cells/{model}/{task}.log",
    resources:
        mem_mb=4000,  # 20 bytes a weight: 200 million weights; of a larger model, two blocks
        runtime="30m",
    conda:
        "../envs/tunegrid.yaml"
    shell:
        'python "$TUNEGRID"/scripts/try_cells.py --cells {params.cells:q} --model {input.model}'
        " --encoded {input.encoded} --memory {resources.mem_mb} --output {output} > {log} 2>&1"


rule check_cell:
    input:
        "results/trials/{model}/{task}.json",
    output:
        "results/checks/{model}/{task}/{method}.json",
    params:
        code=code_digest("check_cell"),
    log:
        "results/logs/check_cell/{model}/{task}/{method}.log",
    localrule: True
    conda:
        "../envs/tunegrid.yaml"
    shell:
        'python "$TUNEGRID"/scripts/check_cell.py --trials {input} --method {wildcards.method}'
        " --output {output} > {log} 2>&1"
