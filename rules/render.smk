# What readers see: tables, workbook and figures, each marked for the report.

# What error bars show; the captions say it, too.
ERROR_BAR = PROJECT.config.figures.error_bar


rule write_tables:
    input:
        runs="<results>/runs.parquet",
        summary="<results>/summary.parquet",
        cards=CARDS,
        comparisons="<results>/comparisons.parquet",
        overall="<results>/overall.csv",
        cost="<results>/cost.csv",
        memory="<results>/tables/memory.csv",
        errors=expand("<results>/errors/{table}.csv", table=ERRORS),
        tuning=TUNING_RUNS,
    output:
        expand(
            "<results>/tables/{table}.{suffix}",
            table=GRID_TABLES,
            suffix=TABLE_FILES,
        ),
        *[
            report(
                f"<results>/tables/{table}.html",
                caption="captions/tables.rst",
                category=CATEGORY.get(table, "Quality"),
                labels={"table": table},
            )
            for table in GRID_TABLES
        ],
    params:
        code=code_of("write_tables"),
        results=results_folder,
        tuning=[f"--tuning {path}" for path in TUNING_RUNS],
    log:
        "<results>/logs/write_tables.log",
    localrule: True
    conda:
        "../envs/tunegrid.yaml"
    shell:
        'python "$TUNEGRID"/scripts/write_tables.py --runs {input.runs} --summary {input.summary}'
        " --cards {input.cards:q} --comparisons {input.comparisons} --overall {input.overall}"
        " --cost {input.cost} --memory {input.memory} --errors {params.results}/errors"
        " {params.tuning} --output {params.results}/tables > {log} 2>&1"


# The report shows this page first (captions/workflow.rst), and again in chapter Answer.
rule write_first_page:
    input:
        comparisons="<results>/comparisons.parquet",
        overall="<results>/overall.csv",
        summary="<results>/summary.parquet",
        memory="<results>/tables/memory.csv",
        fits="<results>/tables/memory_fits.csv",
        tuning=TUNING_RUNS,
    output:
        report(
            "<results>/first_page.html",
            caption="captions/first_page.rst",
            category="Answer",
            labels={"shows": "the first page"},
        ),
    params:
        code=code_of("write_first_page"),
        tuning=[f"--tuning {path}" for path in TUNING_RUNS],
    log:
        "<results>/logs/write_first_page.log",
    localrule: True
    conda:
        "../envs/tunegrid.yaml"
    shell:
        'python "$TUNEGRID"/scripts/write_first_page.py --comparisons {input.comparisons}'
        " --overall {input.overall} --summary {input.summary} --memory {input.memory}"
        " --fits {input.fits} {params.tuning} --output {output} > {log} 2>&1"


rule write_workbook:
    input:
        runs="<results>/runs.parquet",
        summary="<results>/summary.parquet",
        comparisons="<results>/comparisons.parquet",
        overall="<results>/overall.csv",
        per_class="<results>/errors/per_class.csv",
        cost="<results>/cost.csv",
        memory="<results>/tables/memory.csv",
        cards=CARDS,
        published=PUBLISHED_NUMBERS,
        tuning=TUNING_RUNS,
    output:
        report(
            "<results>/results.xlsx",
            caption="captions/workbook.rst",
            category="Runs",
            labels={"shows": "workbook (.xlsx)"},
        ),
    params:
        code=code_of("write_workbook"),
        published=[f"--published {path}" for path in PUBLISHED_NUMBERS],
        tuning=[f"--tuning {path}" for path in TUNING_RUNS],
    log:
        "<results>/logs/write_workbook.log",
    localrule: True
    conda:
        "../envs/tunegrid.yaml"
    shell:
        'python "$TUNEGRID"/scripts/write_workbook.py --runs {input.runs} --summary {input.summary}'
        " --comparisons {input.comparisons} --overall {input.overall}"
        " --per-class {input.per_class} --cost {input.cost}"
        " --memory {input.memory} --cards {input.cards:q} {params.published} {params.tuning}"
        " --output {output}"
        " > {log} 2>&1"


# What every figure has in common. It is never run itself: a figure is a rule that uses it and says
# what differs. The name of each input is the option of the program that takes it.
rule plot_figure:
    params:
        inputs=input_options,
        options="",
        dpi=PROJECT.config.figures.dpi,
    log:
        "<results>/logs/plot_figure.log",
    localrule: True
    conda:
        "../envs/tunegrid.yaml"
    shell:
        'python "$TUNEGRID"/scripts/{params.program}.py {params.inputs} {params.options}'
        " --dpi {params.dpi} --output {output} > {log} 2>&1"


use rule plot_figure as plot_forest with:
    input:
        comparisons="<results>/comparisons.parquet",
        overall="<results>/overall.csv",
    output:
        **figure_files(
            "forest",
            caption="captions/forest.rst",
            category="Answer",
            labels={"shows": "what is lost"},
        ),
    params:
        code=code_of("plot_forest"),
        program="plot_forest",
    log:
        "<results>/logs/plot_forest.log",


use rule plot_figure as plot_bars with:
    input:
        summary="<results>/summary.parquet",
    output:
        **figure_files(
            "bars_{metric}",
            caption="captions/bars.rst",
            category="Quality",
            labels={"shows": "mean and spread", "metric": "{metric}"},
        ),
    params:
        code=code_of("plot_bars"),
        program="plot_bars",
        error_bar=ERROR_BAR,
        options=f"--metric {{metric}} --error-bar {ERROR_BAR}",
    log:
        "<results>/logs/plot_bars/{metric}.log",


use rule plot_figure as plot_methods with:
    input:
        runs="<results>/runs.parquet",
        summary="<results>/summary.parquet",
    output:
        **figure_files(
            "methods",
            caption="captions/methods.rst",
            category="Quality",
            labels={"shows": "methods compared", "metric": ", ".join(GRID_METRICS)},
        ),
    params:
        code=code_of("plot_methods"),
        program="plot_methods",
        error_bar=ERROR_BAR,
        options=f"--error-bar {ERROR_BAR}",
    log:
        "<results>/logs/plot_methods.log",


use rule plot_figure as plot_curves with:
    input:
        history="<results>/history.parquet",
        evaluations="<results>/evaluations.parquet",
        runs="<results>/runs.parquet",
    output:
        **figure_files(
            "curves_{task}",
            caption="captions/curves.rst",
            category="Runs",
            labels={"shows": "training curves", "task": "{task}"},
        ),
    params:
        code=code_of("plot_curves"),
        program="plot_curves",
        options="--task {task}",
    log:
        "<results>/logs/plot_curves/{task}.log",


use rule plot_figure as plot_confusion with:
    input:
        confusion="<results>/errors/confusion.csv",
        summary="<results>/summary.parquet",
        card="<results>/cards/{task}.json",
    output:
        **figure_files(
            "confusion_{task}",
            caption="captions/confusion.rst",
            category="Quality",
            labels={"shows": "confusion", "task": "{task}"},
        ),
    params:
        code=code_of("plot_confusion"),
        program="plot_confusion",
    log:
        "<results>/logs/plot_confusion/{task}.log",


use rule plot_figure as plot_pareto with:
    input:
        cost="<results>/cost.csv",
        summary="<results>/summary.parquet",
        comparisons="<results>/comparisons.parquet",
    output:
        **figure_files(
            "pareto",
            caption="captions/pareto.rst",
            category="Cost",
            labels={"shows": "quality against memory and time"},
        ),
    params:
        code=code_of("plot_pareto"),
        program="plot_pareto",
    log:
        "<results>/logs/plot_pareto.log",
