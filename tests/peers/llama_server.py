"""Serves a GGUF model with llama.cpp's own HTTP server: `llama_server.py MODEL CONTEXT`.

Prints the address that it listens on. Not here: what is asked of it (llama.mjs).
"""

import sys
import threading

import xllamacpp

params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.n_ctx = int(sys.argv[2])
params.hostnames = ["127.0.0.1"]
params.port = 0
# One at a time, so that each request has the whole context.
params.n_parallel = 1
server = xllamacpp.Server(params)
print(f"listening on {server.listening_address}", flush=True)
threading.Event().wait()
