# What readers see: tables, workbook and figures, each marked for the report.


rule write_tables:
    input:
        runs="results/runs.parquet",
        summary="results/summary.parquet",
        cards=CARDS,
        comparisons="results/comparisons.parquet",
        saving="results/tables/memory_saving.csv",
    output:
        expand(
            "results/tables/{table}.{suffix}",
            table=GRID_TABLES,
            suffix=["md", "csv"],
        ),
        *[
            report(
                f"results/tables/{table}.html",
                caption="captions/tables.rst",
                category=CATEGORY.get(table, "Tables"),
                labels={"table": table},
            )
            for table in GRID_TABLES
        ],
    log:
        "results/logs/write_tables.log",
    localrule: True
    conda:
        "../envs/tunegrid.yaml"
    params:
        code=code_digest("write_tables"),
    shell:
        'python "$TUNEGRID"/scripts/write_tables.py --runs {input.runs} --summary {input.summary}'
        " --cards {input.cards:q} --comparisons {input.comparisons} --saving {input.saving}"
        " --output results/tables > {log} 2>&1"


rule write_workbook:
    input:
        runs="results/runs.parquet",
        summary="results/summary.parquet",
        memory="results/tables/memory.csv",
        data="results/tables/data.csv",
        comparisons="results/comparisons.parquet",
    output:
        report(
            "results/results.xlsx",
            caption="captions/workbook.rst",
            category="Tables",
            labels={"table": "workbook (.xlsx)"},
        ),
    log:
        "results/logs/write_workbook.log",
    localrule: True
    conda:
        "../envs/tunegrid.yaml"
    params:
        code=code_digest("write_workbook"),
    shell:
        'python "$TUNEGRID"/scripts/write_workbook.py --runs {input.runs} --summary {input.summary}'
        " --memory {input.memory} --data {input.data} --comparisons {input.comparisons}"
        " --output {output} > {log} 2>&1"


rule plot_bars:
    input:
        "results/summary.parquet",
    output:
        png=report(
            "results/figures/bars_{metric}.png",
            caption="captions/bars.rst",
            category="Quality",
            labels={"shows": "mean and spread", "metric": "{metric}"},
        ),
        svg="results/figures/bars_{metric}.svg",
    log:
        "results/logs/plot_bars/{metric}.log",
    localrule: True
    conda:
        "../envs/tunegrid.yaml"
    params:
        code=code_digest("plot_bars"),
        error_bar=PROJECT.config.figures.error_bar,
        dpi=PROJECT.config.figures.dpi,
    shell:
        'python "$TUNEGRID"/scripts/plot_bars.py --summary {input} --metric {wildcards.metric}'
        " --error-bar {params.error_bar} --dpi {params.dpi} --output {output} > {log} 2>&1"


rule plot_methods:
    input:
        runs="results/runs.parquet",
        summary="results/summary.parquet",
    output:
        png=report(
            "results/figures/methods.png",
            caption="captions/methods.rst",
            category="Quality",
            labels={"shows": "methods compared", "metric": "accuracy, macro_f1"},
        ),
        svg="results/figures/methods.svg",
    log:
        "results/logs/plot_methods.log",
    localrule: True
    conda:
        "../envs/tunegrid.yaml"
    params:
        code=code_digest("plot_methods"),
        error_bar=PROJECT.config.figures.error_bar,
        dpi=PROJECT.config.figures.dpi,
    shell:
        'python "$TUNEGRID"/scripts/plot_methods.py --runs {input.runs} --summary {input.summary}'
        " --error-bar {params.error_bar} --dpi {params.dpi} --output {output} > {log} 2>&1"


rule plot_curves:
    input:
        history="results/history.parquet",
        runs="results/runs.parquet",
    output:
        png=report(
            "results/figures/curves_{task}.png",
            caption="captions/curves.rst",
            category="Training curves",
            labels={"task": "{task}"},
        ),
        svg="results/figures/curves_{task}.svg",
    log:
        "results/logs/plot_curves/{task}.log",
    localrule: True
    conda:
        "../envs/tunegrid.yaml"
    params:
        code=code_digest("plot_curves"),
        dpi=PROJECT.config.figures.dpi,
    shell:
        'python "$TUNEGRID"/scripts/plot_curves.py --history {input.history} --runs {input.runs}'
        " --task {wildcards.task} --dpi {params.dpi} --output {output} > {log} 2>&1"
