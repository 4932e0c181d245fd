# tunegrid: fine-tune language models over a grid of models, tasks, methods and seeds.
from pathlib import Path

from snakemake.utils import min_version

min_version("9.27")

# The report's grid, unless the command line names another.
if not workflow.configfiles:

    configfile: Path(workflow.basedir, "config", "config.yaml")


report: "rules/captions/workflow.rst"


include: "rules/common.smk"
include: "rules/cells.smk"
include: "rules/sources.smk"
include: "rules/papers.smk"
include: "rules/cluster.smk"
include: "rules/data.smk"
include: "rules/check.smk"
include: "rules/train.smk"
include: "rules/score.smk"
include: "rules/memory.smk"
include: "rules/analyse.smk"
include: "rules/render.smk"
include: "rules/tuning.smk"
include: "rules/tune.smk"
include: "rules/collect.smk"


onerror:
    logger.error(FAILED_JOBS.summary(sys.argv[1:]))


rule all:
    default_target: True
    input:
        rules.workbook.input,
        rules.tables.input,
        rules.figures.input,
    localrule: True
