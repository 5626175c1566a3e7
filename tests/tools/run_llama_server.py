"""Run llama.cpp's own HTTP server, from the wheel of ``xllamacpp``, until stdin closes.

    python run_llama_server.py tiny.gguf [--context N] [--parallel N] [--api-key KEY]

Prints ``listening URL`` once it takes requests.  It takes a free port, and ends
with whoever started it: when its standard input is closed.
"""

from __future__ import annotations

import argparse
import os
import sys

import xllamacpp


def main() -> None:
    parser = argparse.ArgumentParser(description="Run a llama.cpp server until stdin closes.")
    parser.add_argument("model")
    parser.add_argument("--context", type=int, default=512, help="tokens per slot")
    parser.add_argument("--parallel", type=int, default=2, help="slots")
    parser.add_argument("--api-key")
    arguments = parser.parse_args()

    parameters = xllamacpp.CommonParams()
    parameters.model.path = arguments.model
    parameters.model_alias = {"tiny"}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.n_parallel = arguments.parallel
    parameters.n_ctx = arguments.context * arguments.parallel
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    parameters.warmup = False
    if arguments.api_key:
        parameters.api_keys = [arguments.api_key]
    server = xllamacpp.Server(parameters)
    print("listening", server.listening_address, flush=True)
    sys.stdin.read()
    # The server's own threads may be in the middle of an answer.
    os._exit(0)


if __name__ == "__main__":
    main()
