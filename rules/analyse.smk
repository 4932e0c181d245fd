# From the runs to one table of runs, and from that to means and variances.


rule expand_grid:
    input:
        all_choices,
    output:
        **GRID_FILES,
    params:
        code=code_of("expand_grid"),
        tuning=f"--tuning {RESULTS}/tuning/cells.csv" if TUNE else "",
        # What no cell depends on is left out, so that an edit of it does not come this way.
        config=digest(canonical_json(grid_configuration(PROJECT))),
        snapshot=snapshot_file,
    log:
        "<results>/logs/expand_grid.log",
    localrule: True
    conda:
        "../envs/tunegrid.yaml"
    shell:
        'python "$TUNEGRID"/scripts/expand_grid.py --configfile {params.snapshot:q}'
        " --output {output.cells} {params.tuning} > {log} 2>&1"


rule collect_runs:
    input:
        cells="<results>/cells.csv",
        scores="<results>/scores.parquet",
    output:
        parquet="<results>/runs.parquet",
        csv=report(
            "<results>/runs.csv",
            caption="captions/runs.rst",
            category="Runs",
            labels={"shows": "every run"},
        ),
        history="<results>/history.parquet",
    params:
        code=code_of("collect_runs"),
        results=results_folder,
        attempts=(
            f"--attempts {RESULTS}/.attempts --trials {RESULTS}/trials"
            if PROJECT.config.partial
            else ""
        ),
        found=runs_found,
    log:
        "<results>/logs/collect_runs.log",
    localrule: True
    conda:
        "../envs/tunegrid.yaml"
    shell:
        'python "$TUNEGRID"/scripts/collect_runs.py --cells {input.cells} --scores {input.scores}'
        " --runs {params.results}/runs"
        " {params.attempts} --parquet {output.parquet} --csv {output.csv} --history {output.history}"
        " > {log} 2>&1"


rule compare_methods:
    input:
        runs="<results>/runs.parquet",
        cards=CARDS,
    output:
        parquet="<results>/comparisons.parquet",
        csv="<results>/comparisons.csv",
        overall="<results>/overall.csv",
        mcnemar="<results>/mcnemar.csv",
        intervals="<results>/intervals.parquet",
    params:
        code=code_of("compare_methods"),
        results=results_folder,
        settings=canonical_json(PROJECT.config.compare.model_dump(mode="json")),
    log:
        "<results>/logs/compare_methods.log",
    threads: grid_threads
    localrule: True
    conda:
        "../envs/tunegrid.yaml"
    shell:
        'python "$TUNEGRID"/scripts/compare_methods.py --runs {input.runs} --root {params.results}/runs'
        " --cards {input.cards:q} --parquet {output.parquet} --csv {output.csv} --overall {output.overall}"
        " --mcnemar {output.mcnemar} --intervals {output.intervals} --settings {params.settings:q} --processes {threads} > {log} 2>&1"


rule summarise:
    input:
        runs="<results>/runs.parquet",
        cards=CARDS,
        intervals="<results>/intervals.parquet",
        evaluations="<results>/evaluations.parquet",
    output:
        parquet="<results>/summary.parquet",
        csv="<results>/summary.csv",
    params:
        code=code_of("summarise"),
    log:
        "<results>/logs/summarise.log",
    localrule: True
    conda:
        "../envs/tunegrid.yaml"
    shell:
        'python "$TUNEGRID"/scripts/summarise.py --runs {input.runs} --cards {input.cards:q}'
        " --intervals {input.intervals} --evaluations {input.evaluations}"
        " --parquet {output.parquet} --csv {output.csv} > {log} 2>&1"


rule count_errors:
    input:
        runs="<results>/runs.parquet",
    output:
        expand("<results>/errors/{table}.csv", table=ERRORS),
    params:
        code=code_of("count_errors"),
        results=results_folder,
    log:
        "<results>/logs/count_errors.log",
    localrule: True
    conda:
        "../envs/tunegrid.yaml"
    shell:
        'python "$TUNEGRID"/scripts/count_errors.py --runs {input.runs} --root {params.results}/runs'
        " --output {params.results}/errors > {log} 2>&1"


rule count_cost:
    input:
        runs="<results>/runs.parquet",
        memory="<results>/tables/memory.csv",
        tuning=TUNING_RUNS,
    output:
        "<results>/cost.csv",
    params:
        code=code_of("count_cost"),
        tuning=[f"--tuning {path}" for path in TUNING_RUNS],
    log:
        "<results>/logs/count_cost.log",
    localrule: True
    conda:
        "../envs/tunegrid.yaml"
    shell:
        'python "$TUNEGRID"/scripts/count_cost.py --runs {input.runs} --memory {input.memory}'
        " {params.tuning} --output {output} > {log} 2>&1"


if PAPERS:

    COMPARED = PUBLISHED_TABLES + (
        FINDING_TABLES if any(paper.findings for paper in PAPERS) else []
    )

    rule compare_published:
        input:
            summary="<results>/summary.parquet",
            cards=CARDS,
        output:
            expand("<results>/tables/{table}.{suffix}", table=COMPARED, suffix=TABLE_FILES),
            *[
                report(
                    f"<results>/tables/{table}.html",
                    caption="captions/tables.rst",
                    category="Published",
                    labels={"table": table},
                )
                for table in COMPARED
            ],
        params:
            code=code_of("compare_published"),
            results=results_folder,
            published=PROJECT.config.published,
            content=compared_content(),
        log:
            "<results>/logs/compare_published.log",
        localrule: True
        conda:
            "../envs/tunegrid.yaml"
        shell:
            'python "$TUNEGRID"/scripts/compare_published.py --published {params.published:q}'
            " --summary {input.summary} --cards {input.cards:q} --output {params.results}/tables > {log} 2>&1"
