# What rules ask of the papers that results are compared to.


def compared_content():
    """What is compared of the papers, as JSON: an edit of it reruns the comparison.

    The files are no inputs: those of the workflow's own may move with it.
    """
    return canonical_json(
        [
            {
                "numbers": sha256(paper.numbers_file),
                "notes": list(paper.notes),
                "findings": [finding.model_dump(mode="json") for finding in paper.findings],
            }
            for paper in PAPERS
        ]
    )


def recount_setup():
    """What of a paper's memory example is traced again, as JSON."""
    entries = {name: entry.settings() for name, entry in PROJECT.methods.items()}
    return canonical_json(PAPER_WITH_MEMORY.memory.recount_setup(entries))


def memory_example_content():
    """What the tables of a paper's memory example show of it, as JSON."""
    case = PAPER_WITH_MEMORY.memory
    figures = [[figure.method, figure.component, figure.gigabytes] for figure in case.figures]
    return canonical_json({"example": case.example.model_dump(mode="json"), "figures": figures})
