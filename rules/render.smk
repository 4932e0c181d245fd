# What readers see: tables, workbook and figures, each marked for the report.


rule write_tables:
    input:
        runs="results/runs.parquet",
        summary="results/summary.parquet",
        cards=CARDS,
        comparisons="results/comparisons.parquet",
        cost="results/cost.csv",
        memory="results/tables/memory.csv",
        fits="results/tables/memory_fits.csv",
        errors=expand("results/errors/{table}.csv", table=ERRORS),
    output:
        "results/tables/answer.rst",  # the first page of the report
        expand(
            "results/tables/{table}.{suffix}",
            table=GRID_TABLES,
            suffix=["md", "csv"],
        ),
        *[
            report(
                f"results/tables/{table}.html",
                caption="captions/tables.rst",
                category=CATEGORY.get(table, "Quality"),
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
        " --cards {input.cards:q} --comparisons {input.comparisons} --cost {input.cost}"
        " --memory {input.memory} --fits {input.fits} --errors results/errors --output results/tables > {log} 2>&1"


rule write_workbook:
    input:
        runs="results/runs.parquet",
        summary="results/summary.parquet",
        comparisons="results/comparisons.parquet",
        per_class="results/errors/per_class.csv",
        cost="results/cost.csv",
        memory="results/tables/memory.csv",
        cards=CARDS,
        published=PUBLISHED_NUMBERS,
    output:
        report(
            "results/results.xlsx",
            caption="captions/workbook.rst",
            category="Runs",
            labels={"shows": "workbook (.xlsx)"},
        ),
    log:
        "results/logs/write_workbook.log",
    localrule: True
    conda:
        "../envs/tunegrid.yaml"
    params:
        code=code_digest("write_workbook"),
        published=[f"--published {path}" for path in PUBLISHED_NUMBERS],
    shell:
        'python "$TUNEGRID"/scripts/write_workbook.py --runs {input.runs} --summary {input.summary}'
        " --comparisons {input.comparisons} --per-class {input.per_class} --cost {input.cost}"
        " --memory {input.memory} --cards {input.cards:q} {params.published} --output {output}"
        " > {log} 2>&1"


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
        pdf="results/figures/bars_{metric}.pdf",
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
        pdf="results/figures/methods.pdf",
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
            category="Runs",
            labels={"shows": "training curves", "task": "{task}"},
        ),
        svg="results/figures/curves_{task}.svg",
        pdf="results/figures/curves_{task}.pdf",
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


rule plot_confusion:
    input:
        errors="results/errors/confusion.csv",
        summary="results/summary.parquet",
        card="results/cards/{task}.json",
    output:
        png=report(
            "results/figures/confusion_{task}.png",
            caption="captions/confusion.rst",
            category="Quality",
            labels={"shows": "confusion", "task": "{task}"},
        ),
        svg="results/figures/confusion_{task}.svg",
        pdf="results/figures/confusion_{task}.pdf",
    log:
        "results/logs/plot_confusion/{task}.log",
    localrule: True
    conda:
        "../envs/tunegrid.yaml"
    params:
        code=code_digest("plot_confusion"),
        dpi=PROJECT.config.figures.dpi,
    shell:
        'python "$TUNEGRID"/scripts/plot_confusion.py --confusion {input.errors}'
        " --summary {input.summary} --card {input.card} --dpi {params.dpi} --output {output} > {log} 2>&1"


rule plot_pareto:
    input:
        "results/cost.csv",
    output:
        png=report(
            "results/figures/pareto.png",
            caption="captions/pareto.rst",
            category="Cost",
            labels={"shows": "quality against memory and time"},
        ),
        svg="results/figures/pareto.svg",
        pdf="results/figures/pareto.pdf",
    log:
        "results/logs/plot_pareto.log",
    localrule: True
    conda:
        "../envs/tunegrid.yaml"
    params:
        code=code_digest("plot_pareto"),
        dpi=PROJECT.config.figures.dpi,
    shell:
        'python "$TUNEGRID"/scripts/plot_pareto.py --cost {input} --dpi {params.dpi}'
        " --output {output} > {log} 2>&1"
