"""Times adelie and glmnet on the file of elastic_net_bench.rs: the same lambdas, one thread, no early end.

    cargo run --release -p stats --example elastic_net_bench -- make problem.f32
    cargo run --release -p stats --example elastic_net_bench -- fit problem.f32 > ours.json
    python elastic_net_rival.py problem.f32 ours.json

Needs adelie 1.1 (PyPI), or R with glmnet 4.1 (Debian: r-cran-glmnet); what is not installed is left out and said so.
adelie is given standardised columns, so that its time leaves standardising out; it is asked for f64 and for f32. Reading is
in nobody's time. Prints a line per rival: its seconds (and those of the CPU, which another program's load changes less),
that as a multiple of ours, and by how much the deviance per row differs at most.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

# Before numpy and adelie start their threads.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np

N_ROWS, N_FEATURES, ALPHA = 20_000, 1_280, 0.5

GLMNET = """
suppressMessages(library(glmnet))
arguments <- commandArgs(TRUE)
values <- readBin(arguments[1], "numeric", size = 4, n = %d * %d)
x <- matrix(values, nrow = %d, byrow = TRUE)
n <- nrow(x); y <- x[, ncol(x)]; x <- x[, -ncol(x)]
lambda <- scan(arguments[2], quiet = TRUE)
time <- system.time(fit <- glmnet(x, y, "binomial", alpha = %g, lambda = lambda))
cat(time[["elapsed"]], time[["user.self"]] + time[["sys.self"]], format((1 - fit$dev.ratio) * fit$nulldev, digits = 12), "\\n")
"""


def with_adelie(x, y, lambdas, dtype):
    import adelie

    x = x.astype(np.float64)
    x = np.asfortranarray((x - x.mean(axis=0)) / x.std(axis=0), dtype=dtype)
    started, cpu_started = time.perf_counter(), time.process_time()
    state = adelie.grpnet(
        x,
        adelie.glm.binomial(y.astype(dtype), dtype=dtype),
        alpha=ALPHA,
        lmda_path=np.array(lambdas, dtype=dtype),
        early_exit=False,
        n_threads=1,
        progress_bar=False,
    )
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu_started
    # Of its coefficients, in f64: its own deviances are those of f32 where that was asked for.
    eta = x.astype(np.float64) @ state.betas.toarray().T.astype(np.float64) + state.intercepts
    deviance = 2 * (np.logaddexp(0, eta) - y[:, None] * eta).sum(axis=0)
    return seconds, cpu, deviance


def with_glmnet(x, y, lambdas):
    with tempfile.TemporaryDirectory() as folder:
        table, path = f"{folder}/table.f32", f"{folder}/lambda"
        np.column_stack([x, y]).astype("<f4").tofile(table)
        np.savetxt(path, lambdas, fmt="%.17g")
        code = GLMNET % (N_ROWS, N_FEATURES + 1, N_ROWS, ALPHA)
        said = subprocess.run(
            ["Rscript", "-e", code, table, path], check=True, capture_output=True, text=True
        )
    seconds, cpu, *deviance = map(float, said.stdout.split())
    return seconds, cpu, np.array(deviance)


def main():
    values = np.fromfile(sys.argv[1], dtype="<f4")
    x = values[: N_ROWS * N_FEATURES].reshape(N_ROWS, N_FEATURES)
    y = values[N_ROWS * N_FEATURES :].astype(np.float64)
    with open(sys.argv[2]) as file:
        ours = json.load(file)
    rivals = {
        "adelie f64": lambda: with_adelie(x, y, ours["lambda"], np.float64),
        "adelie f32": lambda: with_adelie(x, y, ours["lambda"], np.float32),
        "glmnet": lambda: with_glmnet(x, y, ours["lambda"]),
    }
    if shutil.which("Rscript") is None:
        del rivals["glmnet"]
        print("glmnet is left out: there is no Rscript", file=sys.stderr)
    for name, run in rivals.items():
        try:
            seconds, cpu, deviance = run()
        except (ImportError, subprocess.CalledProcessError, RuntimeError) as error:
            print(f"{name} is left out: {getattr(error, 'stderr', error)}", file=sys.stderr)
            continue
        n = min(len(deviance), len(ours["deviance"]))
        difference = np.array(ours["deviance"][:n]) - deviance[:n]
        line = {
            "name": name,
            "seconds": seconds,
            "cpu_seconds": cpu,
            "times_ours": seconds / ours["seconds"],
            "lambdas": len(deviance),
            "largest_difference_of_deviance_per_row": float(np.abs(difference).max() / N_ROWS),
        }
        print(json.dumps(line), flush=True)


main()
