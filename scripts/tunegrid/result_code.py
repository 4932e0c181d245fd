"""Which code decides a result: modules of the expensive programs, stated in one place.

`tunegrid.staleness` makes digests of them, and says what they are for.
"""

#: The modules, below `tunegrid`, that a reader is made of beside its own (`name.*`: a package).
BEHIND_READER: dict[str, list[str]] = {
    "table": ["tasks.row_drops", "tasks.row_labels", "tasks.tables.*"],
}

#: The modules that decide the results of the expensive programs, below `tunegrid`. `module:name` is
#: one function, class or constant of a module.
DECIDES: dict[str, list[str]] = {
    "fetch_model": ["archives", "model_addresses", "models", "path_patterns"],
    "fetch_task": [  # and the task's own reader
        "archives",
        "files:matching_files",
        "path_patterns",
        "tasks.cutting",
        "tasks.example_checks",
        "tasks.fetching",
        "tasks.reader_options",
        "tasks.readers",
        "tasks.readers.example",
        "tasks.label_kinds",
        "tasks.source_paths",
        "tasks.sources",
        "tasks.spelling",
        "tasks.splits",
        "tasks.targets",
        "tasks.task_file",
    ],
    "encode_task": [
        "tasks.encoding",
        "tasks.input_length",
        "tasks.label_kinds",
        "tasks.preparing",
        "tasks.splits",
        "tasks.tokenising",
    ],
    "train": [  # and the metric that selects the epoch, where one does
        "adapter_interface",
        "block_calls",
        "block_layout",
        "methods",
        "peft_methods",
        "tasks.few_shot",
        "training.batching",
        "training.encoded_splits",
        "training.evaluation_guard",
        "training.finetune",
        "training.gradients",
        "training.input_columns",
        "training.loading_weights",
        "training.method_proof",
        "training.model_building",
        "training.probing",
        "training.randomness",
        "training.run_files",
        "training.run_state",
        "training.schedule",
        "training.selection",
        "training.step_guard",
        "training.trimming",
        "training.weight_names",
    ],
    "try_cell": [
        "adapter_interface",
        "block_calls",
        "block_layout",
        "methods",
        "peft_methods",
        "training.batching",
        "training.input_columns",
        "training.kept_weights",
        "training.loading_weights",
        "training.method_proof",
        "training.model_building",
        "training.probing",
        "training.trial",
        "training.trial_proofs",
        "training.trimming",
        "training.weight_names",
    ],
    "predict_memory": [
        "adapter_interface",
        "block_calls",
        "block_layout",
        "memory",
        "memory.analysis",
        "memory.fake_tensors",
        "memory.fit",
        "memory.formula",
        "memory.model_shapes",
        "memory.predict",
        "memory.records",
        "memory.workload",
        "methods",
        "peft_methods",
    ],
    "measure_memory": [
        "adapter_interface",
        "block_calls",
        "block_layout",
        "memory",
        "memory.analysis",
        "memory.fake_tensors",
        "memory.measure",
        "memory.model_shapes",
        "memory.predict",
        "memory.records",
        "memory.workload",
        "methods",
        "peft_methods",
    ],
}
#: The keywords of a metric that say how it is shown, and decide no epoch that it selects.
DISPLAY = {"title", "noun", "unit", "source", "compared"}
#: A pack trains what `train` trains.
DECIDES["train_pack"] = DECIDES["train"]

#: What those programs import beside, below `tunegrid` (`name.*`: a package and all that is in it),
#: and why it decides nothing of their results.
DECIDES_NOTHING: dict[str, str] = {
    "": "the version of the workflow",
    "cli": "arguments, the log, and how a program ends",
    "cluster.*": "what jobs ask of a cluster and how they end",
    "config.*": "defaults and checks; the settings that they end in are a rule's parameters",
    "errors": "texts",
    "files": "files are written whole; what is in them is decided elsewhere",
    "hub": "what comes from a hub is held against its checksums",
    "metrics": "scores are computed from the predictions by a rule of its own",
    "packages": "what comes from a package is pinned by its version",
    "path_patterns": "which files are taken, which are named with their checksums",
    "paths": "where things lie",
    "planning.*": "the cells that it makes are a rule's parameters",
    "provenance": "what is known of a run beside its result",
    "requesting": "how often and how long a server is asked",
    "results": "names; another name is another output",
    "settings": "the settings are a rule's parameters",
    "source_files": "how code is read and compared",
    "staleness": "how code is compared",
    "result_code": "this module",
    "tasks": "the package's own text",
    "training.checkpoints": "a run that goes on ends bitwise as one that was never interrupted",
    "training.devices": "what is recorded of the device",
    "training.energy": "what is recorded of the energy",
    "training.finished_runs": "copies of finished runs",
    "training.kept_weights": "how weights are kept",
    "training.launching": "how several processes are started",
    "training.make_run": "what protects a run",
    "training.micro_batch": "how many examples are computed at once, which the run records",
    "training.packing": "a packed run is bitwise the run that is trained alone",
    "training.progress_bar": "what is shown on a terminal",
    "training.run_lock": "no two processes make one run",
    "training.run_request": "what a program is asked for",
    "training.scratch": "where model and data are read from",
    "stopping": "being asked to stop",
    "training": "the package's own text",
    "web": "what comes from an address is held against its checksum",
    "weights_files": "damaged files are refused; nothing is made of the others",
}


#: The same of single programs, for whom a package is more than it is for the others.
OF_ONE_PROGRAM: dict[str, dict[str, str]] = {
    "fetch_task": {
        "tasks.cards": "what the log warns of",
        "tasks.few_shot": "a type of the cards",
    },
    "encode_task": {"tasks.few_shot": "a run draws its examples itself, where it is trained"},
    "train": {
        "memory.*": "proposes how many examples are computed at once, which the run records",
        "tasks.label_kinds": "tells what a split holds, which the run records",
        "tasks.splits": "counts what a split holds, which the run records",
    },
    "predict_memory": {"memory.measure": "nothing is measured"},
    "measure_memory": {
        "memory.fit": "what a GPU must have is not measured",
        "memory.formula": "the formula is not measured",
    },
}
OF_ONE_PROGRAM["train_pack"] = OF_ONE_PROGRAM["train"] | {
    "statistics.*": "how candidates are ranked, which decides whether they go on",
    "tuning.*": "which candidates go on; each is a run by itself",
}
OF_ONE_PROGRAM["try_cell"] = OF_ONE_PROGRAM["train"] | {
    "tasks.few_shot": "which examples are drawn makes no model unfit",
    "training.*": "how a run is trained, not whether its model can be",
}
