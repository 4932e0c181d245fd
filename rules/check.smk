# Before anything waits for a GPU: what a cell's model, task and method would do is tried on the CPU.


# Its code is no parameter: a check that was passed stays so, and its runs are not trained again. The
# first of a model and task tries the others, too, since starting the libraries takes longest.
rule try_cell:
    input:
        model="resources/models/{model}",
        encoded=encoded_task,
    output:
        "<results>/trials/{model}/{task}/{method}.json",
    params:
        cell=tried_cell,
        siblings=tried_siblings,
    log:
        "<results>/logs/try_cell/{model}/{task}/{method}.log",
    resources:
        mem_mb=6000,  # 28 bytes a weight: 200 million weights; of a larger model, two blocks
        runtime="30m",
    conda:
        "../envs/tunegrid.yaml"
    shell:
        'python "$TUNEGRID"/scripts/try_cell.py --cell {params.cell:q}'
        " --siblings @/dev/stdin --model {input.model} --encoded {input.encoded}"
        " --store results/.trials --memory {resources.mem_mb} --output {output}"
        " <<< {params.siblings:q} > {log} 2>&1"


# What is wrong does not fail the trial, which a pack waits for, but this.
rule check_cell:
    input:
        "<results>/trials/{model}/{task}/{method}.json",
    output:
        CHECK,
    log:
        "<results>/logs/check_cell/{model}/{task}/{method}.log",
    localrule: True
    conda:
        "../envs/tunegrid.yaml"
    shell:
        'python "$TUNEGRID"/scripts/check_cell.py --trial {input} --output {output} > {log} 2>&1'
