# The memory analysis: predicted without a GPU, measured by a few steps; a paper's counted again.

from tunegrid.memory.gpu_choice import choose_gpus

PREDICTED = expand("<results>/memory/predicted/{model}.json", model=MODELS)
MEASURED = expand("<results>/memory/measured/{model}.json", model=MODELS)

# The GPUs decide what fits. They are told as a parameter: as an input, the file would predict all
# again in another checkout of the same workflow.
try:
    GPUS = canonical_json(choose_gpus(PROJECT.config.memory.gpus, key="memory.gpus"))
except UserError as error:
    print(error.report(), file=sys.stderr)
    sys.exit(1)


rule predict_memory:
    input:
        "resources/models/{model}",
    output:
        "<results>/memory/predicted/{model}.json",
    params:
        code=code_of("predict_memory"),
        gpus=GPUS,
        gpu_options=[part for gpu in PROJECT.config.memory.gpus for part in ("--gpu", gpu)],
        cases=model_cases,
    log:
        "<results>/logs/predict_memory/{model}.log",
    localrule: True
    conda:
        "../envs/tunegrid.yaml"
    shell:
        'python "$TUNEGRID"/scripts/predict_memory.py --model {input} --cases @/dev/stdin'
        " {params.gpu_options:q} --output {output} <<< {params.cases:q} > {log} 2>&1"


# On the device that cells train on; on a cluster a job with a GPU.
rule measure_memory:
    input:
        "resources/models/{model}",
    output:
        "<results>/memory/measured/{model}.json",
    params:
        code=code_of("measure_memory"),
        cases=model_cases,
    log:
        "<results>/logs/measure_memory/{model}.log",
    resources:
        mem_mb=12000,  # a base-size model with its optimizer's state, and its activations on a CPU
        runtime="30m",
        gpu=1,
    conda:
        "../envs/tunegrid.yaml"
    shell:
        'python "$TUNEGRID"/scripts/measure_memory.py --model {input} --cases @/dev/stdin'
        " --output {output} <<< {params.cases:q} > {log} 2>&1"


rule write_memory:
    input:
        predicted=PREDICTED,
        measured=MEASURED,
    output:
        expand("<results>/tables/{table}.{suffix}", table=MEMORY_TABLES, suffix=TABLE_FILES),
        *[
            report(
                f"<results>/tables/{table}.html",
                caption="captions/tables.rst",
                category="Memory",
                labels={"table": table},
            )
            for table in MEMORY_TABLES
        ],
    params:
        code=code_of("write_memory"),
        results=results_folder,
    log:
        "<results>/logs/write_memory.log",
    localrule: True
    conda:
        "../envs/tunegrid.yaml"
    shell:
        'python "$TUNEGRID"/scripts/write_memory.py --predicted {input.predicted}'
        " --measured {input.measured} --output {params.results}/tables > {log} 2>&1"


rule plot_memory:
    input:
        "<results>/memory/predicted/{model}.json",
    output:
        png=report(
            "<results>/figures/memory_{model}.png",
            caption="captions/memory.rst",
            category="Memory",
            labels={"shows": "of what, and how it grows", "model": "{model}"},
        ),
        svg="<results>/figures/memory_{model}.svg",
        pdf="<results>/figures/memory_{model}.pdf",
    params:
        code=code_of("plot_memory"),
        dpi=PROJECT.config.figures.dpi,
    log:
        "<results>/logs/plot_memory/{model}.log",
    localrule: True
    conda:
        "../envs/tunegrid.yaml"
    shell:
        'python "$TUNEGRID"/scripts/plot_memory.py --predicted {input} --dpi {params.dpi}'
        " --output {output} > {log} 2>&1"


if PAPER_WITH_MEMORY:

    # A minute of one core, once: nothing but the paper's set-up and the code decides it.
    rule recount_memory:
        output:
            "<results>/memory/recounted.json",
        params:
            code=code_of("recount_memory"),
            setup=recount_setup(),
        log:
            "<results>/logs/recount_memory.log",
        threads: 4
        localrule: True
        conda:
            "../envs/tunegrid.yaml"
        shell:
            'python "$TUNEGRID"/scripts/recount_memory.py --setup {params.setup:q}'
            " --processes {threads} --output {output} > {log} 2>&1"

    rule write_memory_example:
        input:
            "<results>/memory/recounted.json",
        output:
            expand(
                "<results>/tables/{table}.{suffix}",
                table=MEMORY_EXAMPLE_TABLES,
                suffix=TABLE_FILES,
            ),
            *[
                report(
                    f"<results>/tables/{table}.html",
                    caption="captions/tables.rst",
                    category="Memory",
                    labels={"table": table},
                )
                for table in MEMORY_EXAMPLE_TABLES
            ],
        params:
            code=code_of("write_memory_example"),
            results=results_folder,
            paper=PAPER_WITH_MEMORY.given,
            content=memory_example_content(),
        log:
            "<results>/logs/write_memory_example.log",
        localrule: True
        conda:
            "../envs/tunegrid.yaml"
        shell:
            'python "$TUNEGRID"/scripts/write_memory_example.py --paper {params.paper:q}'
            " --recounted {input} --output {params.results}/tables > {log} 2>&1"
